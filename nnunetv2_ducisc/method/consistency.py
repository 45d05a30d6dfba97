"""Voxel-wise consistency with pseudo labels, on reliable voxels alone: Eq. 10."""

from __future__ import annotations

from torch import Tensor


def consistency_loss(log_probabilities: Tensor, target: Tensor, reliable: Tensor) -> Tensor:
    """Eq. 10: Dice loss plus cross-entropy, both over the reliable voxels of the batch.

    Args:
        log_probabilities: log-softmax of the student's logits, shape (B, C, *spatial).
        target: the pseudo label, one-hot or mixed, shape (B, C, *spatial).
        reliable: which voxels count, shape (B, 1, *spatial).

    Returns:
        A scalar; an exact zero with a graph where no voxel is reliable.
    """
    mask = reliable.to(log_probabilities.dtype)
    target = target.to(log_probabilities.dtype)
    dice = masked_dice_loss(log_probabilities.exp(), target, mask)
    return dice + masked_cross_entropy(log_probabilities, target, mask)


def masked_dice_loss(probabilities: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """One minus the soft Dice of the foreground classes, pooled over the batch's masked voxels.

    Dice is V-Net's, 2 sum(p y) / (sum(p^2) + sum(y^2)): the mixed images have soft targets, and
    only with squares is the loss smallest, and zero, where the student says just those. Without,
    it would be smallest where the student rounds them.

    Background is left out, as in nnU-Net's own Dice loss. A class that the masked target does not
    show is left out too: its Dice would be zero whatever the network does, and cross-entropy
    already pushes its probability down.

    Args:
        probabilities: shape (B, C, *spatial).
        target: shape (B, C, *spatial).
        mask: zeros and ones, shape (B, 1, *spatial).
    """
    axes = (0, *range(2, probabilities.ndim))
    probabilities, target = probabilities[:, 1:] * mask, target[:, 1:] * mask
    overlap = (probabilities * target).sum(axes)
    size = probabilities.square().sum(axes) + target.square().sum(axes)
    present = target.sum(axes) > 0
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
    return (cross_entropy * mask).sum() / mask.sum().clamp(min=1)
