"""Losses that are no numbers: a step that mixed precision skips, or the end of the run."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.method.distributed import averaged

MOST_SKIPPED = 10  # in a row: the gradients' scale has then fallen to a thousandth


class FiniteLosses:
    """Looks at the losses of every step.

    In half precision a number may overflow; torch's gradient scaler then leaves the weights as they
    are and goes on with a smaller scale. Without it nothing would ever get better.

    Attributes:
        skipped: steps in a row, up to now, whose losses were no numbers.
    """

    def __init__(self) -> None:
        self.skipped = 0

    def check(
        self, losses: dict[str, Tensor], iteration: int, cases: Sequence[str], may_skip: bool
    ) -> str:
        """Say what was wrong with a step that the gradient scaler has skipped, else nothing.

        Args:
            losses: the value of every term; every process gets the same answer.
            iteration: of the run.
            cases: the identifiers of the images.
            may_skip: whether there is a gradient scaler.

        Raises:
            DuCiSCError: a loss is not a finite number, and there is no scaler, or it did not help.
        """
        values = averaged(torch.stack([*losses.values()])).tolist()
        bad = [term for term in zip(losses, values, strict=True) if not abs(term[1]) < float("inf")]
        self.skipped = self.skipped + 1 if bad else 0
        if not bad:
            return ""
        name, value = bad[0]
        found = (
            f"Loss term {name} is {value} at iteration {iteration} with the cases "
            f"{', '.join(map(str, cases))}"
        )
        if may_skip and self.skipped < MOST_SKIPPED:
            return f"{found}: the step was skipped, as mixed precision does after an overflow."
        raise DuCiSCError(
            f"{found}: look at these images, then go on from the last checkpoint with --c, or "
            "start a new training with a lower initial_lr."
        )
