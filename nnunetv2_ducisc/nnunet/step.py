"""nnU-Net's own training step, fed with the loss of up to three batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from nnunetv2.training.loss.deep_supervision import DeepSupervisionWrapper
from torch import Tensor, nn

from nnunetv2_ducisc.method.objective import Guide, Objective, StudentView
from nnunetv2_ducisc.nnunet.streams import Logits


class StepLoss:
    """Stands in for nnU-Net's loss during one semi-supervised step.

    nnU-Net's ``train_step`` passes the concatenated kinds of images on to a
    ``streams.Together`` in the network's place, calls this on the result and then does everything
    else (scaling, clipping, the optimizer) as always.

    Args:
        supervised: nnU-Net's loss object, untouched; it wants a list under deep supervision.
        objective: the semi-supervised terms and their weights.
        y_i: the truth of the labeled images.
        guides: what the student is held against in the others.
    """

    def __init__(
        self,
        supervised: Callable[[Any, Any], Tensor],
        objective: Objective,
        y_i: Tensor,
        guides: Mapping[str, Guide],
    ) -> None:
        self.supervised = supervised
        self.objective = objective
        self.y_i = y_i
        self.guides = guides
        self.values: dict[str, Tensor] = {}
        self.unlabeled_logits: Sequence[Tensor] = ()

    def __call__(self, student: Mapping[str, StudentView], target: Logits) -> Tensor:
        """Eq. 11 for what the student says of each kind of image and nnU-Net's own target."""
        labeled = student["labeled"].logits
        logits = labeled[0] if isinstance(target, Tensor) else list(labeled)
        supervised = self.supervised(logits, target)
        terms = self.objective.terms(student, self.y_i, self.guides)
        self.values = {"sup": supervised.detach()} | {n: t.detach() for n, t in terms.items()}
        if "unlabeled" in student:
            self.unlabeled_logits = [scale.detach() for scale in student["unlabeled"].logits]
        return self.objective.total(supervised, terms)


def deep_supervision_weights(loss: nn.Module) -> Sequence[float]:
    """The weight of every output in nnU-Net's loss, finest first; one output without."""
    return loss.weight_factors if isinstance(loss, DeepSupervisionWrapper) else (1.0,)


def full_resolution(target: Logits) -> Tensor:
    """The target at the resolution of the patch, with or without deep supervision."""
    return target if isinstance(target, Tensor) else target[0]


@contextmanager
def replaced(owner: object, attribute: str, value: object) -> Iterator[None]:
    """Within this context ``owner.attribute`` is ``value``."""
    before = getattr(owner, attribute)
    setattr(owner, attribute, value)
    try:
        yield
    finally:
        setattr(owner, attribute, before)
