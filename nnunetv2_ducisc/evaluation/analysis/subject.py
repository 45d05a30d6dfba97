"""What an analysis is about: the model, and what was seen of its cases."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from nnunetv2.imageio.natural_image_reader_writer import NaturalImage2DIO

from nnunetv2_ducisc.evaluation.analysis.observation import Observations, observe
from nnunetv2_ducisc.nnunet.preprocessed_cases import (
    PreprocessedCases,
    labeled_cases,
    unlabeled_cases,
)
from nnunetv2_ducisc.nnunet.trained_model import TrainedModel
from nnunetv2_ducisc.raw_dataset.shuffle import shuffled


@dataclass(frozen=True, eq=False)
class Subject:
    """What the sections of a report are made from.

    Attributes:
        model: the trained fold.
        labeled: what it learned from.
        unlabeled: None where there is no imagesUn.
        max_cases: the most labeled cases to look at, and the most unlabeled ones.
        seed: of the draws of cases and voxels.
        predictions: folder of predicted test cases, if one was named.
    """

    model: TrainedModel
    labeled: PreprocessedCases
    unlabeled: PreprocessedCases | None
    max_cases: int
    seed: int
    predictions: Path | None

    @classmethod
    def of(
        cls, model: TrainedModel, max_cases: int, seed: int, predictions: Path | None
    ) -> Subject:
        """Find the cases of a model.

        Raises:
            DuCiSCError: they are not there, or cannot be used.
        """
        labeled, unlabeled = labeled_cases(model), unlabeled_cases(model)
        return cls(model, labeled, unlabeled, max_cases, seed, predictions)

    @cached_property
    def seen_labeled(self) -> Observations:
        """What was seen of labeled cases."""
        return observe(
            self.model, self.labeled, self.draw(self.labeled.names, self.max_cases), self.seed
        )

    @cached_property
    def seen_unlabeled(self) -> Observations | None:
        """What was seen of unlabeled cases; withheld truth is preferred where some is there."""
        if self.unlabeled is None:
            return None
        assert self.unlabeled.truth is not None
        names = list(self.unlabeled.truth) or self.unlabeled.names
        drawn = self.draw(names, self.max_cases)
        return observe(self.model, self.unlabeled, drawn, self.seed)

    def draw(self, names: list[str], most: int) -> list[str]:
        """At most so many of the names, in order."""
        return sorted(shuffled(names, self.seed)[:most])

    @property
    def unit(self) -> str:
        """What spacings are in: natural images have none."""
        reader = self.model.plans.image_reader_writer_class
        return "px" if issubclass(reader, NaturalImage2DIO) else "mm"
