"""nnU-Net's sliding window, where a voxel belongs to the one window whose middle is nearest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise, product
from typing import NamedTuple

from acvl_utils.cropping_and_padding.padding import pad_nd_image
from nnunetv2.inference.sliding_window_prediction import compute_steps_for_sliding_window
from torch import Tensor

_STEP = 0.5  # of the window, as nnU-Net predicts
_ALL = slice(None)
Slices = tuple[slice, ...]


class Tile(NamedTuple):
    """A window on an image.

    Attributes:
        image: what a network sees, shape (B, channels, *patch).
        core: where in tensors of the window's shape the voxels are that belong to it.
        place: where these are in tensors of the image's shape.
    """

    image: Tensor
    core: Slices
    place: Slices


def tiles(image: Tensor, patch: Sequence[int]) -> Iterator[Tile]:
    """Cut an image, padded with zeros where it is smaller than the patch, as nnU-Net pads it.

    The cores partition the image: what is summed over them counts every voxel once.

    Args:
        image: shape (B, channels, *spatial).
        patch: voxels of a window along each spatial axis.
    """
    padded = pad_nd_image(image, tuple(patch))
    axes = [_along(*sides) for sides in zip(image.shape[2:], patch, strict=True)]
    for parts in product(*axes):
        window, core, place = ((_ALL, _ALL, *slices) for slices in zip(*parts, strict=True))
        yield Tile(padded[window], core, place)


def _along(length: int, side: int) -> list[tuple[slice, slice, slice]]:
    """Window, core and place along one axis; the padding on both sides belongs to no core."""
    padding = max(side - length, 0) // 2
    [starts] = compute_steps_for_sliding_window((max(length, side),), (side,), _STEP)
    borders = [(a + b + side) // 2 for a, b in pairwise(starts)]
    cuts = pairwise([padding, *borders, padding + length])
    return [
        (
            slice(start, start + side),
            slice(low - start, high - start),
            slice(low - padding, high - padding),
        )
        for start, (low, high) in zip(starts, cuts, strict=True)
    ]
