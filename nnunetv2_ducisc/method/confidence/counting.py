"""How a batch's pseudo label fares, for the log."""

from __future__ import annotations

from torch import Tensor


def count_voxels(pseudo_label: Tensor, reliable: Tensor) -> tuple[Tensor, Tensor, int]:
    """How a batch's pseudo label fares, for the log.

    Args:
        pseudo_label: maps of zeros and ones, shape (B, C, *spatial).
        reliable: shape (B, 1 or C, *spatial).

    Returns:
        For every class the number of its voxels and of those that are reliable, shape (C,) each,
        and the number of all voxels.
    """
    axes = (0, *range(2, pseudo_label.ndim))
    passed = (pseudo_label * reliable).sum(axes)
    return pseudo_label.sum(axes), passed, pseudo_label[:, 0].numel()
