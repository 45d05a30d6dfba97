"""Self-aware class thresholds, which say how sure is sure enough: Eq. 8 and 9."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from nnunetv2_ducisc.method.confidence.interface import PseudoLabel, TeacherSays
from nnunetv2_ducisc.method.distributed import summed
from nnunetv2_ducisc.method.labeling import Labeling
from nnunetv2_ducisc.method.pyramid import Maps, finest


class SelfAwareThresholds:
    """One confidence threshold a class, an average of the student's own confidence.

    ``values`` follows Eq. 8 as it stands in the paper; the bounds apply where the thresholds are
    used, so that they leave the recursion alone.

    Args:
        num_classes: C, the number of the network's outputs.
        chance: where the thresholds start: the confidence of a guess, 1/C for exclusive classes.
        decay: beta of Eq. 8.
        minimum: lower bound of the thresholds in use; None is ``chance``.
        maximum: upper bound of the thresholds in use; 1.0 is none.
        device: where the state lives.
    """

    def __init__(
        self,
        num_classes: int,
        chance: float,
        decay: float,
        minimum: float | None = None,
        maximum: float = 1.0,
        device: torch.device | str = "cpu",
    ) -> None:
        self.decay = decay
        self.minimum = chance if minimum is None else minimum
        self.maximum = maximum
        self.values = torch.full((num_classes,), chance, device=device)

    @property
    def in_use(self) -> Tensor:
        """The thresholds within their bounds, shape (C,)."""
        return self.values.clamp(self.minimum, self.maximum)

    @torch.no_grad()
    def update(self, probabilities: Tensor, pseudo_label: Tensor) -> None:
        """Move the thresholds towards the student's mean confidence, Eq. 8 and 9.

        A class that no voxel of the batch is assigned to keeps its threshold. Over several
        processes the sums and counts are added up before they are divided.

        Args:
            probabilities: y_hat, the student's on the unlabeled images, shape (B, C, *spatial).
            pseudo_label: y_bar, the teacher's maps of zeros and ones, the same shape.
        """
        axes = (0, *range(2, probabilities.ndim))
        confidence, voxels = summed(
            torch.stack([(pseudo_label * probabilities).sum(axes), pseudo_label.sum(axes)])
        )
        average = (confidence / torch.where(voxels > 0, voxels, 1)).to(self.values.dtype)
        moved = self.decay * self.values + (1 - self.decay) * average
        self.values = torch.where(voxels > 0, moved, self.values)

    def state_dict(self) -> dict[str, Tensor]:
        """What a checkpoint has to keep."""
        return {"values": self.values.clone()}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Go on from a checkpoint."""
        self.values = state["values"].to(self.values.device).clone()


class SelfAware(SelfAwareThresholds):
    """Reliable above the self-aware threshold of its own class (Eq. 8 to 10); the paper's choice.

    Args:
        labeling: what the network's outputs are.
        num_classes: C, the number of the network's outputs.
        decay: beta of Eq. 8.
        minimum: lower bound of the thresholds in use; None is chance.
        maximum: upper bound of the thresholds in use; 1.0 is none.
        device: where the state lives.
    """

    reads_all_outputs = False
    learns = True

    def __init__(
        self,
        labeling: Labeling,
        num_classes: int,
        decay: float,
        minimum: float | None = None,
        maximum: float = 1.0,
        device: torch.device | str = "cpu",
    ) -> None:
        super().__init__(num_classes, labeling.chance, decay, minimum, maximum, device)
        self.labeling = labeling

    def label(self, teacher: TeacherSays, iteration: int) -> PseudoLabel:
        """Held against the thresholds of the step before."""
        return PseudoLabel(*self.labeling.pseudo_label(teacher.outputs[0], self.in_use))

    def learn(self, student: Sequence[Tensor], label: Maps) -> None:
        """Eq. 8 and 9."""
        self.update(self.labeling.probabilities(student[0]), finest(label))
