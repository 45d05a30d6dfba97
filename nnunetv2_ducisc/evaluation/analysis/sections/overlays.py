"""Test cases with the contours of truth and prediction, in three planes: Fig. 2 to 4."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from nnunetv2_ducisc.evaluation.analysis.report.section import Picture, Section
from nnunetv2_ducisc.evaluation.analysis.report.style import (
    PAGE,
    Color,
    class_colors,
    legend_below,
    short,
)
from nnunetv2_ducisc.evaluation.analysis.report.text import ratio
from nnunetv2_ducisc.evaluation.analysis.sections.held_out import HeldOutCase, HeldOutCases
from nnunetv2_ducisc.evaluation.analysis.sections.planes import AXES, Plane, planes, surroundings
from nnunetv2_ducisc.evaluation.analysis.subject import Subject

_KEY, _TITLE = "test_cases", "Test cases"
# A little inside a structure, so that the lines of two that touch lie beside each other.
_LEVEL = 0.7

Labels = tuple[int, ...]


def overlay_section(subject: Subject) -> Section:
    """A row a case."""
    held_out = HeldOutCases.of(subject)
    if not held_out.names:
        sentence = "There are no test cases: expected images in imagesTs, their truth in labelsTs."
        return Section(_KEY, _TITLE, (sentence,))
    if subject.predictions is None:
        cases, network = held_out.predicted(), next(iter(subject.model.networks))
        which = f"{len(cases)} of {len(held_out.names)} test cases, predicted by the {network}"
    else:
        cases, number = held_out.worst_median_best(subject.predictions)
        which = f"The worst, the median and the best by mean Dice of {number} predicted test cases"
    caption = (
        f"{which}. Each plane goes through the largest area of the truth; the prediction is wrong "
        "where a dashed line leaves the solid one of its color."
    )
    picture = Picture("test_cases", _figure(cases, subject.unit, held_out.classes.labels), caption)
    numbers = {
        "predictions": "made for this report" if subject.predictions is None else "given",
        "dice": {case.name: dict(case.dice) for case in cases},
    }
    return Section(_KEY, _TITLE, (), (), (), (picture,), numbers)


def _figure(cases: Sequence[HeldOutCase], unit: str, classes: Mapping[str, Labels]) -> Figure:
    of_color = {
        color: classes[name] for name, color in class_colors([*classes]).items() if name in classes
    }
    is_2d = cases[0].truth.labels.ndim == 2
    size = (0.4 * PAGE * len(cases), 4.2) if is_2d else (PAGE, 3.3 * len(cases) + 0.4)
    figure = Figure(figsize=size)
    grid = (1, len(cases)) if is_2d else (len(cases), 1)
    for part, case in zip(figure.subfigures(*grid, squeeze=False).flat, cases, strict=True):
        part.suptitle(f"{short(case.name)}: mean Dice {ratio(case.mean_dice)}", fontweight="bold")
        places = planes(_in_any(of_color, case.truth.labels))
        row = part.subplots(1, len(places), squeeze=False)[0]
        for panel, plane in zip(row, places, strict=True):
            _draw(panel, case, plane, of_color)
            _label(panel, case, plane, unit)
    handles = [
        Line2D([], [], color="black", linestyle="-", label="truth"),
        Line2D([], [], color="black", linestyle="--", label="prediction"),
    ]
    names = zip(classes, of_color, strict=True)
    handles += [Line2D([], [], color=color, label=short(name)) for name, color in names]
    legend_below(figure, handles)
    return figure


def _draw(panel: Axes, case: HeldOutCase, plane: Plane, of_color: Mapping[Color, Labels]) -> None:
    """The image in units of length, and the contours of all classes on it."""
    height, width = (case.truth.spacing[axis] for axis in (plane.rows, plane.columns))
    image = plane.of(case.image)
    low, high = np.percentile(case.image, (0.5, 99.5))
    extent = (0, image.shape[1] * width, image.shape[0] * height, 0)
    panel.imshow(image, cmap="gray", vmin=low, vmax=high, extent=extent)
    truth, prediction = plane.of(case.truth.labels), plane.of(case.prediction)
    for labels, style in ((truth, "-"), (prediction, "--")):
        for color, values in of_color.items():
            _contour(panel, np.isin(labels, values), (height, width), color, style)
    rows, columns = surroundings(_in_any(of_color, truth) | _in_any(of_color, prediction))
    panel.set_xlim(columns[0] * width, columns[1] * width)
    panel.set_ylim(rows[1] * height, rows[0] * height)


def _label(panel: Axes, case: HeldOutCase, plane: Plane, unit: str) -> None:
    axes = AXES[-case.image.ndim :]
    if axes[plane.rows] == "z":  # patients are stored from the feet to the head
        panel.invert_yaxis()
    panel.set(xlabel=f"{axes[plane.columns]} ({unit})", ylabel=f"{axes[plane.rows]} ({unit})")
    if plane.axis is not None:
        place = (plane.index + 0.5) * case.truth.spacing[plane.axis]
        panel.set_title(f"{axes[plane.axis]} = {place:.1f} {unit}")
    panel.grid(visible=False)


def _in_any(of_color: Mapping[Color, Labels], labels: np.ndarray) -> NDArray[np.bool_]:
    """Where there is one of the classes; the ignore label is none."""
    return np.isin(labels, [value for values in of_color.values() for value in values])


def _contour(
    panel: Axes, mask: NDArray[np.bool_], spacing: tuple[float, ...], color: Color, style: str
) -> None:
    if mask.any():
        padded = np.pad(mask, 1).astype(float)  # so that a contour at the border closes
        y, x = ((np.arange(n) - 0.5) * mm for n, mm in zip(padded.shape, spacing, strict=True))
        panel.contour(x, y, padded, [_LEVEL], colors=[color], linestyles=style, linewidths=1.4)
