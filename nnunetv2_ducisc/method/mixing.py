"""Mixup of a labeled and an unlabeled image: draw the ratio, then apply it. Eq. 5."""

from __future__ import annotations

import torch
from torch import Tensor


def draw_mix_ratio(batch_size: int, low: float, high: float) -> Tensor:
    """Draw sigma ~ U(low, high), one ratio an image, shape (B,).

    The draw is from torch's global CPU generator, so that a run's random state is in one place
    and does not depend on the device.
    """
    return torch.empty(batch_size).uniform_(low, high)


def mix(ratio: Tensor, labeled: Tensor, unlabeled: Tensor) -> Tensor:
    """Eq. 5: sigma * labeled + (1 - sigma) * unlabeled, for images and for their labels.

    Args:
        ratio: sigma, shape (B,).
        labeled: x_i or y_i, shape (B, channels, *spatial).
        unlabeled: x_j or the pseudo label of j, the same shape.
    """
    sigma = ratio.to(labeled).reshape(-1, *[1] * (labeled.ndim - 1))
    return sigma * labeled + (1 - sigma) * unlabeled
