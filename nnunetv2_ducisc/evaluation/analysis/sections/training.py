"""How thresholds and pass rates went during training."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

from nnunetv2_ducisc.evaluation.analysis.report.section import Picture, Section
from nnunetv2_ducisc.evaluation.analysis.report.style import (
    class_colors,
    legend_below,
    panels,
    short,
)
from nnunetv2_ducisc.evaluation.analysis.subject import Subject
from nnunetv2_ducisc.figures import drawn_classes, spans_magnitudes
from nnunetv2_ducisc.progress import Row

_KEY, _TITLE = "training", "Thresholds during training"
_QUANTITIES = {
    "threshold": "Threshold (Eq. 8)",
    "pass_rate": "Pseudo label that passed",
    "share": "Classes of the pseudo label",
}
_UNITS = {
    "threshold": "probability",
    "pass_rate": "share of the class",
    "share": "share of all voxels",
}


def training_section(subject: Subject) -> Section:
    """The curves of the checkpoint's log, which is that of ducisc_log.csv."""
    model = subject.model
    if model.semi is None:
        sentence = "This training used no unlabeled image, and so had no threshold to pass."
        return Section(_KEY, _TITLE, (sentence,))
    rows, warmup = model.semi.rows, model.semi.settings.warmup_iterations
    caption = (
        "A threshold that follows the confidence is the method at work; a class whose share drifts "
        "away from the anatomy's, or that vanishes, is confirmation bias. Gray: warm-up, without "
        "unlabeled images."
    )
    figure, [row] = panels(1, 3, 3.3, 2.6)
    colors = class_colors(model.classes)
    for panel, quantity in zip(row, _QUANTITIES, strict=True):
        for name in drawn_classes(quantity, model.classes):
            values = [epoch.get(f"{quantity}_{name}", np.nan) for epoch in rows]
            panel.plot([epoch["epoch"] for epoch in rows], values, ".-", color=colors[name])
        _finish(panel, quantity, rows, warmup)
    handles = [Line2D([], [], color=colors[name], label=short(name)) for name in model.classes]
    legend_below(figure, handles)
    picture = Picture("training", figure, caption)
    return Section(_KEY, _TITLE, (), (), (), (picture,), {"epochs": rows})


def _finish(panel: Axes, quantity: str, rows: list[Row], warmup: int) -> None:
    panel.set(title=_QUANTITIES[quantity], ylabel=_UNITS[quantity], xlabel="epoch")
    panel.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    if quantity != "share":
        panel.set_ylim(0, 1.02)
    elif spans_magnitudes(np.concatenate([line.get_ydata() for line in panel.get_lines()])):
        panel.set_yscale("log")
        low, high = panel.get_ylim()
        panel.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 50 * low else (1,)))
        panel.yaxis.set_major_formatter("{x:g}")
        panel.yaxis.set_minor_formatter(NullFormatter())
    supervised = [epoch["epoch"] for epoch in rows if epoch["iteration"] <= warmup]
    if supervised:
        panel.axvspan(-0.5, supervised[-1] + 0.5, color="#dddddd", zorder=0)
    panel.set_xlim(-0.5, rows[-1]["epoch"] + 0.5)
