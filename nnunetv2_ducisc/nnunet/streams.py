"""The student's pass over labeled, unlabeled and mixed images: all at once, or kind by kind."""

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
    """

    def __init__(self, network: nn.Module, features: DecoderFeatures) -> None:
        self.network = network
        self.features = features

    def __call__(self, images: Tensor) -> list[StudentView]:
        """Images of shape (3 B, channels, *spatial): what the student says of each third."""
        logits = _scales(self.network(images))
        thirds = zip(_by_third(logits), _by_third(self.features.finest_first), strict=True)
        return [StudentView(*third) for third in thirds]

    def parameters(self) -> Iterator[nn.Parameter]:
        """The network's, whose gradients nnU-Net clips."""
        return self.network.parameters()


class OneAtATime(Together):
    """A pass a kind of image, of which only logits and features are kept.

    Everything else is computed once more when its gradient is wanted: the gradients are those of
    ``Together``, with the activations of one kind in memory instead of three, for the time of three
    more forward passes.
    """

    def __call__(self, images: Tensor) -> list[StudentView]:
        """As ``Together`` does."""
        return [checkpoint(self._pass, third, use_reentrant=False) for third in images.chunk(3)]

    def _pass(self, images: Tensor) -> StudentView:
        logits = _scales(self.network(images))
        return StudentView(logits, self.features.finest_first)


def _scales(logits: Logits) -> Sequence[Tensor]:
    """One entry an output, with or without deep supervision."""
    return [logits] if isinstance(logits, Tensor) else logits


def _by_third(scales: Sequence[Tensor]) -> list[list[Tensor]]:
    """Scales of three concatenated batches -> three batches of scales."""
    chunks = [scale.chunk(3) for scale in scales]
    return [[chunk[batch] for chunk in chunks] for batch in range(3)]
