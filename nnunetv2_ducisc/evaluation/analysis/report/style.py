"""How figures look."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any, TypeAlias

import matplotlib
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

Color: TypeAlias = str
PAGE = 9.5  # inches wide
MOST_PANELS = 6  # side by side
LABELED, UNLABELED = "#0072B2", "#E69F00"
_COLORS = ("#D55E00", "#009E73", "#56B4E9", "#CC79A7", "#F0E442", "#0072B2", "#E69F00")
_BACKGROUND = "#777777"


def style() -> AbstractContextManager[Any]:
    """Within this context figures are drawn and saved alike, whatever was set before."""
    own: dict[Any, Any] = {
        "font.size": 9,
        "axes.titlesize": 9,
        "axes.grid": True,
        "grid.alpha": 0.3,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "legend.frameon": False,
        "figure.constrained_layout.use": True,
        "figure.dpi": 100,
        "savefig.dpi": 160,
        "pdf.fonttype": 42,
    }
    return matplotlib.rc_context({**matplotlib.rcParamsDefault, **own})


def class_colors(classes: Sequence[str]) -> dict[str, Color]:
    """A color a class, safe for color-blind eyes as long as there are few; gray for background."""
    own = [name for name in classes if name != "background"]
    many = map(to_hex, matplotlib.colormaps["turbo"](np.linspace(0, 1, len(own))))
    colors = zip(own, _COLORS if len(own) <= len(_COLORS) else many, strict=False)
    return {"background": _BACKGROUND, **dict(colors)}


def panels(rows: int, columns: int, width: float, height: float) -> tuple[Figure, list[list[Axes]]]:
    """A grid of panels of this size in inches, narrower where the page would be too narrow."""
    figure = Figure(figsize=(min(columns * width, PAGE), rows * height))
    return figure, figure.subplots(rows, columns, squeeze=False).tolist()


def legend_below(figure: Figure, handles: Sequence[Artist], most: int = 6) -> None:
    """One legend for all panels, in as many columns as the figure is wide enough for."""
    for columns in range(min(most, len(handles)), 0, -1):
        legend = figure.legend(handles=handles, loc="outside lower center", ncols=columns)
        if columns == 1 or legend.get_window_extent().width <= figure.bbox.width:
            return
        legend.remove()


def short(name: str) -> str:
    """Of bearable length, and without the mathematics that matplotlib sees between dollars."""
    fitting = name if len(name) <= 22 else f"{name[:10]}…{name[-11:]}"
    return fitting.replace("$", r"\$")


def worst(values: dict[str, float | None]) -> list[str]:
    """The names of the lowest values, as many as there is room for, in their own order."""
    known = {name: 2.0 if value is None else value for name, value in values.items()}
    lowest = sorted(known, key=lambda name: known[name])[:MOST_PANELS]
    return [name for name in values if name in lowest]


def of_how_many(shown: Iterable[str], names: Sequence[str]) -> str:
    """A remark for the caption where not all classes are drawn."""
    number = len(list(shown))
    return "" if number == len(names) else f" ({number} of {len(names)} classes, the lowest ones)"
