"""The figure ``ducisc_progress.png``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from nnunetv2_ducisc.whole import written_whole

TERM_LABELS = {
    "loss_proto_ulb": "prototypes, unlabeled (Eq. 4)",
    "loss_proto_mix": "prototypes, mixed (Eq. 7)",
    "loss_cs_ulb": "consistency, unlabeled (Eq. 10)",
    "loss_cs_mix": "consistency, mixed (Eq. 10)",
}
CLASS_PANELS = {
    "threshold": ("Confidence thresholds", "threshold $T^c$"),
    "pass_rate": ("Pseudo-labeled voxels that count", "share of the class's voxels"),
    "share": ("Classes of the pseudo label", "share of all voxels"),
}

Rows = Sequence[dict[str, float]]
Color: TypeAlias = str


def plot_progress(rows: Rows, class_names: Sequence[str], file: Path) -> None:
    """Write the figure, whole or not at all."""
    # nnU-Net's own plot leaves its large fonts behind for every later figure.
    with matplotlib.rc_context(matplotlib.rcParamsDefault), written_whole(file) as new:
        progress_figure(rows, class_names).savefig(new, dpi=110, format="png")


def progress_figure(rows: Rows, class_names: Sequence[str]) -> Figure:
    """Draw the losses and, for every class, threshold, pass rate and share over the epochs.

    The supervised loss may be negative (nnU-Net subtracts Dice), so that it has a panel of its own;
    the terms and the shares differ by orders of magnitude, so that their axes are logarithmic.
    """
    figure = Figure(figsize=(12, 9), layout="constrained")
    panels = figure.subplots(2, 3).flat
    _draw(panels[0], rows, {"loss_sup": "supervised"}, _colors(["supervised"]))
    panels[0].set(title="Supervised loss", ylabel="cross-entropy - Dice")
    _draw(panels[1], rows, TERM_LABELS, _colors([*TERM_LABELS.values()]))
    panels[1].set(title="Semi-supervised terms", ylabel="loss before its lambda")
    for panel, (quantity, (title, ylabel)) in zip(panels[2:], CLASS_PANELS.items(), strict=False):
        drawn = drawn_classes(quantity, class_names)
        columns = {f"{quantity}_{name}": name for name in drawn}
        _draw(panel, rows, columns, _colors(class_names))
        panel.set(title=title, ylabel=ylabel)
    for panel in (panels[1], panels[4]):
        _logarithmic(panel)
    panels[2].set_ylim(0, 1.02)
    panels[3].set_ylim(0, 1.02)
    _legends(panels)
    return figure


def drawn_classes(quantity: str, class_names: Sequence[str]) -> list[str]:
    """The share of the background, close to one, would flatten those of the structures."""
    names = [name for name in class_names if name != "background"]
    return names if quantity == "share" else list(class_names)


def _colors(labels: Sequence[str]) -> dict[str, Color]:
    """One a label, the same in every panel."""
    few: list[Color] = matplotlib.rcParams["axes.prop_cycle"].by_key()["color"]
    many = [*map(to_hex, matplotlib.colormaps["turbo"](np.linspace(0, 1, len(labels))))]
    return dict(zip(labels, few if len(labels) <= len(few) else many, strict=False))


def _draw(axis: Axes, rows: Rows, columns: dict[str, str], colors: dict[str, Color]) -> None:
    """One line a column over all epochs; an epoch without a value leaves a gap."""
    epochs = [row["epoch"] for row in rows]
    marker, dashes = "." if len(rows) < 60 else "", "--" if columns is TERM_LABELS else "-"
    for column, label in columns.items():
        values = [row.get(column, np.nan) for row in rows]
        axis.plot(epochs, values, label=label, color=colors[label], marker=marker, linestyle=dashes)
    axis.set(xlabel="epoch", xlim=(-0.5, epochs[-1] + 0.5))
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.grid(alpha=0.3)


def spans_magnitudes(values: NDArray[np.float64]) -> bool:
    """Whether the smaller ones would lie flat on a linear axis; it shows all others better."""
    positive = values[values > 0]
    return positive.size > 0 and bool(positive.max() > 5 * positive.min())


def _logarithmic(axis: Axes) -> None:
    """A logarithmic axis, once there is something to show on it that needs one."""
    values = np.concatenate([line.get_ydata() for line in axis.get_lines()])
    if spans_magnitudes(values):
        axis.set_yscale("log")
    elif not np.any(values > 0):
        axis.text(0.5, 0.5, "supervised so far", ha="center", va="center", transform=axis.transAxes)
        axis.set_yticks([])


def _legends(panels: Sequence[Axes]) -> None:
    """The last panel names the terms and the classes, so that no legend hides a line."""
    panels[5].set_axis_off()
    terms, classes = panels[1].get_lines(), panels[2].get_lines()
    above = panels[5].legend(handles=terms, title="terms", loc="upper left", frameon=False)
    panels[5].add_artist(above)
    columns = 1 + len(classes) // 16
    panels[5].legend(
        handles=classes,
        title="classes",
        loc="lower left",
        frameon=False,
        ncols=columns,
        fontsize=10 if columns == 1 else 7,
    )
