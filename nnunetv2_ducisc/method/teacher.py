"""The teacher: an exponential moving average of the student (Section III-A)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel


def ema_teacher(student: nn.Module, decay: float) -> AveragedModel:
    """A teacher that starts as a copy of the student and follows it by ``update_parameters``.

    Args:
        student: the plain network, without the wrappers of DDP or torch.compile.
        decay: alpha. Update n, counted from 0, uses min(1 - 1/(n + 1), alpha): the first is a
            copy, which forgets the random start, and the next ones are a plain mean.

    Returns:
        A module in evaluation mode whose parameters want no gradient.
    """

    def follow(teachers: Any, students: Any, updates: Any) -> None:  # noqa: ANN401 (torch's own)
        """theta_bar <- alpha theta_bar + (1 - alpha) theta, for all tensors at once."""
        if not teachers[0].is_floating_point():  # a counter of batch norm has no average
            torch._foreach_copy_(teachers, students)
            return
        alpha = min(1 - 1 / (int(updates) + 1), decay)
        torch._foreach_lerp_(teachers, students, 1 - alpha)

    teacher = AveragedModel(student, multi_avg_fn=follow, use_buffers=True)
    return teacher.requires_grad_(False).eval()


def weights_of(teacher: AveragedModel) -> dict[str, Tensor]:
    """The teacher's weights under the student's names."""
    return teacher.module.state_dict()
