"""The figure of a sweep: Dice and Q over the values of every swept setting (Fig. 6, 7a)."""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D

from nnunetv2_ducisc.benchmark.results.files import save_figure, write_text
from nnunetv2_ducisc.benchmark.results.sensitivity import Row

SYMBOLS = {
    "lambda_proto_ulb": r"$\lambda_1$",
    "lambda_proto_mix": r"$\lambda_2$",
    "lambda_cs_ulb": r"$\lambda_3$",
    "lambda_cs_mix": r"$\lambda_4$",
    "threshold_decay": r"$\beta$",
    "ema_decay": r"$\alpha$",
    "num_scales": "$S$",
}
_OWN: dict[str, Any] = {"marker": "o", "markersize": 10, "fillstyle": "none", "linestyle": ""}
QUANTITIES = {
    "dice": "Dice, mean over test cases\n(1: perfect)",
    "q": "Q of the student, Eq. 12\n(1: perfect match)",
}


def write_sensitivity(rows: Sequence[Row], folder: Path) -> None:
    """Write ``sensitivity.csv`` with every seed, and the figure as ``.png`` and ``.pdf``."""
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(field.name for field in dataclasses.fields(Row))
    writer.writerows(map(dataclasses.astuple, rows))
    write_text(folder / "sensitivity.csv", written.getvalue())
    with matplotlib.rc_context(matplotlib.rcParamsDefault):
        save_figure(sensitivity_figure(rows), folder, "sensitivity")


def sensitivity_figure(rows: Sequence[Row]) -> Figure:
    """For each table a column for each setting, with Dice above and Q, where it is known, below.

    Values stand side by side at equal distances, since those of a decay crowd below 1. Panels of a
    quantity share its axis, so that a setting that does little looks like it.
    """
    tables = list(dict.fromkeys(row.table for row in rows))
    settings = list(dict.fromkeys(row.setting for row in rows))
    quantities = ["dice"] if all(row.q is None for row in rows) else list(QUANTITIES)
    colors = {swept: f"C{i}" for i, swept in enumerate(dict.fromkeys(row.swept for row in rows))}
    height = 2.1 * len(quantities) + 0.6
    size = (1 + max(2.4 * len(settings), 4.5), 0.8 + height * len(tables))
    figure = Figure(figsize=size, layout="constrained")
    parts = figure.subfigures(len(tables), 1, squeeze=False).flat
    for part, table in zip(parts, tables, strict=True):
        part.suptitle(table, fontsize=10)
        here = [row for row in rows if row.table == table]
        _draw_table(part, here, settings, quantities, colors)
    _explain(figure, rows, colors)
    return figure


def _draw_table(
    part: SubFigure,
    rows: Sequence[Row],
    settings: Sequence[str],
    quantities: Sequence[str],
    colors: Mapping[str, str],
) -> None:
    shape = (len(quantities), len(settings))
    grid = part.subplots(*shape, sharex="col", sharey="row", squeeze=False)
    for panels, quantity in zip(grid, quantities, strict=True):
        panels[0].set_ylabel(QUANTITIES[quantity])
        for panel, setting in zip(panels, settings, strict=True):
            _draw(panel, [row for row in rows if row.setting == setting], quantity, colors)
    for panel, setting in zip(grid[-1], settings, strict=True):
        panel.set_xlabel(f"{SYMBOLS[setting]}: {setting}" if setting in SYMBOLS else setting)


def _draw(panel: Axes, rows: Sequence[Row], quantity: str, colors: Mapping[str, str]) -> None:
    """A line for each swept method that has the setting."""
    values = sorted({row.value for row in rows})
    for swept, color in colors.items():
        by_place: dict[int, list[Row]] = {}
        for row in (row for row in rows if row.swept == swept):
            by_place.setdefault(values.index(row.value), []).append(row)
        if by_place:
            _draw_line(panel, by_place, quantity, color)
    panel.set_xticks(range(len(values)), [f"{value:g}" for value in values])
    panel.grid(alpha=0.3)


def _draw_line(
    panel: Axes, by_place: Mapping[int, Sequence[Row]], quantity: str, color: str
) -> None:
    """Means over seeds, and their sample's sd as a band; a ring around the method's own value."""
    places = list(by_place)
    seeds = np.array([[getattr(row, quantity) for row in of] for of in by_place.values()], float)
    mean = seeds.mean(axis=1)
    panel.plot(places, mean, marker=".", color=color)
    if seeds.shape[1] > 1:
        sd = seeds.std(axis=1, ddof=1)
        panel.fill_between(places, mean - sd, mean + sd, color=color, alpha=0.2, linewidth=0)
    own = [index for index, of in enumerate(by_place.values()) if of[0].is_own]
    panel.plot([places[index] for index in own], mean[own], color=color, **_OWN)


def _explain(figure: Figure, rows: Sequence[Row], colors: Mapping[str, str]) -> None:
    """Above what the marks are, below how to read the values."""
    handles = [Line2D([], [], color=c, marker=".", label=name) for name, c in colors.items()]
    handles.append(Line2D([], [], color="black", label="the method's own value", **_OWN))
    figure.legend(handles=handles, loc="outside upper center", ncols=len(handles), frameon=False)
    seeds = len({row.seed for row in rows})
    number = f"Means over {seeds} seeds, band: ± sd" if seeds > 1 else "One seed"
    caption = f"{number}. All other settings stay as they are. Values are evenly spaced."
    figure.supxlabel(caption, fontsize=9)
