"""A network that is looked into while it predicts."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nnunetv2_ducisc.nnunet.features import DecoderFeatures


class ObservedNetwork:
    """A network whose forward pass gives its finest features F^S beside its logits.

    Args:
        network: one without deep supervision.
        device: where it runs.
    """

    def __init__(self, network: nn.Module, device: torch.device) -> None:
        self._network = network.to(device).eval()
        self._features = DecoderFeatures(network, num_scales=1)

    @torch.inference_mode()
    def __call__(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Of images of shape (B, channels, *spatial): (B, C, *spatial) and (B, Z, *spatial)."""
        with self._features.recording():
            return self._network(images), self._features.finest_first[0]
