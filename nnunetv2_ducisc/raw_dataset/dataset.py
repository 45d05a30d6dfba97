"""A dataset that lies in nnUNet_raw."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nnunetv2.utilities.utils import get_filenames_of_train_images_and_targets

from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.nnunet.names import dataset_name
from nnunetv2_ducisc.raw_dataset.folders import raw_folder
from nnunetv2_ducisc.raw_dataset.layout import Part

_OLD = {"channel_names": "modality"}  # what nnU-Net reads too


@dataclass(frozen=True)
class LabeledCase:
    """A labeled case.

    Attributes:
        images: channel files in order.
        label: its label, whether there or not.
    """

    images: tuple[Path, ...]
    label: Path


@dataclass(frozen=True)
class RawDataset:
    """A raw dataset.

    Attributes:
        folder: in nnUNet_raw.
        json: the content of its dataset.json.
    """

    folder: Path
    json: dict[str, Any]

    @classmethod
    def named(cls, name_or_id: str) -> RawDataset:
        """Find a dataset by what nnU-Net's commands call it.

        Raises:
            DuCiSCError: no such dataset, or without a usable dataset.json.
        """
        folder = raw_folder() / dataset_name(name_or_id)
        file = folder / "dataset.json"
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise DuCiSCError(
                f"There is no {file}: name a dataset of nnUNet_raw that has one."
            ) from error
        except (OSError, ValueError) as error:
            raise DuCiSCError(f"{file} cannot be read ({error}): mend it.") from error
        wanted = ("channel_names", "labels", "file_ending")
        lacking = [key for key in wanted if key not in content and _OLD.get(key) not in content]
        if lacking:
            raise DuCiSCError(f"{file} has no {lacking[0]}, which nnU-Net requires: add it.")
        return cls(folder, content)

    @property
    def name(self) -> str:
        """Like ``Dataset501_LeftAtrium``."""
        return self.folder.name

    @property
    def number(self) -> str:
        """Its number as commands take it, like ``501`` or ``4``."""
        return str(int(self.name[len("Dataset") :][:3]))

    @property
    def ending(self) -> str:
        """How the names of its images and labels end, like ``.nii.gz``."""
        return self.json["file_ending"]

    @property
    def is_explicit(self) -> bool:
        """Whether dataset.json names the files of each labeled case."""
        return "dataset" in self.json

    def labeled(self) -> dict[str, LabeledCase]:
        """The labeled cases as nnU-Net finds them, by identifier; hidden files are ignored.

        Raises:
            DuCiSCError: none, or an image that is absent or not named as nnU-Net demands.
        """
        if not (self.json["dataset"] if self.is_explicit else self.files(Part.LABELED.images)):
            raise DuCiSCError(
                f"{self.folder} has no labeled case: expected images named CASE_0000{self.ending} "
                "in imagesTr and their labels in labelsTr."
            )
        cases = self._listed() if self.is_explicit else self._found()
        self._check_channels(cases)
        return cases

    def _listed(self) -> dict[str, LabeledCase]:
        """By dataset.json, read by nnU-Net."""
        listed = get_filenames_of_train_images_and_targets(str(self.folder), deepcopy(self.json))
        return {
            str(case): LabeledCase(tuple(map(Path, files["images"])), Path(files["label"]))
            for case, files in sorted(listed.items())
            if not case.startswith(".")
        }

    def _found(self) -> dict[str, LabeledCase]:
        """By the names in imagesTr; nnU-Net, which finds the same, starts 12 processes for it."""
        self._check_names(Part.LABELED.images)
        labels = self.folder / Part.LABELED.labels
        images = sorted(self.images(Part.LABELED.images).items())
        return {
            case: LabeledCase(tuple(files), labels / f"{case}{self.ending}")
            for case, files in images
        }

    def files(self, folder: str) -> list[Path]:
        """The files in one of its folders but for hidden ones, by name; none without a folder."""
        if not (self.folder / folder).is_dir():
            return []
        files = (file for file in (self.folder / folder).iterdir() if not file.is_dir())
        return sorted(file for file in files if not file.name.startswith("."))

    def images(self, folder: str) -> dict[str, list[Path]]:
        """Identifier -> channel files in order, by the names in one of its folders."""
        cases: dict[str, list[Path]] = defaultdict(list)
        for file in self.files(folder):
            if name := re.fullmatch(rf"(.+)_\d{{4}}{re.escape(self.ending)}", file.name):
                cases[name[1]].append(file)
        return dict(cases)

    def image_names(self, case: str, number: int) -> list[str]:
        """What the channel files of a case are called."""
        return [f"{case}_{channel:04d}{self.ending}" for channel in range(number)]

    def _check_names(self, folder: str) -> None:
        """Every image is named by case and channel: nnU-Net would misread another name."""
        named = {file for files in self.images(folder).values() for file in files}
        for file in self.files(folder):
            if file.name.endswith(self.ending) and file not in named:
                raise DuCiSCError(
                    f"{file} is not named like CASE_0000{self.ending}, identifier and channel in "
                    "four digits: rename it or take it away."
                )

    def _check_channels(self, cases: dict[str, LabeledCase]) -> None:
        """All images are there; every case has the channels of the first one."""
        first, expected = next((case, len(files.images)) for case, files in cases.items())
        for case, files in cases.items():
            gone = [image for image in files.images if not image.is_file()]
            if gone:
                raise DuCiSCError(f"The image {gone[0]} of case {case} is not there: add it.")
            found = [image.name for image in files.images]
            if len(found) != expected:
                raise DuCiSCError(
                    f"Case {case} has {len(found)} image file(s), but case {first} has {expected}: "
                    "give every case the same channels."
                )
            if not self.is_explicit and found != self.image_names(case, expected):
                raise DuCiSCError(
                    f"Case {case} has the images {', '.join(found)}: number the channels from 0000 "
                    "without a gap."
                )


def image_sidecar(image: Path, ending: str) -> Path:
    """Where nnU-Net's reader of 3D TIFF looks for the spacing, whether there or not.

    Args:
        image: a file named ``CASE_0000`` plus the ending; the name is cut, as nnU-Net does it.
        ending: the dataset's.
    """
    return image.with_name(f"{image.name[: -len(ending) - len('_0000')]}.json")
