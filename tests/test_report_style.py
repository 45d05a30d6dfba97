"""What the report's figures share."""

from __future__ import annotations

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.lines import Line2D

from nnunetv2_ducisc.evaluation.analysis.report.style import legend_below, panels, style

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(("label", "columns"), [("LV", 6), ("right ventricle: error 0.217", 3)])
def test_a_legend_is_as_wide_as_its_figure_at_most(label: str, columns: int):
    """Six short names stand in a line; of long ones, 2.2 inches each, no four fit in 8.4 inches."""
    with style():
        figure, _ = panels(1, 2, 4.2, 2.8)
        legend_below(figure, [Line2D([], [], label=label)] * 6)
        (legend,) = figure.legends
        FigureCanvasAgg(figure).draw()
        box = legend.get_window_extent()
    assert box.x0 >= 0 and box.x1 <= figure.bbox.x1
    left = {round(text.get_window_extent().x0) for text in legend.get_texts()}
    assert len(left) == columns
