"""The figure ``ducisc_progress.png``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nnunetv2_ducisc.method.objective import TERMS

LOSS_LABELS = {
    "loss_sup": "supervised",
    "loss_proto_ulb": "prototypes, unlabeled",
    "loss_proto_mix": "prototypes, mixed",
    "loss_cs_ulb": "consistency, unlabeled",
    "loss_cs_mix": "consistency, mixed",
}
PANELS = {
    "threshold": ("confidence threshold $T^c$", "Self-aware thresholds (Eq. 8)"),
    "pass_rate": ("share of the class's voxels", "Pseudo-labeled voxels that count"),
    "share": ("share of all voxels", "Pseudo label"),
}


def plot_progress(rows: Sequence[dict[str, float]], class_names: Sequence[str], file: Path) -> None:
    """Draw the losses and, for every class, threshold, pass rate and share over the epochs.

    The supervised loss may be negative (nnU-Net subtracts Dice), so that it has a panel of its own;
    background covers most of the image, so that shares have a logarithmic axis.
    """
    figure = Figure(figsize=(13, 11), layout="constrained")
    axes = figure.subplots(3, 2, sharex=True)
    _lines(axes[0, 0], rows, {"loss_sup": "supervised"}, "loss", "Supervised loss")
    terms = {f"loss_{name}": LOSS_LABELS[f"loss_{name}"] for name in TERMS}
    _lines(axes[0, 1], rows, terms, "loss, unweighted", "Semi-supervised terms (Eq. 4, 7, 10)")
    for axis, (quantity, (ylabel, title)) in zip(axes.flat[2:], PANELS.items(), strict=False):
        columns = {f"{quantity}_{name}": name for name in class_names}
        _lines(axis, rows, columns, ylabel, title)
    axes[1, 0].set_ylim(0, 1.02)
    axes[1, 1].set_ylim(0, 1.02)
    axes[2, 0].set_yscale("log")
    axes[2, 1].set_axis_off()
    for axis in (axes[2, 0], axes[1, 1]):
        axis.set_xlabel("epoch")
        axis.tick_params(labelbottom=True)
    beside = file.with_name(f".{file.name}.partial")
    figure.savefig(beside, dpi=110, format="png")
    beside.replace(file)


def _lines(
    axis: Axes,
    rows: Sequence[dict[str, float]],
    columns: dict[str, str],
    ylabel: str,
    title: str,
) -> None:
    """One line a column; an epoch without a value leaves a gap."""
    epochs = [row["epoch"] for row in rows]
    for column, label in columns.items():
        values = [row.get(column, np.nan) for row in rows]
        if not np.all(np.isnan(values)):
            axis.plot(epochs, values, marker="." if len(rows) < 60 else "", label=label)
    axis.set(ylabel=ylabel, title=title)
    axis.grid(alpha=0.3)
    if axis.get_lines():
        axis.legend(fontsize="small", ncols=1 + len(columns) // 9)
