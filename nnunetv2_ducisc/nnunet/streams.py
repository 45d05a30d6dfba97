"""The student's pass over the kinds of images: all at once, or kind by kind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from nnunetv2_ducisc.method.objective import StudentView
from nnunetv2_ducisc.nnunet.features import DecoderFeatures

Logits = Tensor | Sequence[Tensor]


class Together:
    """One pass of the concatenated images: the fastest, and all that is needed in plain memory.

    InstanceNorm makes one pass exact; DDP needs one pass a backward.

    Args:
        network: nnU-Net's, with whatever wrappers.
        features: the hooks of its decoder, which have to be recording.
        kinds: how many kinds of images there are: labeled, unlabeled and, maybe, mixed.
    """

    def __init__(self, network: nn.Module, features: DecoderFeatures, kinds: int = 3) -> None:
        self.network = network
        self.features = features
        self.kinds = kinds

    def __call__(self, images: Tensor) -> list[StudentView]:
        """Images of shape (kinds x B, channels, *spatial): what the student says of each kind."""
        logits = self._by_kind(_scales(self.network(images)))
        features = self._by_kind(self.features.finest_first)
        return [StudentView(*view) for view in zip(logits, features, strict=True)]

    def parameters(self) -> Iterator[nn.Parameter]:
        """The network's, whose gradients nnU-Net clips."""
        return self.network.parameters()

    def _by_kind(self, scales: Sequence[Tensor]) -> list[list[Tensor]]:
        """Scales of concatenated batches -> batches of scales."""
        chunks = [scale.chunk(self.kinds) for scale in scales]
        return [[chunk[kind] for chunk in chunks] for kind in range(self.kinds)]


class OneAtATime(Together):
    """A pass a kind of image, of which only logits and features are kept.

    Everything else is computed once more when its gradient is wanted: the gradients are those of
    ``Together``, with the activations of one kind in memory at a time, for the time of one more
    forward pass a kind.
    """

    def __call__(self, images: Tensor) -> list[StudentView]:
        """As ``Together`` does."""
        batches = images.chunk(self.kinds)
        return [checkpoint(self._pass, batch, use_reentrant=False) for batch in batches]

    def _pass(self, images: Tensor) -> StudentView:
        logits = _scales(self.network(images))
        return StudentView(logits, self.features.finest_first)


def _scales(logits: Logits) -> Sequence[Tensor]:
    """One entry an output, with or without deep supervision."""
    return [logits] if isinstance(logits, Tensor) else logits
