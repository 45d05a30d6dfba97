"""The paired differences as a figure: a panel a metric, a line a class, a point a case."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nnunetv2_ducisc.evaluation.comparison.comparison import Comparison
from nnunetv2_ducisc.evaluation.comparison.pairing import Names
from nnunetv2_ducisc.evaluation.comparison.sample import Values
from nnunetv2_ducisc.evaluation.comparison.statistics import CONFIDENCE
from nnunetv2_ducisc.evaluation.comparison.table import class_title
from nnunetv2_ducisc.evaluation.metrics_file import Metric

# Safe for color-blind eyes (Okabe and Ito); the mean over classes is gray.
_COLORS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442")
_GRAY = "#777777"


def differences_figure(results: Sequence[Comparison], names: Names, unit: str = "case") -> Figure:
    """Draw B - A of every case or other unit, its mean and the interval of the mean."""
    by_metric: dict[Metric, list[Comparison]] = {}
    for result in results:
        by_metric.setdefault(result.sample.metric, []).append(result)
    colors = _class_colors(result.sample.class_name for result in results)
    classes = list(dict.fromkeys(result.sample.class_name for result in results))
    figure, panels = _grid(len(by_metric), len(classes))
    shown = _plain(names)
    for panel, (metric, of_metric) in zip(panels, by_metric.items(), strict=True):
        _draw(panel, of_metric, colors, classes)
        _label(panel, metric, shown)
        _scale(panel, np.concatenate([result.sample.difference for result in of_metric]))
    figure.supxlabel(
        f"difference: {shown[1]} - {shown[0]};  point: {unit};  "
        f"diamond and bar: mean and its {CONFIDENCE:.0%} interval",
        fontsize="small",
    )
    return figure


def _grid(number: int, lines: int) -> tuple[Figure, list[Axes]]:
    """Two columns of panels, none of them empty."""
    columns = min(2, number)
    rows = math.ceil(number / columns)
    size = (1 + 5 * columns, 0.3 + rows * (1.2 + 0.5 * lines))
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False, sharey=True).ravel()
    for panel in panels[number:]:
        panel.remove()
    return figure, panels[:number].tolist()


def _class_colors(classes: Iterable[str | None]) -> dict[str | None, Any]:
    own = [name for name in dict.fromkeys(classes) if name is not None]
    many = matplotlib.colormaps["turbo"](np.linspace(0, 1, len(own)))
    colors = zip(own, _COLORS if len(own) <= len(_COLORS) else many, strict=False)
    return dict(chain([(None, _GRAY)], colors))


def _draw(
    panel: Axes,
    results: Sequence[Comparison],
    colors: Mapping[str | None, Any],
    classes: Sequence[str | None],
) -> None:
    """The classes from top to bottom; points are shaken up and down to be seen apart."""
    shake = np.random.default_rng(0)
    for result in results:
        place = classes.index(result.sample.class_name)
        values, mean = result.sample.difference, result.difference
        heights = place + shake.uniform(-0.25, 0.25, len(values))
        color = colors[result.sample.class_name]
        panel.scatter(values, heights, s=16, color=color, alpha=0.6, linewidths=0)
        panel.plot(result.interval or (mean, mean), (place, place), color="black", linewidth=2)
        panel.plot(mean, place, "D", color="white", markeredgecolor="black")
    panel.axvline(0, color="black", linewidth=0.8, zorder=0)
    panel.set_yticks(range(len(classes)), _plain(map(class_title, classes)))
    panel.set_ylim(len(classes) - 0.5, -0.5)
    panel.grid(axis="x", alpha=0.3)


def _label(panel: Axes, metric: Metric, names: Sequence[str]) -> None:
    a, b = names
    better, left, right = ((0.5, 1), a, b) if metric.higher_is_better else ((0, 0.5), b, a)
    panel.axhspan(*panel.get_ylim(), *better, color="#009E73", alpha=0.08, linewidth=0, zorder=0)
    panel.set_title(metric.title, fontweight="bold")
    panel.set_title(f"← {left} better", loc="left", fontsize="small")
    panel.set_title(f"{right} better →", loc="right", fontsize="small")
    panel.set_xlabel("difference" + f" in {metric.unit}" * bool(metric.unit))


def _scale(panel: Axes, differences: Values) -> None:
    """Zero in the middle; logarithmic far out where a few cases differ by far more than most."""
    sizes = np.abs(differences[differences != 0])
    limit = 1.1 * sizes.max() if len(sizes) else 1.0
    panel.set_xlim(-limit, limit)
    if len(sizes) and limit > 30 * np.median(sizes):
        linear = 10 ** math.ceil(math.log10(np.median(sizes)))
        panel.set_xscale("symlog", linthresh=linear, linscale=2)
        panel.set_xlim(-1.5 * limit, 1.5 * limit)
        panel.xaxis.set_major_formatter("{x:g}")
        panel.set_xlabel(f"{panel.get_xlabel()} (logarithmic beyond ±{linear:g})")


def _plain(texts: Iterable[str]) -> list[str]:
    """Of bearable length, and without the mathematics that matplotlib sees between dollars."""
    short = (text if len(text) <= 20 else f"{text[:9]}…{text[-10:]}" for text in texts)
    return [text.replace("$", r"\$") for text in short]
