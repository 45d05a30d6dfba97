"""The student's pass over the kinds of images: all at once, kind by kind, or just to look."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from nnunetv2_ducisc.method.objective import StudentView
from nnunetv2_ducisc.nnunet.features import DecoderFeatures

Logits = Tensor | Sequence[Tensor]
Network = Callable[[Tensor], Logits]


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

    def __call__(self, images: Tensor) -> dict[str, StudentView]:
        """Images of shape (kinds x B, channels, *spatial): what the student says of each kind."""
        logits = self._by_kind(_scales(self.network(images)))
        features = self._by_kind(self.features.finest_first)
        views = [StudentView(*view) for view in zip(logits, features, strict=True)]
        return dict(zip(self.kinds, views, strict=True))

    def parameters(self) -> Iterator[nn.Parameter]:
        """The network's, whose gradients nnU-Net clips."""
        return self.network.parameters()

    def _by_kind(self, scales: Sequence[Tensor]) -> list[list[Tensor]]:
        """Scales of concatenated batches -> batches of scales."""
        chunks = [scale.chunk(len(self.kinds)) for scale in scales]
        return [[chunk[kind] for chunk in chunks] for kind in range(len(self.kinds))]


class OneAtATime(Together):
    """A pass a kind of image, of which only logits and features are kept.

    Everything else is computed once more when its gradient is wanted: the gradients are those of
    ``Together``, with the activations of one kind in memory at a time, for the time of one more
    forward pass a kind.
    """

    def __call__(self, images: Tensor) -> dict[str, StudentView]:
        """As ``Together`` does."""
        batches = zip(self.kinds, images.chunk(len(self.kinds)), strict=True)
        return {kind: checkpoint(self._pass, b, use_reentrant=False) for kind, b in batches}

    def _pass(self, images: Tensor) -> StudentView:
        try:
            logits = _scales(self.network(images))
            return StudentView(logits, self.features.finest_first)
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
