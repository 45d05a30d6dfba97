"""A trained fold to look at: its networks, and what its checkpoint says of the method."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
from nnunetv2.utilities.plans_handling.plans_handler import ConfigurationManager, PlansManager
from torch import Tensor

from nnunetv2_ducisc.method.confidence import Confidence, TeacherSays
from nnunetv2_ducisc.method.labeling import Labeling
from nnunetv2_ducisc.method.pyramid import finest
from nnunetv2_ducisc.nnunet.labels import class_names, labeling_of
from nnunetv2_ducisc.nnunet.observed_network import ObservedNetwork
from nnunetv2_ducisc.progress import Row
from nnunetv2_ducisc.settings import DuCiSCSettings


@dataclass(frozen=True)
class SemiSupervision:
    """What the checkpoint of a semi-supervised training knows beyond the weights.

    Attributes:
        settings: the numbers it was trained with.
        confidence: which pseudo-labeled voxels counted at its end.
        rows: its log, a row an epoch.
        iterations: how many it has had.
    """

    settings: DuCiSCSettings
    confidence: Confidence
    rows: list[Row]
    iterations: int


@dataclass(frozen=True, eq=False)
class TrainedModel:
    """One fold of a model.

    Attributes:
        checkpoint: the file.
        fold: like ``0`` or ``all``.
        predictor: nnU-Net's, which predicts with the student.
        networks: the student and the teacher; with temporal ensembling the student alone, and a
            trainer without unlabeled images has one ``network``.
        semi: None for training that used no unlabeled image.
    """

    checkpoint: Path
    fold: str
    predictor: nnUNetPredictor
    networks: dict[str, ObservedNetwork]
    semi: SemiSupervision | None

    @property
    def plans(self) -> PlansManager:
        """The plans it was trained by."""
        return self.predictor.plans_manager

    @property
    def configuration(self) -> ConfigurationManager:
        """Its configuration in these plans."""
        return self.predictor.configuration_manager

    @property
    def configuration_name(self) -> str:
        """Like ``3d_fullres``."""
        return self.checkpoint.parents[1].name.rpartition("__")[2]

    @property
    def dataset_json(self) -> dict[str, Any]:
        """Of the dataset it was trained on, as of then."""
        return self.predictor.dataset_json

    @property
    def device(self) -> torch.device:
        """Where the networks are."""
        return self.predictor.device

    @property
    def thresholds(self) -> Tensor:
        """Shape (C,); zero, so that every voxel passes, where training used no unlabeled image."""
        if self.semi is None:
            return torch.zeros(len(self.classes), device=self.device)
        return self.semi.confidence.in_use.to(self.device)

    def judge(self, probabilities: Tensor) -> tuple[Tensor, Tensor]:
        """The pseudo label and where it is reliable, as training would have it.

        Args:
            probabilities: of the ``labeler``, shape (B, C, *spatial).

        Returns:
            As ``Labeling.pseudo_label``.
        """
        if self.semi is None:
            return self.labeling.pseudo_label(probabilities, self.thresholds)
        says = TeacherSays.of(probabilities)
        label, reliable = self.semi.confidence.label(says, self.semi.iterations)
        return finest(label), finest(reliable)

    @property
    def labeler(self) -> str:
        """The network that labels unlabeled images: the teacher, or the only one.

        Of temporal ensembling that is the student, whose predictions made the average.
        """
        return list(self.networks)[-1]

    @cached_property
    def labeling(self) -> Labeling:
        """What the outputs are: classes or regions."""
        return labeling_of(self.predictor.label_manager)

    @cached_property
    def classes(self) -> list[str]:
        """The names of the outputs, in their order."""
        return class_names(self.dataset_json, self.predictor.label_manager)

    @property
    def foreground(self) -> list[int]:
        """The outputs but for the background."""
        return [index for index, name in enumerate(self.classes) if name != "background"]
