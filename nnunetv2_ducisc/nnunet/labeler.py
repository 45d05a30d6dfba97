"""Who labels a batch of unlabeled patches (Table IX)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from nnunetv2_ducisc.method.confidence import TeacherSays
from nnunetv2_ducisc.method.labeling import Labeling
from nnunetv2_ducisc.nnunet.loading import UnlabeledBatch
from nnunetv2_ducisc.nnunet.teacher_network import TeacherNetwork


class Labeler(Protocol):
    """What the pseudo label comes from."""

    def __call__(self, batch: UnlabeledBatch) -> TeacherSays:
        """The probabilities of a batch."""


@dataclass(frozen=True)
class MeanTeacher:
    """The network whose weights follow the student's; the paper's choice.

    Attributes:
        network: the teacher's.
    """

    network: TeacherNetwork

    def __call__(self, batch: UnlabeledBatch) -> TeacherSays:
        """One forward pass."""
        return self.network(batch.teacher)


@dataclass(frozen=True)
class TemporalEnsemble:
    """The average of the student's predictions of the case, cut out with the patch.

    Attributes:
        labeling: what the predictions are.
    """

    labeling: Labeling

    def __call__(self, batch: UnlabeledBatch) -> TeacherSays:
        """No forward pass."""
        return TeacherSays.of(self.labeling.with_background(batch.maps))
