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
from matplotlib.figure import Figure
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
        grid = part.subplots(
            len(quantities), len(settings), sharex="col", sharey="row", squeeze=False
        )
        for row, quantity in zip(grid, quantities, strict=True):
            row[0].set_ylabel(QUANTITIES[quantity])
            for panel, setting in zip(row, settings, strict=True):
                here = [r for r in rows if (r.table, r.setting) == (table, setting)]
                _draw(panel, here, quantity, colors)
        for panel, setting in zip(grid[-1], settings, strict=True):
            panel.set_xlabel(f"{SYMBOLS[setting]}: {setting}" if setting in SYMBOLS else setting)
    _explain(figure, rows, colors)
    return figure


def _draw(panel: Axes, rows: Sequence[Row], quantity: str, colors: Mapping[str, str]) -> None:
    """A line for each swept method: means over seeds, and their sample's sd as a band."""
    values = sorted({row.value for row in rows})
    for swept, color in colors.items():
        by_value: dict[float, list[Row]] = {}
        for row in (row for row in rows if row.swept == swept):
            by_value.setdefault(row.value, []).append(row)
        places = [values.index(value) for value in by_value]
        seeds = [np.array([getattr(r, quantity) for r in of], float) for of in by_value.values()]
        mean = np.array([one.mean() for one in seeds])
        panel.plot(places, mean, marker=".", color=color)
        if seeds and len(seeds[0]) > 1:
            sd = np.array([one.std(ddof=1) for one in seeds])
            panel.fill_between(places, mean - sd, mean + sd, color=color, alpha=0.2, linewidth=0)
        own = [index for index, of in enumerate(by_value.values()) if of[0].is_own]
        panel.plot([places[index] for index in own], mean[own], color=color, **_OWN)
    panel.set_xticks(range(len(values)), [f"{value:g}" for value in values])
    panel.grid(alpha=0.3)


def _explain(figure: Figure, rows: Sequence[Row], colors: Mapping[str, str]) -> None:
    """Above what the marks are, below how to read the values."""
    handles = [Line2D([], [], color=c, marker=".", label=name) for name, c in colors.items()]
    handles.append(Line2D([], [], color="black", label="the method's own value", **_OWN))
    figure.legend(handles=handles, loc="outside upper center", ncols=len(handles), frameon=False)
    seeds = len({row.seed for row in rows})
    number = f"mean over {seeds} seeds, band: ± sd" if seeds > 1 else "one seed"
    figure.supxlabel(
        f"{number[0].upper()}{number[1:]}. All other settings stay as they are. Values are evenly "
        "spaced.",
        fontsize=9,
    )
