"""One probability for all classes and the whole run (FixMatch, Sohn et al., 2020; Table VII)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from nnunetv2_ducisc.method.confidence.interface import PseudoLabel, TeacherSays
from nnunetv2_ducisc.method.labeling import Labeling
from nnunetv2_ducisc.method.pyramid import Maps


class FixedThreshold:
    """Reliable where the teacher's probability of its own pseudo class is above a number.

    Args:
        labeling: what the network's outputs are.
        num_classes: C, the number of the network's outputs.
        value: the threshold; FixMatch's is 0.95. With 0 every pseudo-labeled voxel counts.
        device: where the pseudo label is computed.
    """

    reads_all_outputs = False
    learns = False

    def __init__(
        self,
        labeling: Labeling,
        num_classes: int,
        value: float,
        device: torch.device | str = "cpu",
    ) -> None:
        self.labeling = labeling
        self.values = torch.full((num_classes,), value, device=device)

    @property
    def in_use(self) -> Tensor:
        """The threshold, once for each class, shape (C,)."""
        return self.values

    def label(self, teacher: TeacherSays, iteration: int) -> PseudoLabel:
        """The same rule in every step."""
        return PseudoLabel(*self.labeling.pseudo_label(teacher.outputs[0], self.values))

    def learn(self, student: Sequence[Tensor], label: Maps) -> None:
        """Nothing."""

    def state_dict(self) -> dict[str, Tensor]:
        """The threshold, for a reader; it is a setting and no state."""
        return {"values": self.values}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Nothing to go on from: the threshold is a setting."""
