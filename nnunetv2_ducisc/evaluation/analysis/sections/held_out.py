"""Which test cases are shown, with their truth and prediction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.evaluation.analysis.subject import Subject
from nnunetv2_ducisc.evaluation.metrics.overlap import overlap
from nnunetv2_ducisc.evaluation.predictions.classes import Classes, read_classes
from nnunetv2_ducisc.evaluation.predictions.grid import Grid, check_same_grid
from nnunetv2_ducisc.evaluation.predictions.segmentation import Segmentation, read_segmentation
from nnunetv2_ducisc.nnunet.prediction import predict_labels, read_image
from nnunetv2_ducisc.raw_dataset.dataset import RawDataset
from nnunetv2_ducisc.raw_dataset.layout import Part

SHOWN = 3
Labels = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class HeldOutCase:
    """A test case.

    Attributes:
        name: its identifier.
        image: the first channel, on the grid of the truth.
        truth: its labels.
        prediction: on the same grid.
        dice: class -> value, for classes in one of the two.
    """

    name: str
    image: NDArray[np.floating]
    truth: Segmentation
    prediction: Labels
    dice: Mapping[str, float]

    @property
    def mean_dice(self) -> float:
        """Over its classes."""
        return _mean(self.dice)


@dataclass(frozen=True, eq=False)
class HeldOutCases:
    """The test cases of a dataset that have a truth.

    Attributes:
        subject: the model.
        raw: the dataset.
        classes: what its labels mean.
    """

    subject: Subject
    raw: RawDataset
    classes: Classes

    @classmethod
    def of(cls, subject: Subject) -> HeldOutCases:
        """Those of the dataset that the model was trained on."""
        raw = RawDataset.named(subject.model.plans.dataset_name)
        classes = read_classes(raw.folder / "dataset.json", subject.model.dataset_json)
        return cls(subject, raw, classes)

    @property
    def names(self) -> list[str]:
        """Identifiers in order."""
        folder = self.raw.folder / Part.TEST.labels
        return [
            name for name in self.raw.images(Part.TEST.images) if self._file(folder, name).is_file()
        ]

    def predicted(self) -> list[HeldOutCase]:
        """A few that are drawn, predicted now."""
        model, cases = self.subject.model, []
        names = self.subject.draw(self.names, SHOWN)
        for name in tqdm(names, desc="Predicting test cases", unit="case"):
            truth = self._truth(name)
            image, properties = self._image(name, truth)
            labels = predict_labels(model, image, properties).astype(np.int32)
            cases.append(self._case(name, image[0], truth, labels))
        return cases

    def worst_median_best(self, predictions: Path) -> tuple[list[HeldOutCase], int]:
        """By mean Dice of all that are predicted in a folder, and of how many.

        All are read, however many cases the rest of the report looks at: nothing is predicted here.

        Raises:
            DuCiSCError: none is, or a file does not fit to the others.
        """
        there = [name for name in self.names if self._file(predictions, name).is_file()]
        if not there:
            raise DuCiSCError(
                f"{predictions} has no prediction of a test case, like {self.names[0]}"
                f"{self.raw.ending}: name the folder that nnUNetv2_predict wrote with -pred."
            )
        dice = {}
        for name in tqdm(there, desc="Reading predictions", unit="case"):
            truth = self._truth(name)
            dice[name] = _mean(self._dice(truth, self._given(predictions, name, truth)))
        ranked = sorted(there, key=lambda name: dice[name])
        places = sorted({0, len(ranked) // 2, len(ranked) - 1})
        return [self._load(predictions, ranked[place]) for place in places], len(there)

    def _load(self, predictions: Path, name: str) -> HeldOutCase:
        truth = self._truth(name)
        image, _ = self._image(name, truth)
        return self._case(name, image[0], truth, self._given(predictions, name, truth))

    def _image(self, name: str, truth: Segmentation) -> tuple[NDArray[np.floating], dict[str, Any]]:
        """Shape (channels, z, y, x), and its geometry, which is that of the truth."""
        files = self.raw.images(Part.TEST.images)[name]
        image, properties = read_image(files, self.subject.model.plans)
        try:
            check_same_grid(truth.grid, Grid.of(image.shape[1:], properties))
        except DuCiSCError as error:
            raise DuCiSCError(
                f"The image of test case {name} {error}: put the right files into "
                f"{Part.TEST.images} and {Part.TEST.labels}."
            ) from error
        return image, properties

    def _truth(self, name: str) -> Segmentation:
        return self._read(self.raw.folder / Part.TEST.labels, name)

    def _given(self, folder: Path, name: str, truth: Segmentation) -> Labels:
        found = self._read(folder, name)
        try:
            check_same_grid(truth.grid, found.grid)
        except DuCiSCError as error:
            raise DuCiSCError(
                f"The prediction of case {name} {error}: predict on the images of imagesTs."
            ) from error
        return found.labels

    def _case(
        self, name: str, image: NDArray[np.floating], truth: Segmentation, labels: Labels
    ) -> HeldOutCase:
        shape = truth.labels.shape  # without the axis of a single slice
        labels = labels.reshape(shape)
        return HeldOutCase(name, image.reshape(shape), truth, labels, self._dice(truth, labels))

    def _dice(self, truth: Segmentation, prediction: Labels) -> dict[str, float]:
        known = truth.labels != self.classes.ignore
        masks = {
            name: (np.isin(truth.labels, labels) & known, np.isin(prediction, labels) & known)
            for name, labels in self.classes.labels.items()
        }
        return {name: overlap(a, b)[0] for name, (a, b) in masks.items() if a.any() or b.any()}

    def _read(self, folder: Path, name: str) -> Segmentation:
        reader = self.subject.model.plans.image_reader_writer_class
        return read_segmentation(self._file(folder, name), reader)

    def _file(self, folder: Path, name: str) -> Path:
        return folder / f"{name}{self.raw.ending}"


def _mean(dice: Mapping[str, float]) -> float:
    """1 where there is no class, neither in truth nor in prediction."""
    return float(np.mean(list(dice.values()))) if dice else 1.0
