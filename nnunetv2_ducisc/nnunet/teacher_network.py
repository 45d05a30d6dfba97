"""The teacher's forward pass."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from nnunetv2_ducisc.method.confidence import TeacherSays
from nnunetv2_ducisc.method.labeling import Labeling
from nnunetv2_ducisc.nnunet.features import DecoderFeatures
from nnunetv2_ducisc.nnunet.streams import glance


class TeacherNetwork:
    """Asks the teacher, with autocast where nnU-Net has it and never with a gradient.

    Args:
        network: the teacher's plain network; it keeps a deep-supervision switch of its own.
        compiled: whether nnU-Net compiles the student.
        labeling: what the logits are.
        all_outputs: whether the outputs at lower resolutions are wanted, too.
        num_scales: of how many decoder stages, finest first, the features are wanted.
    """

    def __init__(
        self,
        network: nn.Module,
        compiled: bool,
        labeling: Labeling,
        all_outputs: bool = False,
        num_scales: int = 0,
    ) -> None:
        if isinstance(decoder := getattr(network, "decoder", None), nn.Module):
            decoder.deep_supervision = all_outputs  # type: ignore[assignment]
        self.labeling = labeling
        self.features = DecoderFeatures(network, num_scales)  # before it is compiled
        self._forward = torch.compile(network, dynamic=False) if compiled else network

    def __call__(self, images: Tensor) -> TeacherSays:
        """What the teacher says of images of shape (B, channels, *spatial)."""
        with self.features.recording():
            outputs = [self.labeling.probabilities(logits) for logits in self.logits(images)]
            return TeacherSays(images, outputs, self._ask_again, self.features.finest_first)

    def logits(self, images: Tensor) -> Sequence[Tensor]:
        """The network's outputs, finest first, shape (B, C, *spatial at that scale) each."""
        return glance(self._forward, images)

    def _ask_again(self, images: Tensor) -> Tensor:
        """The probabilities at full resolution alone."""
        return self(images).outputs[0]
