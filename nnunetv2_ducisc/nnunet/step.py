"""nnU-Net's own training step, fed with the loss of up to three batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from nnunetv2.training.loss.deep_supervision import DeepSupervisionWrapper
from torch import Tensor, nn

from nnunetv2_ducisc.method.objective import Guide, Objective, Reading, StudentView
from nnunetv2_ducisc.nnunet.streams import Logits, Student


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

    def __call__(self, student: Student, target: Logits) -> Tensor:
        """Eq. 11 for what the student says of each kind of image and nnU-Net's own target."""
        supervised, labeled = student("labeled", partial(self._of_labeled, target))
        guided = {}
        for kind in self.objective.guided:
            guided[kind], logits = student(kind, partial(self._of_guided, kind))
            if kind == "unlabeled":
                self.unlabeled_logits = logits
        terms = self.objective.terms(labeled, guided)
        self.values = {"sup": supervised.detach()} | {n: t.detach() for n, t in terms.items()}
        return self.objective.total(supervised, terms)

    def _of_labeled(self, target: Logits, view: StudentView) -> tuple[Tensor, Any]:
        """L_sup, and what the terms compare with."""
        logits = view.logits[0] if isinstance(target, Tensor) else list(view.logits)
        return self.supervised(logits, target), self.objective.of_labeled(view, self.y_i)

    def _of_guided(self, kind: str, view: StudentView) -> tuple[Reading, list[Tensor]]:
        """What the terms need, and the logits without a gradient."""
        reading = self.objective.of_guided(kind, view, self.guides[kind])
        return reading, [scale.detach() for scale in view.logits]


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
