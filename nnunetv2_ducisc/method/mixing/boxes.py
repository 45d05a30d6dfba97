"""Boxes in an image: what CutMix and CutOut cut."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from nnunetv2_ducisc.method.mixing.mixup import draw_mix_ratio


def draw_boxes(images: int, spatial: Sequence[int], low: float, high: float) -> Tensor:
    """Draw a box an image that takes a share ~ U(low, high) of the image, anywhere in it.

    Its sides have the proportions of the image, as CutMix has them, rounded to whole voxels.
    Unlike CutMix's it never sticks out of the image, so that its share is the one drawn.

    Returns:
        The first voxel along every axis and the one after the last, shape (B, 2, axes), integers,
        from torch's global CPU generator.
    """
    share = draw_mix_ratio(images, low, high)
    lengths = torch.tensor(spatial)
    sides = (lengths * share[:, None] ** (1 / len(spatial))).round().long()
    first = (torch.rand(images, len(spatial)) * (lengths - sides + 1)).long()
    return torch.stack([first, first + sides], 1)


def inside(boxes: Tensor, maps: Tensor) -> Tensor:
    """Where each image's box is: ones inside, zeros outside, shape (B, 1, *spatial).

    Args:
        boxes: from ``draw_boxes``.
        maps: anything of shape (B, channels, *spatial), for the size, the precision and the device.
    """
    spatial = maps.shape[2:]
    first, end = boxes.to(maps.device).unbind(1)
    mask = maps.new_ones(len(boxes), *[1] * (maps.ndim - 1))
    for axis, length in enumerate(spatial):
        position = torch.arange(length, device=maps.device)
        within = (position >= first[:, axis, None]) & (position < end[:, axis, None])
        shape = [len(boxes), *[1] * (maps.ndim - 1)]
        shape[axis + 2] = length
        mask = mask * within.reshape(shape)
    return mask


@dataclass(frozen=True)
class Boxes:
    """What CutMix and CutOut draw.

    Attributes:
        low: smallest share of the image that the box takes, the part of sigma in Eq. 5.
        high: largest share.
    """

    low: float
    high: float

    def draw(self, images: int, spatial: Sequence[int]) -> Tensor:
        """A box an image, see ``draw_boxes``."""
        return draw_boxes(images, spatial, self.low, self.high)
