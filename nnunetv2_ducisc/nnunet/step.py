"""nnU-Net's own training step, fed with three batches and the loss of all three."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from nnunetv2.training.loss.deep_supervision import DeepSupervisionWrapper
from torch import Tensor, nn

from nnunetv2_ducisc.method.objective import Labels, Objective, StudentView
from nnunetv2_ducisc.nnunet.features import DecoderFeatures

Logits = Tensor | Sequence[Tensor]


class StepLoss:
    """Stands in for nnU-Net's loss during one semi-supervised step.

    nnU-Net's ``train_step`` does one forward pass of the concatenated labeled, unlabeled and mixed
    images, calls this on the result and then does everything else (scaling, clipping, the
    optimizer) as always. InstanceNorm makes one pass exact; DDP needs one pass a backward.

    Args:
        supervised: nnU-Net's loss object, untouched.
        objective: the semi-supervised terms and their weights.
        features: the student's decoder features of the same pass.
        labels: what the student is held against.
    """

    def __init__(
        self,
        supervised: Callable[[Any, Any], Tensor],
        objective: Objective,
        features: DecoderFeatures,
        labels: Labels,
    ) -> None:
        self.supervised = supervised
        self.objective = objective
        self.features = features
        self.labels = labels
        self.values: dict[str, Tensor] = {}
        self.unlabeled_logits: Tensor

    def __call__(self, output: Logits, target: Logits) -> Tensor:
        """Eq. 11 for the logits of the three batches and the target of the first."""
        logits = [output] if isinstance(output, Tensor) else output
        views = [
            StudentView(*view)
            for view in zip(_by_batch(logits), _by_batch(self.features.finest_first), strict=True)
        ]
        labeled, unlabeled, mixed = views
        supervised = self.supervised(
            labeled.logits[0] if isinstance(output, Tensor) else list(labeled.logits), target
        )
        terms = self.objective.terms(labeled, unlabeled, mixed, self.labels)
        self.values = {"sup": supervised.detach()} | {n: t.detach() for n, t in terms.items()}
        self.unlabeled_logits = unlabeled.logits[0].detach()
        return self.objective.total(supervised, terms)


def deep_supervision_weights(loss: nn.Module) -> Sequence[float]:
    """The weight of every output in nnU-Net's loss, finest first; one output without."""
    return loss.weight_factors if isinstance(loss, DeepSupervisionWrapper) else (1.0,)


def full_resolution(target: Logits) -> Tensor:
    """The target at the resolution of the patch, with or without deep supervision."""
    return target if isinstance(target, Tensor) else target[0]


class TeacherNetwork:
    """The teacher's forward pass: full resolution alone, no gradient, autocast where nnU-Net's is.

    Args:
        network: the teacher's plain network; it keeps a deep-supervision switch of its own.
        compiled: whether nnU-Net compiles the student.
    """

    def __init__(self, network: nn.Module, compiled: bool) -> None:
        if isinstance(decoder := getattr(network, "decoder", None), nn.Module):
            decoder.deep_supervision = False  # type: ignore[assignment]
        self._forward = torch.compile(network) if compiled else network

    @torch.no_grad()
    def logits(self, images: Tensor) -> Tensor:
        """Of images of shape (B, channels, *spatial): shape (B, C, *spatial)."""
        device = images.device.type
        with torch.autocast(device) if device == "cuda" else nullcontext():
            return self._forward(images)


@contextmanager
def replaced(owner: object, attribute: str, value: object) -> Iterator[None]:
    """Within this context ``owner.attribute`` is ``value``."""
    before = getattr(owner, attribute)
    setattr(owner, attribute, value)
    try:
        yield
    finally:
        setattr(owner, attribute, before)


def _by_batch(scales: Sequence[Tensor]) -> list[list[Tensor]]:
    """Scales of three concatenated batches -> three batches of scales."""
    chunks = [torch.chunk(scale, 3) for scale in scales]
    return [[chunk[batch] for chunk in chunks] for batch in range(3)]
