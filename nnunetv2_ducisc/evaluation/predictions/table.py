"""The table that is printed."""

from __future__ import annotations

from collections.abc import Iterable

from nnunetv2_ducisc.evaluation.metrics_file import METRICS, Metric
from nnunetv2_ducisc.evaluation.predictions.summary import Group, Spread, Summary

_COUNTS = ("missed", "spurious", "absent")
_COUNTS_BY_IGNORED = ("hidden", "no_distance")
_LEGEND = (
    "Cells: mean ± standard deviation (median) over n cases. Dice and Jaccard go from 0 to 1.\n"
    "missed: the prediction lacks the structure; spurious: the reference lacks it. Either counts "
    "with Dice 0\nand the volume's diagonal as distance. absent: both lack it; in no mean."
)
_LEGEND_OF_IGNORED = (
    "Ignored voxels hide surface. no distance: all of the reference's, in no mean of distances;\n"
    "hidden: all of the prediction's, which counts with the diagonal."
)


def table(summary: Summary) -> str:
    """A row for each class, one for the means over the classes, and what the cells hold."""
    metrics, everything = summary.over_classes.metrics, summary.over_classes
    hides = any(getattr(everything, count) for count in _COUNTS_BY_IGNORED)
    counts = (*_COUNTS, *_COUNTS_BY_IGNORED) if hides else _COUNTS
    heads = [count.replace("_", " ") for count in counts]
    rows = [["class", "n", *(_heading(METRICS[name]) for name in metrics), *heads]]
    rows += [_cells(name, group, counts) for name, group in summary.per_class.items()]
    if len(summary.per_class) > 1:
        rows.append(_cells("mean of classes", everything, counts))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    return "\n".join([*lines, _LEGEND, *[_LEGEND_OF_IGNORED] * hides])


def _heading(metric: Metric) -> str:
    return f"{metric.title} [{metric.unit}]" if metric.unit else metric.title


def _cells(name: str, group: Group, counts: Iterable[str]) -> list[str]:
    cells = [_cell(spread, METRICS[metric].unit) for metric, spread in group.metrics.items()]
    return [name, str(group.n), *cells, *(str(getattr(group, count)) for count in counts)]


def _cell(spread: Spread, unit: str) -> str:
    """Distances with two decimals, ratios with four."""
    if spread.mean is None:
        return "-"
    digits = 2 if unit else 4
    mean, sd, median = (
        "-" if value is None else f"{value:.{digits}f}"
        for value in (spread.mean, spread.sd, spread.median)
    )
    return f"{mean} ± {sd} ({median})"
