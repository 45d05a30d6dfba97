"""The validation list of a protocol, put where nnU-Net looks for its folds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.raw_dataset.replacing import FOLDS, preprocessed_folder, read_folds
from nnunetv2_ducisc.raw_dataset.staging import write_json

Folds = list[dict[str, list[str]]]


@dataclass(frozen=True)
class ValidationFold:
    """The one fold of a dataset, or none.

    Attributes:
        dataset: its name.
        folds: the content of splits_final.json; empty where there is no validation list.
    """

    dataset: str
    folds: Folds

    def check(self, overwrite: bool) -> None:
        """Without its fold nnU-Net would draw one by itself, so a validation list needs a place.

        Raises:
            DuCiSCError: nnUNet_preprocessed is not set, or holds other folds for the dataset.
        """
        if not self.folds:
            return
        has_others = self._file.exists() and read_folds(self._file) != self.folds
        if has_others and not overwrite:
            raise DuCiSCError(
                f"{self._file} holds other folds: remove it, or replace it with --overwrite."
            )

    def write(self, dataset: Path) -> None:
        """Write it for nnU-Net, and into the dataset's folder, where people look."""
        if self.folds:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            write_json(self._file, self.folds)
            write_json(dataset / FOLDS, self.folds)

    @property
    def _file(self) -> Path:
        folder = preprocessed_folder(self.dataset)
        if folder is None:
            raise DuCiSCError(
                "nnUNet_preprocessed is not set: the validation list goes there, run export "
                "nnUNet_preprocessed=/folder/of/preprocessed/data."
            )
        return folder / FOLDS
