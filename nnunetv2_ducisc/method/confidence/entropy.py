"""Sure where the entropy is below a threshold that rises (UA-MT, Yu et al., 2019; Table VII)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from nnunetv2_ducisc.method.confidence.interface import PseudoLabel, TeacherSays
from nnunetv2_ducisc.method.labeling import Labeling
from nnunetv2_ducisc.method.pyramid import Maps


def ramp(progress: float) -> float:
    """UA-MT's 3/4 + 1/4 exp(-5 (1 - t / t_max)^2), of U_max: at the end of the run all voxels pass.

    Args:
        progress: t / t_max, from 0 to 1.
    """
    return 0.75 + 0.25 * math.exp(-5 * (1 - min(progress, 1.0)) ** 2)


class LowEntropy:
    """Reliable where the entropy of the teacher's probabilities is below the ramped threshold.

    Args:
        labeling: what the network's outputs are.
        num_classes: C, the number of the network's outputs.
        num_iterations: t_max, of the whole run.
    """

    reads_all_outputs = False
    learns = False

    def __init__(self, labeling: Labeling, num_classes: int, num_iterations: int) -> None:
        self.labeling = labeling
        self.num_iterations = num_iterations
        self.largest = -math.log(labeling.chance)  # U_max: a guess has 1 / chance equal outcomes
        self.values = torch.full((num_classes,), ramp(0))

    @property
    def in_use(self) -> Tensor:
        """The largest entropy that counts, as a share of a guess's, once a class, shape (C,)."""
        return self.values

    def label(self, teacher: TeacherSays, iteration: int) -> PseudoLabel:
        """The teacher's label, held against the threshold of this iteration."""
        bound = ramp(iteration / self.num_iterations)
        self.values = torch.full_like(self.values, bound)
        maps, _ = self.labeling.pseudo_label(teacher.outputs[0], self._none(teacher.outputs[0]))
        entropy = self.labeling.entropy(self._judged(teacher))
        return PseudoLabel(maps, entropy < bound * self.largest)

    def learn(self, student: Sequence[Tensor], label: Maps) -> None:
        """Nothing."""

    def state_dict(self) -> dict[str, Tensor]:
        """The threshold of the last step."""
        return {"values": self.values.clone()}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Go on from a checkpoint; the next step has a threshold of its own."""
        self.values = state["values"].to(self.values.device).clone()

    def _judged(self, teacher: TeacherSays) -> Tensor:
        """The probabilities whose entropy counts."""
        return teacher.outputs[0]

    def _none(self, probabilities: Tensor) -> Tensor:
        """No threshold on the probability."""
        return probabilities.new_zeros(len(self.values))
