"""The demo's picture: one slice of one test case, with the truth and both predictions on it."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
import SimpleITK as sitk  # noqa: N813 (the name its own documentation uses)
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from benchmarks.demo.phantoms import LABELS, SPACING_MM

COLORS = {"chamber": "#E69F00", "wall": "#56B4E9", "vessel": "#F0E442"}  # safe for color-blind eyes


def draw(image: Path, label_maps: dict[str, Path], caption: str, path: Path) -> None:
    """Write a PNG of panels: the image alone, then the image under each of the label maps.

    Args:
        image: the test image.
        label_maps: title of the panel -> label map; the first is the truth, which picks the slice.
        caption: the text below the panels.
        path: where the PNG goes.
    """
    volumes = {title: _read(file) for title, file in label_maps.items()}
    cut = slice_with_all_classes(next(iter(volumes.values())))
    gray = _read(image)[:, cut]
    with mpl.rc_context({"font.size": 11}):
        figure = Figure(figsize=(3.2 * (len(volumes) + 1), 4.4), layout="constrained")
        axes = figure.subplots(1, len(volumes) + 1)
        _show(axes[0], gray, "Image")
        for panel, (title, volume) in zip(axes[1:], volumes.items(), strict=True):
            _show(panel, gray, title)
            _overlay(panel, volume[:, cut])
        handles = [Patch(color=color, label=name) for name, color in COLORS.items()]
        figure.legend(handles=handles, loc="outside upper center", ncols=len(handles))
        figure.supxlabel(caption, fontsize=9)
        figure.savefig(path, dpi=150)


def slice_with_all_classes(truth: NDArray[np.uint8]) -> int:
    """The slice along axis 1 in which the rarest foreground class has the most voxels."""
    counts = [(truth == label).sum(axis=(0, 2)) for label in list(LABELS.values())[1:]]
    return int(np.min(counts, axis=0).argmax())


def _show(panel: Axes, gray: NDArray[np.float32], title: str) -> None:
    panel.imshow(gray, cmap="gray", origin="lower", aspect=SPACING_MM[0] / SPACING_MM[2])
    panel.set_title(title)
    panel.set_xticks([])
    panel.set_yticks([])


def _overlay(panel: Axes, labels: NDArray[np.uint8]) -> None:
    """Every class as a contour over a faint filling."""
    for name, color in COLORS.items():
        mask = (labels == LABELS[name]).astype(float)
        if mask.any():
            panel.contourf(mask, levels=[0.5, 1.5], colors=[color], alpha=0.25)
            panel.contour(mask, levels=[0.5], colors=[color], linewidths=1.8)


def _read(path: Path) -> NDArray:
    return sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
