"""The preprocessed cases of a trained model: what it learned from, labeled and unlabeled."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import torch
from batchgeneratorsv2.transforms.utils.seg_to_regions import ConvertSegmentationToRegionsTransform
from nnunetv2.configuration import default_num_processes
from nnunetv2.paths import nnUNet_preprocessed, nnUNet_raw
from nnunetv2.training.dataloading.nnunet_dataset import infer_dataset_class, nnUNetBaseDataset
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from nnunetv2.utilities.label_handling.label_handling import LabelManager
from torch import Tensor

from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.nnunet.labels import label_maps
from nnunetv2_ducisc.nnunet.preprocessing import prepare_unlabeled
from nnunetv2_ducisc.nnunet.trained_model import TrainedModel
from nnunetv2_ducisc.nnunet.truth import truth_on_grid
from nnunetv2_ducisc.nnunet.unlabeled_data import UnlabeledData


@dataclass(frozen=True, eq=False)
class Case:
    """A preprocessed case.

    Attributes:
        name: its identifier.
        image: shape (B, channels, *spatial): the slices in 2D, B = 1 in 3D.
        labels: shape (B, 1, *spatial); None where nobody has labeled it.
    """

    name: str
    image: Tensor
    labels: Tensor | None


@dataclass(frozen=True, eq=False)
class PreprocessedCases:
    """Cases of one kind.

    Attributes:
        model: that was trained on them.
        dataset: nnU-Net's reader of their folder.
        truth: raw labels by case, for cases whose labels were withheld; None for labeled cases.
    """

    model: TrainedModel
    dataset: nnUNetBaseDataset
    truth: dict[str, Path] | None

    @property
    def kind(self) -> str:
        """What they are called: ``labeled`` or ``unlabeled``."""
        return "labeled" if self.truth is None else "unlabeled"

    @property
    def names(self) -> list[str]:
        """Their identifiers in order."""
        return sorted(map(str, self.dataset.identifiers))

    def load(self, name: str) -> Case:
        """Read a case.

        Raises:
            DuCiSCError: its truth does not fit to its image.
        """
        image, labels, _, properties = self.dataset.load_case(name)
        image, labels = np.asarray(image[:]), np.asarray(labels[:])
        if self.truth is not None:
            labels = self._withheld(name, properties, image.shape[1:])
        return Case(name, self._as_batch(image), None if labels is None else self._as_batch(labels))

    def _withheld(
        self, name: str, properties: dict[str, Any], shape: tuple[int, ...]
    ) -> np.ndarray | None:
        assert self.truth is not None
        if name not in self.truth:
            return None
        model = self.model
        return truth_on_grid(self.truth[name], properties, shape, model.plans, model.configuration)

    def _as_batch(self, array: np.ndarray) -> Tensor:
        """(channels, *spatial) -> (B, channels, *spatial)."""
        is_2d = len(self.model.configuration.patch_size) == 2
        batch = array.swapaxes(0, 1) if is_2d else array[None]
        return torch.from_numpy(np.ascontiguousarray(batch, dtype=np.float32))


def labeled_cases(model: TrainedModel) -> PreprocessedCases:
    """The cases of the fold that the model learned from.

    Raises:
        DuCiSCError: they are not there.
    """
    base = Path(nnUNet_preprocessed) / model.plans.dataset_name
    folder = base / model.configuration.data_identifier
    if not folder.is_dir():
        raise DuCiSCError(
            f"There is no {folder}, which the model was trained on: make it again with "
            f"nnUNetv2_preprocess -d {model.plans.dataset_name[7:10]} -c "
            f"{model.configuration_name} -plans_name {model.plans.plans_name}."
        )
    reader = infer_dataset_class(str(folder))
    return PreprocessedCases(model, reader(str(folder), _split(model, base, folder)), None)


def unlabeled_cases(model: TrainedModel) -> PreprocessedCases | None:
    """The cases of imagesUn, preprocessed if need be, with the truth in labelsUn if there is one.

    Returns:
        None if there is no imagesUn, and the model needed none.

    Raises:
        DuCiSCError: the model needed them, or they cannot be used.
    """
    raw = Path(nnUNet_raw) / model.plans.dataset_name
    if model.semi is None and not (raw / "imagesUn").is_dir():
        return None
    data = UnlabeledData(
        raw,
        Path(nnUNet_preprocessed) / model.plans.dataset_name,
        model.plans,
        model.configuration_name,
        model.dataset_json,
    )
    folder, names = prepare_unlabeled(data, default_num_processes)
    files = {
        name: raw / "labelsUn" / f"{name}{model.dataset_json['file_ending']}" for name in names
    }
    truth = {name: file for name, file in files.items() if file.is_file()}
    return PreprocessedCases(model, infer_dataset_class(str(folder))(str(folder), names), truth)


def maps_of(labels: Tensor, manager: LabelManager) -> tuple[Tensor, Tensor | None]:
    """Labels as one map an output, as in training.

    Args:
        labels: shape (B, 1, *spatial); -1, where nnU-Net's preprocessing finds no image, is
            background.
        manager: nnU-Net's label manager.

    Returns:
        See ``label_maps``.
    """
    labels = labels.clamp(min=0)
    if not manager.has_regions:
        return label_maps(labels, manager)
    regions = [*manager.foreground_regions, *([manager.ignore_label] * manager.has_ignore_label)]
    convert = ConvertSegmentationToRegionsTransform(regions)
    maps = [convert(segmentation=of_one)["segmentation"] for of_one in labels]
    return label_maps(torch.stack(maps), manager)


def _split(model: TrainedModel, base: Path, folder: Path) -> list[str]:
    """The training cases of the fold, by the method that nnU-Net's trainer finds them with."""
    trainer = SimpleNamespace(
        dataset_class=infer_dataset_class(str(folder)),
        preprocessed_dataset_folder=str(folder),
        preprocessed_dataset_folder_base=str(base),
        folder_with_segs_from_previous_stage=None,
        fold=model.fold if model.fold == "all" else int(model.fold),
        print_to_log_file=lambda *_: None,
    )
    training, _ = nnUNetTrainer.do_split(cast(Any, trainer))
    return list(training)
