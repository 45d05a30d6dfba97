"""Mixup of a labeled and an unlabeled image: draw the ratio, then apply it. Eq. 5."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from nnunetv2_ducisc.method.mixing.shares import Shares


def draw_mix_ratio(images: int, low: float, high: float) -> Tensor:
    """Draw sigma ~ U(low, high), one ratio an image, shape (B,).

    The draw is from torch's global CPU generator, so that a run's random state is in one place
    and does not depend on the device.
    """
    return torch.empty(images).uniform_(low, high)


@dataclass(frozen=True)
class Mixup:
    """Both images everywhere, blended (Eq. 5); the paper's choice.

    Attributes:
        low: smallest sigma.
        high: largest sigma.
    """

    low: float
    high: float

    def draw(self, images: int, spatial: Sequence[int]) -> Tensor:
        """Sigma, one an image, shape (B,)."""
        return draw_mix_ratio(images, self.low, self.high)

    def shares(self, drawn: Tensor, labeled: Tensor) -> Shares:
        """Sigma and 1 - sigma, the same in all voxels of an image."""
        sigma = drawn.to(labeled).reshape(-1, *[1] * (labeled.ndim - 1))
        return Shares(sigma, 1 - sigma)
