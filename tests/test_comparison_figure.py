"""The figure of ``ducisc compare``: the differences of every case and their mean."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nnunetv2_ducisc.evaluation.comparison.comparison import compare
from nnunetv2_ducisc.evaluation.comparison.figure import differences_figure
from nnunetv2_ducisc.evaluation.comparison.sample import Sample
from nnunetv2_ducisc.evaluation.metrics_file import METRICS

pytestmark = pytest.mark.unit


def draw(metrics: dict[str, tuple[float, ...]], classes: tuple[str | None, ...]) -> Figure:
    """The figure of these differences, the same in all classes."""
    found = [
        Sample(METRICS[name], class_name, np.zeros(len(values)), np.array(values))
        for class_name in classes
        for name, values in metrics.items()
    ]
    return differences_figure(compare(found), ("stock", "ours"))


def points(panel: Axes) -> list[np.ndarray]:
    """The positions along x of each class's points."""
    return [np.asarray(collection.get_offsets())[:, 0] for collection in panel.collections]


def test_the_figure_shows_every_case_of_every_class_and_the_mean() -> None:
    values = (0.1, -0.05, 0.25)
    (panel,) = draw({"dice": values}, (None, "left", "right")).axes
    assert [label.get_text() for label in panel.get_yticklabels()] == [
        "mean of classes", "left", "right",
    ]  # fmt: skip
    assert len(points(panel)) == 3
    for of_class in points(panel):
        np.testing.assert_allclose(of_class, values)
    bars, means = panel.lines[0:6:2], panel.lines[1:6:2]
    for place, (bar, mean) in enumerate(zip(bars, means, strict=True)):
        assert bar.get_xdata()[0] < 0.1 < bar.get_xdata()[1]
        assert (mean.get_xdata()[0], mean.get_ydata()[0]) == (pytest.approx(0.1), place)


def test_every_metric_has_a_panel_with_its_unit_and_its_better_side() -> None:
    spread = (0.1, -0.1)
    figure = draw({"dice": spread, "hd95_mm": spread, "asd_voxels": spread}, ("left",))
    dice, distance, voxels = figure.axes
    assert [panel.get_xlabel() for panel in figure.axes] == [
        "difference", "difference in mm", "difference in voxels",
    ]  # fmt: skip
    assert (dice.get_title("left"), dice.get_title("right")) == ("← stock better", "ours better →")
    for panel in (distance, voxels):
        assert panel.get_title("left") == "← ours better"
        assert panel.get_title("right") == "stock better →"


@pytest.mark.parametrize(
    ("values", "scale"),
    [((1, 2, -3), "linear"), ((1, 1, -2, 90), "symlog"), ((0, 0, 0), "linear"), ((2,), "linear")],
)
def test_zero_is_in_the_middle_and_no_case_outside(values: tuple[float, ...], scale: str) -> None:
    (panel,) = draw({"hd95_mm": values}, ("left",)).axes
    low, high = panel.get_xlim()
    assert panel.get_xscale() == scale and low == -high
    assert high > max(map(abs, values))
    assert ("logarithmic beyond ±" in panel.get_xlabel()) == (scale == "symlog")


def test_any_name_and_many_classes_can_be_drawn(tmp_path: Path) -> None:
    classes = tuple(f"${number}_$ a very long name of a class {{" for number in range(30))
    figure = draw({"dice": (0.1, 0.2)}, classes)
    figure.savefig(tmp_path / "figure.png")
    colors = {tuple(c.get_facecolor()[0]) for c in figure.axes[0].collections}
    assert len(colors) == 30


def test_a_class_without_distances_keeps_its_place_in_the_figure() -> None:
    """Left has Dice alone: the distance of right still stands in the second line."""
    spread = np.array([0.1, -0.1])
    found = [
        Sample(METRICS[metric], name, np.zeros(2), spread)
        for name, metric in (("left", "dice"), ("right", "dice"), ("right", "hd95_mm"))
    ]
    _, distance = differences_figure(compare(found), ("stock", "ours")).axes
    (of_right,) = distance.collections
    assert np.all(np.abs(np.asarray(of_right.get_offsets())[:, 1] - 1) < 0.5)
