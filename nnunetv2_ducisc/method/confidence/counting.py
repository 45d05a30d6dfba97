"""How a batch's pseudo label fares, for the log."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Counts(NamedTuple):
    """How a batch's pseudo label fares.

    Attributes:
        voxels: how many voxels each class has, shape (C,).
        reliable: how many of them are reliable, shape (C,).
        images: in how many images the class is, shape (C,).
        all_voxels: how many voxels there are.
        all_images: how many images.
    """

    voxels: Tensor
    reliable: Tensor
    images: Tensor
    all_voxels: int
    all_images: int


def count_voxels(pseudo_label: Tensor, reliable: Tensor) -> Counts:
    """Count in a pseudo label.

    Args:
        pseudo_label: maps of zeros and ones, shape (B, C, *spatial).
        reliable: shape (B, 1 or C, *spatial).
    """
    spatial = tuple(range(2, pseudo_label.ndim))
    voxels = pseudo_label.sum(spatial)
    passed = (pseudo_label * reliable).sum((0, *spatial))
    shown = (voxels > 0).sum(0).to(voxels.dtype)
    return Counts(voxels.sum(0), passed, shown, pseudo_label[:, 0].numel(), len(pseudo_label))
