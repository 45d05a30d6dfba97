"""Is the pseudo label right as often as the network is sure of it?"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from nnunetv2_ducisc.evaluation.analysis.measures.calibration import BINS, Calibration
from nnunetv2_ducisc.evaluation.analysis.report.section import Headline, Picture, Section
from nnunetv2_ducisc.evaluation.analysis.report.style import (
    Color,
    class_colors,
    legend_below,
    panels,
    short,
)
from nnunetv2_ducisc.evaluation.analysis.report.text import ratio
from nnunetv2_ducisc.evaluation.analysis.subject import Subject

_KEY, _TITLE = "calibration", "Calibration of the pseudo label"


def calibration_section(subject: Subject) -> Section:
    """Reliability diagram and expected calibration error, where truth is known."""
    seen, model = subject.seen_unlabeled, subject.model
    if seen is None or not seen.with_truth:
        return Section(_KEY, _TITLE, ("That needs truth of unlabeled images, in labelsUn.",))
    errors = {name: seen.calibration.expected_error([c]) for c, name in enumerate(model.classes)}
    foreground = seen.calibration.expected_error(model.foreground)
    sentence = (
        f"Of {len(seen.with_truth)} unlabeled cases, by the {model.labeler}. The expected "
        "calibration error is the mean distance of a voxel's bin from the diagonal; that of the "
        "foreground leaves the background out, where most voxels are plain."
    )
    caption = (
        "Left: how often the pseudo label is right where the network is this sure of it (bins with "
        "at least 0.1 % of the class's voxels); below the diagonal it is too sure of itself. "
        "Right: how many voxels it is how sure of"
    )
    if model.semi is not None:
        caption += "; dashed: the threshold of the class"
    figure = _figure(subject, seen.calibration, errors)
    picture = Picture("calibration", figure, f"{caption}.")
    headline = Headline("Calibration error", ratio(foreground), "foreground, expected; 0 is best")
    numbers: dict[str, Any] = {
        "expected_calibration_error": {"foreground": foreground, **errors},
        "bins": BINS,
        "voxels": dict(zip(model.classes, seen.calibration.count.tolist(), strict=True)),
        "sum_of_confidence": dict(
            zip(model.classes, seen.calibration.confidence.tolist(), strict=True)
        ),
        "right": dict(zip(model.classes, seen.calibration.right.tolist(), strict=True)),
    }
    return Section(_KEY, _TITLE, (sentence,), (headline,), (), (picture,), numbers)


def _figure(subject: Subject, calibration: Calibration, errors: dict[str, float | None]) -> Figure:
    model = subject.model
    colors = class_colors(model.classes)
    figure, [[left, right]] = panels(1, 2, 4.2, 3.2)
    left.plot([0, 1], [0, 1], color="black", linewidth=0.8)
    for of_class, name in enumerate(model.classes):
        confidence, accuracy = calibration.curve(of_class, least=0.001)
        left.plot(confidence.numpy(), accuracy.numpy(), ".-", color=colors[name])
        _draw_histogram(right, calibration, of_class, colors[name])
        if model.semi is not None:
            right.axvline(model.thresholds[of_class].item(), color=colors[name], linestyle="--")
    left.set(xlabel="confidence (no unit)", ylabel="share that is right", xlim=(0, 1.01))
    left.set(ylim=(0, 1.01), aspect="equal", title="Reliability")
    right.set(xlabel="confidence (no unit)", ylabel="share of the class's voxels (%)")
    right.set(yscale="log", xlim=(0, 1.01), title="Confidence")
    right.yaxis.set_major_formatter("{x:g}")
    handles = [
        Line2D([], [], color=colors[name], label=f"{short(name)}: error {ratio(error)}")
        for name, error in errors.items()
    ]
    legend_below(figure, handles, most=4)
    return figure


def _draw_histogram(panel: Axes, calibration: Calibration, of_class: int, color: Color) -> None:
    count = calibration.count[of_class].numpy()
    if count.sum():
        panel.stairs(100 * count / count.sum(), np.linspace(0, 1, BINS + 1), color=color)
