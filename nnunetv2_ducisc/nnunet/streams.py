"""The student's pass over the kinds of images: all at once, kind by kind, or just to look."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from typing import Protocol, TypeVar

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from nnunetv2_ducisc.method.objective import StudentView
from nnunetv2_ducisc.nnunet.features import DecoderFeatures

Read = TypeVar("Read")

Logits = Tensor | Sequence[Tensor]
Network = Callable[[Tensor], Logits]


class Student(Protocol):
    """What the student says, kind of image by kind of image."""

    def __call__(self, kind: str, read: Callable[[StudentView], Read]) -> Read:
        """What is read of the student's view of a kind: of each kind at most once.

        Args:
            kind: "labeled", "unlabeled" or "mixed".
            read: takes from the view what is wanted; the same every time, and nothing by the way,
                because it may be called again for the gradient.
        """


class Together:
    """One pass of the concatenated images: the fastest, and all that is needed in plain memory.

    InstanceNorm makes one pass exact; DDP needs one pass a backward.

    Args:
        network: nnU-Net's, with whatever wrappers.
        features: the hooks of its decoder, which have to be recording.
        kinds: the names of the kinds of images, in the order in which they are concatenated.
    """

    def __init__(self, network: nn.Module, features: DecoderFeatures, kinds: Sequence[str]) -> None:
        self.network = network
        self.features = features
        self.kinds = kinds

    def __call__(self, images: Tensor) -> Student:
        """Images of shape (kinds x B, channels, *spatial): what the student says of each kind."""
        logits = self._by_kind(_scales(self.network(images)))
        features = self._by_kind(self.features.finest_first)
        views = [StudentView(*view) for view in zip(logits, features, strict=True)]
        of_kind = dict(zip(self.kinds, views, strict=True))
        return lambda kind, read: read(of_kind[kind])

    def parameters(self) -> Iterator[nn.Parameter]:
        """The network's, whose gradients nnU-Net clips."""
        return self.network.parameters()

    def _by_kind(self, scales: Sequence[Tensor]) -> list[list[Tensor]]:
        """Scales of concatenated batches -> batches of scales."""
        chunks = [scale.chunk(len(self.kinds)) for scale in scales]
        return [[chunk[kind] for chunk in chunks] for kind in range(len(self.kinds))]


class OneAtATime(Together):
    """A pass a kind of image, of which only what was read of it is kept: prototypes and losses.

    Everything else, logits and features too, is computed once more when its gradient is wanted: the
    gradients are those of ``Together``, with the activations of one kind in memory at a time, for
    the time of one more forward pass a kind.

    The labeled kind is read first, so that its gradient is wanted last. It reaches every weight: no
    gradient is complete before it, and DDP, whose forward pass runs once more during the backward
    pass, has sent none by then.
    """

    def __call__(self, images: Tensor) -> Student:
        """As ``Together`` does, but a kind is looked at when it is read, once and once more."""
        batches = dict(zip(self.kinds, images.chunk(len(self.kinds)), strict=True))

        def student(kind: str, read: Callable[[StudentView], Read]) -> Read:
            return checkpoint(self._read, batches[kind], read, use_reentrant=False)

        return student

    def _read(self, images: Tensor, read: Callable[[StudentView], Read]) -> Read:
        try:
            logits = _scales(self.network(images))
            return read(StudentView(logits, self.features.finest_first))
        finally:  # through them the hooks would hold all that was computed again
            self.features.forget()


@torch.no_grad()
def glance(network: Network, images: Tensor) -> Sequence[Tensor]:
    """The network's logits, finest first, with autocast where nnU-Net has it and no gradient."""
    device = images.device.type
    with torch.autocast(device) if device == "cuda" else nullcontext():
        return _scales(network(images))


def _scales(logits: Logits) -> Sequence[Tensor]:
    """One entry an output, with or without deep supervision."""
    return [logits] if isinstance(logits, Tensor) else logits
