"""Voxel-wise consistency with pseudo labels, on reliable voxels alone: Eq. 10."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from nnunetv2_ducisc.method.distributed import summed


def class_consistency(log_probabilities: Tensor, target: Tensor, reliable: Tensor) -> Tensor:
    """Eq. 10: Dice loss plus cross-entropy, both over the reliable voxels of the batch.

    Background is left out of Dice, as in nnU-Net's own loss.

    Args:
        log_probabilities: log-softmax of the student's logits, shape (B, C, *spatial).
        target: the pseudo label, one-hot or mixed, shape (B, C, *spatial).
        reliable: which voxels count, shape (B, 1, *spatial).

    Returns:
        A scalar; an exact zero with a graph where no voxel is reliable.
    """
    mask = reliable.to(log_probabilities.dtype)
    target = target.to(log_probabilities.dtype)
    dice = masked_dice_loss(log_probabilities[:, 1:].exp(), target[:, 1:], mask)
    return dice + masked_cross_entropy(log_probabilities, target, mask)


def region_consistency(logits: Tensor, target: Tensor, reliable: Tensor) -> Tensor:
    """Eq. 10 for overlapping regions: Dice loss plus binary cross-entropy of every region.

    Args:
        logits: the student's, shape (B, R, *spatial).
        target: the pseudo label, zeros and ones or mixed, shape (B, R, *spatial).
        reliable: which decisions count, shape (B, R, *spatial).

    Returns:
        A scalar; an exact zero with a graph where no decision is reliable.
    """
    mask, target = reliable.to(logits.dtype), target.to(logits.dtype)
    dice = masked_dice_loss(logits.sigmoid(), target, mask)
    return dice + masked_binary_cross_entropy(logits, target, mask)


def masked_dice_loss(probabilities: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """One minus the soft Dice of every map, pooled over the batch's masked voxels.

    Dice is V-Net's, 2 sum(p y) / (sum(p^2) + sum(y^2)): the mixed images have soft targets, and
    only with squares is the loss smallest, and zero, where the student says just those. Without,
    it would be smallest where the student rounds them.

    A map that the masked target does not show is left out: its Dice would be zero whatever the
    network does, and cross-entropy already pushes its probability down.

    Args:
        probabilities: shape (B, maps, *spatial).
        target: shape (B, maps, *spatial).
        mask: zeros and ones, shape (B, 1 or maps, *spatial).
    """
    axes = (0, *range(2, probabilities.ndim))
    probabilities, target = probabilities * mask, target * mask
    overlap, size, shown = summed(
        torch.stack(
            [
                (probabilities * target).sum(axes),
                probabilities.square().sum(axes) + target.square().sum(axes),
                target.sum(axes),
            ]
        )
    )
    present = shown > 0
    loss = (1 - 2 * overlap / size.where(present, size.new_ones(()))) * present
    return loss.sum() / present.sum().clamp(min=1)


def masked_cross_entropy(log_probabilities: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Mean cross-entropy with a hard or soft target over the masked voxels.

    Args:
        log_probabilities: shape (B, C, *spatial).
        target: shape (B, C, *spatial).
        mask: zeros and ones, shape (B, 1, *spatial).
    """
    cross_entropy = -(target * log_probabilities).sum(1, keepdim=True)
    return _mean(cross_entropy, mask)


def masked_binary_cross_entropy(logits: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Mean binary cross-entropy with a hard or soft target over the masked decisions.

    Args:
        logits: shape (B, R, *spatial).
        target: shape (B, R, *spatial).
        mask: zeros and ones, shape (B, R, *spatial).
    """
    entropy = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    return _mean(entropy, mask)


def _mean(values: Tensor, mask: Tensor) -> Tensor:
    """Over the masked entries of all processes; an exact zero with a graph where there is none."""
    total, number = summed(torch.stack([(values * mask).sum(), mask.sum()]))
    return total / number.clamp(min=1)
