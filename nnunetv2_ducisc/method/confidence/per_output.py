"""The rule of the authors' code: thresholds of every output, and any class may pass (Eq. 8, 9)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from nnunetv2_ducisc.method.confidence.interface import PseudoLabel, TeacherSays
from nnunetv2_ducisc.method.confidence.self_aware import SelfAwareThresholds
from nnunetv2_ducisc.method.labeling import Labeling
from nnunetv2_ducisc.method.pyramid import Maps, Pyramid, rescale


class AnyClassPerOutput:
    """Reliable, at every output, where the probability of any class is above its threshold.

    Each output of the network (each deep-supervision scale) has self-aware thresholds of its own,
    and a pseudo label of its own. For regions, which decide one by one, the rule is the paper's.

    With two classes and bounds of at least 0.5 this is the paper's rule at full resolution.

    Args:
        labeling: what the network's outputs are.
        num_classes: C, the number of the network's outputs.
        num_outputs: the number of deep-supervision scales.
        decay: beta of Eq. 8.
        minimum: lower bound of the thresholds in use (authors: 0.5); None is chance.
        maximum: upper bound of the thresholds in use (authors: 0.95).
        device: where the state lives.
    """

    reads_all_outputs = True
    learns = True

    def __init__(
        self,
        labeling: Labeling,
        num_classes: int,
        num_outputs: int,
        decay: float,
        minimum: float | None = 0.5,
        maximum: float = 0.95,
        device: torch.device | str = "cpu",
    ) -> None:
        self.labeling = labeling
        self.of_output = [
            SelfAwareThresholds(num_classes, labeling.chance, decay, minimum, maximum, device)
            for _ in range(num_outputs)
        ]

    @property
    def in_use(self) -> Tensor:
        """The thresholds of the finest output within their bounds, shape (C,)."""
        return self.of_output[0].in_use

    def label(self, teacher: TeacherSays, iteration: int) -> PseudoLabel:
        """A label and a mask for every output, held against the thresholds of the step before."""
        maps, reliable = [], []
        for probabilities, own in zip(teacher.outputs, self.of_output, strict=True):
            label, _ = self.labeling.pseudo_label(probabilities, own.in_use)
            maps.append(label)
            reliable.append(self.labeling.any_passes(probabilities, own.in_use))
        if len(maps) == 1:  # without deep supervision, where prototypes want other resolutions, too
            return PseudoLabel(maps[0], reliable[0])
        return PseudoLabel(Pyramid(maps), Pyramid(reliable))

    def learn(self, student: Sequence[Tensor], label: Maps) -> None:
        """Eq. 8 and 9 at every output."""
        for logits, own in zip(student, self.of_output, strict=True):
            y_bar = rescale(label, logits.shape[2:])
            own.update(self.labeling.probabilities(logits), y_bar)

    def state_dict(self) -> dict[str, Tensor]:
        """The thresholds of the finest output as ``values``, and those of the others."""
        return {_key(n): own.values.clone() for n, own in enumerate(self.of_output)}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Go on from a checkpoint."""
        for n, own in enumerate(self.of_output):
            own.load_state_dict({"values": state[_key(n)]})


def _key(output: int) -> str:
    """The name of an output's thresholds in a checkpoint."""
    return f"values_{output}" if output else "values"
