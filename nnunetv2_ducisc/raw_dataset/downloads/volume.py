"""One scan with its label on one grid, and what has to hold of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk  # noqa: N813 (its own name for itself)

from nnunetv2_ducisc.errors import DuCiSCError


@dataclass(frozen=True)
class Volume:
    """An image and, where it was read, its label.

    Attributes:
        image: of one channel, with the spacing in mm, the origin and the direction to be written.
        label: class indices on the same grid.
    """

    image: sitk.Image
    label: sitk.Image | None = None


def volume_of(
    image: np.ndarray, label: np.ndarray | None, spacing: tuple[float, float, float]
) -> Volume:
    """Arrays whose files say nothing of geometry, with the spacing that the documentation states.

    Args:
        image: shape (z, y, x).
        label: the same shape, or None.
        spacing: x, y, z in mm.
    """

    def picture(array: np.ndarray) -> sitk.Image:
        made = sitk.GetImageFromArray(array)
        made.SetSpacing(spacing)
        return made

    return Volume(picture(image), None if label is None else picture(label))


def check_volume(volume: Volume, labels: Iterable[int]) -> None:
    """Refuse a volume that nnU-Net would choke on, or learn nonsense from.

    Args:
        volume: what was read.
        labels: the class indices that may occur, background among them.

    Raises:
        DuCiSCError: what is wrong, with the numbers; without the case, which the caller knows.
    """
    image = sitk.GetArrayViewFromImage(volume.image)
    low, high = image.min(), image.max()
    if not np.isfinite([low, high]).all():
        raise DuCiSCError("the image holds NaN or infinite values")
    if low == high:
        raise DuCiSCError(f"the image is constant, everywhere {low:g}")
    if volume.label is not None:
        _check_one_grid(volume.image, volume.label)
        _check_values(np.unique(sitk.GetArrayViewFromImage(volume.label)), set(labels))


def _check_one_grid(image: sitk.Image, label: sitk.Image) -> None:
    """Image and label have one size, and one geometry within rounding."""
    if image.GetSize() != label.GetSize():
        raise DuCiSCError(f"the image has {image.GetSize()} voxels, its label {label.GetSize()}")
    for what in ("Spacing", "Origin", "Direction"):
        ours, theirs = (getattr(picture, f"Get{what}")() for picture in (image, label))
        if not np.allclose(ours, theirs, rtol=1e-4, atol=1e-4):
            raise DuCiSCError(f"the image has {what.lower()} {ours}, its label {theirs}")


def _check_values(found: np.ndarray, expected: set[int]) -> None:
    """Every value is a class, and something but background is there."""
    extra = sorted(set(found.tolist()) - expected)
    if extra:
        raise DuCiSCError(f"the label holds the value {extra[0]}, expected {sorted(expected)}")
    if set(found.tolist()) <= {0}:
        raise DuCiSCError("the label is empty")
