"""Temporal ensembling: a moving average of the predictions of a case (Laine and Aila; Table IX)."""

from __future__ import annotations

import torch
from torch import Tensor


@torch.no_grad()
def accumulate(ensemble: Tensor, prediction: Tensor, decay: float) -> Tensor:
    """Z <- alpha Z + (1 - alpha) z, computed in at least float32, in the ensemble's precision.

    Args:
        ensemble: Z, the sum so far, zeros at first, shape (C, *spatial).
        prediction: z, the student's probabilities, the same shape.
        decay: alpha; 0.6 is Laine and Aila's.
    """
    return torch.lerp(_precise(ensemble), _precise(prediction), 1 - decay).to(ensemble.dtype)


def ensemble_prediction(ensemble: Tensor, updates: int, decay: float) -> Tensor:
    """Z / (1 - alpha^t): the average of the predictions so far, in at least float32.

    The division takes out the zeros that Z started from; after one update it is the prediction.

    Args:
        ensemble: Z, or any part of it, after ``updates`` updates.
        updates: t, how often ``accumulate`` was called for the case.
        decay: alpha.

    Raises:
        ValueError: there is no prediction yet.
    """
    if updates < 1:
        raise ValueError(f"A case with {updates} predictions has no average: predict it first.")
    return _precise(ensemble) / (1 - decay**updates)


def _precise(probabilities: Tensor) -> Tensor:
    """At least float32, whatever is on disk."""
    return probabilities.to(torch.promote_types(probabilities.dtype, torch.float32))
