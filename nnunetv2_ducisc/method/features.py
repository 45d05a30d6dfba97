"""Teacher and student see the same features, class-agnostic: Eq. 13, of Table VIII."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from nnunetv2_ducisc.method.distributed import summed


def feature_consistency(
    student: Sequence[Tensor], teacher: Sequence[Tensor], norm: str = "sum"
) -> Tensor:
    """Eq. 13: squared distance of the features of two networks, averaged over all voxels.

    Every scale is divided by its own number of voxels and by the number of images.

    Args:
        student: F^stu of some images, one entry a scale, shape (B, Z, *spatial at that scale).
        teacher: F^tea of the same images, the same shapes; nothing is learned through them.
        norm: "sum" over channels and scales (the paper's Frobenius norm) or their "mean".

    Returns:
        A scalar.
    """
    distances = [_distance(f, g.detach(), norm) for f, g in zip(student, teacher, strict=True)]
    total = torch.stack(distances).sum()
    return total / len(distances) if norm == "mean" else total


def _distance(student: Tensor, teacher: Tensor, norm: str) -> Tensor:
    """At one scale, over the voxels of all processes, in at least float32: fp16 overflows."""
    precision = torch.promote_types(student.dtype, torch.float32)
    squared = (student.to(precision) - teacher.to(precision)).square()
    number = squared.numel() if norm == "mean" else squared[:, 0].numel()
    distance, count = summed(torch.stack([squared.sum(), squared.new_full((), number)]))
    return distance / count
