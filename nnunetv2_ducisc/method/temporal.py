"""Temporal ensembling: a moving average of the predictions of a case (Laine and Aila; Table IX)."""

from __future__ import annotations

import torch
from torch import Tensor


@torch.no_grad()
def ensemble(average: Tensor, prediction: Tensor, updates: int, decay: float) -> Tensor:
    """The average of the predictions so far, in which each older one weighs alpha times as much.

    Laine and Aila keep Z_t = alpha Z_(t-1) + (1 - alpha) z from Z_0 = 0, and use Z_t / (1 -
    alpha^t). This is that quotient, from the one before: the first average is the prediction.

    Args:
        average: Z_(t-1) / (1 - alpha^(t-1)), any shape; whatever it holds, it is not used at t = 1.
        prediction: z, the student's probabilities, the same shape.
        updates: t, how many predictions there are with this one.
        decay: alpha, below 1; 0.6 is Laine and Aila's.

    Returns:
        In at least float32, whatever is kept.

    Raises:
        ValueError: ``updates`` is not positive.
    """
    if updates < 1:
        raise ValueError(f"updates is {updates}, but it must count the prediction itself.")
    if updates == 1:
        return _precise(prediction)
    weight = (1 - decay) / (1 - decay**updates)
    return torch.lerp(_precise(average), _precise(prediction), weight)


def _precise(probabilities: Tensor) -> Tensor:
    """At least float32, whatever is on disk."""
    return probabilities.to(torch.promote_types(probabilities.dtype, torch.float32))
