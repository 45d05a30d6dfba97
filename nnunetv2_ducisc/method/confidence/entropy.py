"""Sure where the entropy is below a threshold that rises (UA-MT, Yu et al., 2019; Table VII)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from nnunetv2_ducisc.method.confidence.interface import PseudoLabel, TeacherSays
from nnunetv2_ducisc.method.labeling import Labeling, OverlappingRegions
from nnunetv2_ducisc.method.pyramid import Maps


def entropy(labeling: Labeling, probabilities: Tensor) -> Tensor:
    """-sum p ln p over the outcomes of every decision, in nats.

    Args:
        labeling: of classes a voxel has one; each region is a two-way decision.
        probabilities: shape (B, C, *spatial).

    Returns:
        Shape (B, 1, *spatial) for classes and (B, C, *spatial) for regions.
    """
    of_outcome = torch.special.entr(probabilities)
    if isinstance(labeling, OverlappingRegions):
        return of_outcome + torch.special.entr(1 - probabilities)
    return of_outcome.sum(1, keepdim=True)


def ramped_threshold(largest: float, progress: float) -> float:
    """UA-MT's (3/4 + 1/4 exp(-5 (1 - t / t_max)^2)) U_max: at the end of the run all voxels pass.

    Args:
        largest: U_max, the entropy of a guess.
        progress: t / t_max, from 0 to 1.
    """
    return (0.75 + 0.25 * math.exp(-5 * (1 - min(progress, 1.0)) ** 2)) * largest


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
        self.values = torch.full((num_classes,), self._threshold(0))

    @property
    def in_use(self) -> Tensor:
        """The largest entropy that counts, in nats, once for each class, shape (C,)."""
        return self.values

    def label(self, teacher: TeacherSays, iteration: int) -> PseudoLabel:
        """The teacher's label, held against the threshold of this iteration."""
        bound = self._threshold(iteration)
        self.values = torch.full_like(self.values, bound)
        maps, _ = self.labeling.pseudo_label(teacher.outputs[0], self._none(teacher.outputs[0]))
        return PseudoLabel(maps, entropy(self.labeling, self._judged(teacher)) < bound)

    def learn(self, student: Sequence[Tensor], label: Maps) -> None:
        """Nothing."""

    def state_dict(self) -> dict[str, Tensor]:
        """The entropy of the last step, in nats."""
        return {"values": self.values.clone()}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Go on from a checkpoint; the next step has an entropy of its own."""
        self.values = state["values"].to(self.values.device).clone()

    def _judged(self, teacher: TeacherSays) -> Tensor:
        """The probabilities whose entropy counts."""
        return teacher.outputs[0]

    def _threshold(self, iteration: int) -> float:
        """The entropy of a guess is that of 1 / chance equal outcomes."""
        return ramped_threshold(-math.log(self.labeling.chance), iteration / self.num_iterations)

    def _none(self, probabilities: Tensor) -> Tensor:
        """No threshold on the probability."""
        return probabilities.new_zeros(len(self.values))
