"""Prototypes, the mean feature of a class in an image, and their alignment: Eq. 2 3 6, 4 7."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor


class Prototypes(NamedTuple):
    """The prototypes of a batch at one scale.

    Attributes:
        features: p, the mean feature of each class, shape (B, C, Z); zero where the mass is zero.
        mass: the sum of the class's mask in voxels, shape (B, C).
    """

    features: Tensor
    mass: Tensor


def masked_average(features: Tensor, masks: Tensor) -> Prototypes:
    """Masked average pooling, Eq. 2, 3 and 6: the mean feature under each class's mask.

    Sums run in at least float32 whatever autocast says: fp16 ends at 65,504 voxels.

    Args:
        features: F^s, shape (B, Z, *spatial).
        masks: y^c, hard or soft, shape (B, C, *spatial).
    """
    with torch.autocast(features.device.type, enabled=False):
        precision = torch.promote_types(features.dtype, torch.float32)
        flat_masks = masks.flatten(2).to(precision)
        sums = torch.einsum("bcn,bzn->bcz", flat_masks, features.flatten(2).to(precision))
        mass = flat_masks.sum(2)
    # A class that is not there has a zero sum: dividing it by one keeps it an exact zero.
    return Prototypes(sums / torch.where(mass > 0, mass, 1).unsqueeze(2), mass)


def batch_mean(prototypes: Prototypes) -> Prototypes:
    """One prototype a class for the whole batch: the mean over the images that show the class.

    The official code's reading of a batch. Shapes (1, C, Z) and (1, C).
    """
    present = (prototypes.mass > 0).to(prototypes.features.dtype)
    images = present.sum(0)
    mean = prototypes.features.sum(0) / torch.where(images > 0, images, 1).unsqueeze(1)
    return Prototypes(mean.unsqueeze(0), prototypes.mass.sum(0, keepdim=True))


def alignment_loss(
    ours: Sequence[Prototypes], theirs: Sequence[Prototypes], norm: str = "sum"
) -> Tensor:
    """Distance of the prototypes of two batches, Eq. 4 and 7, averaged over their image pairs.

    A pair (i, j) counts for class c where both masks have mass. If no pair does, at any scale, the
    loss is an exact zero that still has a graph.

    Args:
        ours: the prototypes of the labeled images, one entry a scale.
        theirs: those of the unlabeled or mixed images, the same scales.
        norm: "sum" over channels and scales (the paper's squared L2 norm) or their "mean".

    Returns:
        A scalar.
    """
    distances = [_pairwise_distance(a, b, norm) for a, b in zip(ours, theirs, strict=True)]
    total = torch.stack(distances).sum()
    return total / len(distances) if norm == "mean" else total


def _pairwise_distance(ours: Prototypes, theirs: Prototypes, norm: str) -> Tensor:
    """Mean over image pairs and present classes of the squared distance at one scale."""
    squared = (ours.features.unsqueeze(1) - theirs.features.unsqueeze(0)).square()
    distance = squared.mean(-1) if norm == "mean" else squared.sum(-1)
    both = (ours.mass.unsqueeze(1) > 0) & (theirs.mass.unsqueeze(0) > 0)
    # Multiplying, not indexing: no pair at all must leave a zero that back-propagates.
    return (distance * both).sum() / both.sum().clamp(min=1)
