"""The semantic matching of labeled and unlabeled images: matrix M and score Q, Eq. 12, Table V."""

from __future__ import annotations

import torch
from torch import Tensor


def matching_matrix(labeled: Tensor, unlabeled: Tensor) -> Tensor:
    """Eq. 12: M^c(i, j) = exp(-||p_i^c - p_j^c||^2), squared distances summed over channels.

    Args:
        labeled: prototypes p_i, shape (L, C, Z); NaN for a class that an image does not show.
        unlabeled: prototypes p_j, shape (U, C, Z).

    Returns:
        Shape (C, L, U), NaN where one of the two images does not show the class.
    """
    distance = (labeled.double().unsqueeze(1) - unlabeled.double().unsqueeze(0)).square().sum(-1)
    return torch.exp(-distance).permute(2, 0, 1)


def matching_score(matrix: Tensor) -> float | None:
    """Q, the mean of M over all pairs that both show the class; None where there is no such pair.

    Args:
        matrix: M or a part of it, any shape.
    """
    score = matrix.nanmean().item()
    return None if score != score else score


def channel_spread(means: Tensor, mean_squares: Tensor) -> Tensor:
    """The standard deviation of each feature channel over the voxels of all images.

    Every image and class weighs the same, so that the background does not decide alone. Features
    divided by it have no scale: a network cannot raise Q by making its features small.

    Args:
        means: mean feature of each image and class, shape (N, C, Z); NaN for an absent class.
        mean_squares: mean squared feature, the same shape.

    Returns:
        Shape (Z,); 1 for a channel that is constant.
    """
    mean, square = (m.double().flatten(0, 1).nanmean(0) for m in (means, mean_squares))
    variance = square - mean.square()
    return torch.where(variance > 1e-12 * square, variance, 1.0).sqrt()
