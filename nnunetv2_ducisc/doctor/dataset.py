"""Checks of one dataset: are its unlabeled images usable, and are they preprocessed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nnunetv2.paths import nnUNet_raw
from tqdm import tqdm

from nnunetv2_ducisc.doctor.check import Check
from nnunetv2_ducisc.errors import DuCiSCError, one_line
from nnunetv2_ducisc.nnunet.names import dataset_name
from nnunetv2_ducisc.nnunet.previous_stage import previous_stage_name
from nnunetv2_ducisc.nnunet.unlabeled import (
    check_files,
    check_image,
    find_unlabeled_cases,
    number_of_channels,
)
from nnunetv2_ducisc.nnunet.unlabeled_data import UnlabeledData

_KEYS = ("channel_names", "labels", "file_ending")


def dataset_checks(dataset: str, configuration: str | None, plans: str) -> Iterator[Check]:
    """The checks of a dataset, each of which needs those before it."""
    yield Check("dataset", lambda: str(_raw_folder(dataset)))
    yield Check("dataset.json", lambda: _describe(_dataset_json(_raw_folder(dataset))))
    yield Check("imagesUn", lambda: _listing(_raw_folder(dataset)))
    if configuration is not None:
        data = _Planned(dataset, configuration, plans)
        yield Check("plans", data.plans)
        yield Check("preprocessed", data.preprocessed)
        yield Check("images", data.images)


def _raw_folder(dataset: str) -> Path:
    folder = Path(nnUNet_raw) / dataset_name(dataset)
    if not folder.is_dir():
        raise DuCiSCError(
            f"there is no folder {folder}: put the dataset there, or name another one with -d."
        )
    return folder


def _dataset_json(raw_dataset: Path) -> dict[str, Any]:
    """The content of dataset.json, which must have what nnU-Net reads in it."""
    file = raw_dataset / "dataset.json"
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise DuCiSCError(
            f"{file} cannot be read ({error.strerror}): write it as nnU-Net's dataset format asks."
        ) from error
    except ValueError as error:
        raise DuCiSCError(f"{file} is not valid JSON ({error}): correct it there.") from error
    known = {"channel_names" if key == "modality" else key for key in content}
    absent = [key for key in _KEYS if key not in known]
    if absent:
        raise DuCiSCError(f"{file} has no {', '.join(absent)}: add what nnU-Net requires there.")
    return content


def _describe(dataset_json: dict[str, Any]) -> str:
    return (
        f"{number_of_channels(dataset_json)} channel(s), labels "
        f"{', '.join(dataset_json['labels'])}, files *{dataset_json['file_ending']}"
    )


def _listing(raw_dataset: Path) -> str:
    return f"{len(find_unlabeled_cases(raw_dataset, _dataset_json(raw_dataset)))} unlabeled cases"


class _Planned:
    """The unlabeled data of a dataset through its plans, which are read when first needed."""

    def __init__(self, dataset: str, configuration: str, plans: str) -> None:
        self._names = (dataset, configuration, plans)

    def plans(self) -> str:
        """The plans are there and have the configuration."""
        data = self._data()
        before = previous_stage_name(data)
        return f"{data.plans_manager.plans_name}, {data.configuration_name}" + (
            f", which needs {before} to be trained first" if before else ""
        )

    def preprocessed(self) -> str:
        """How many cases are there; those that are not are no failure, training makes them."""
        data = self._data()
        cases = data.cases()
        missing = data.missing(cases)
        there = f"{len(cases) - len(missing)} of {len(cases)} unlabeled cases"
        if not missing:
            return there
        return (
            f"{there}; training makes the other {len(missing)} when it starts (on one GPU), "
            f"{data.command()} makes them now"
        )

    def images(self) -> str:
        """The images that are still to be preprocessed can be read and are sound."""
        data = self._data()
        cases = data.cases()
        missing = list(data.missing(cases))
        progress = tqdm(missing, desc="Reading unlabeled images", leave=False, disable=None)
        failures = [text for case in progress if (text := _unsound(data, case, cases[case]))]
        if failures:
            raise DuCiSCError("\n".join(failures))
        return f"{len(missing)} read and sound; those that are preprocessed were checked then"

    def _data(self) -> UnlabeledData:
        return UnlabeledData.named(*self._names)


def _unsound(data: UnlabeledData, case: str, files: list[Path]) -> str | None:
    """What is wrong with the images of a case, if anything."""
    reader = data.plans_manager.image_reader_writer_class()
    try:
        check_files(case, files)
        image, _ = reader.read_images([str(file) for file in files])
    except DuCiSCError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 (every reader raises what its library raises)
        return (
            f"Unlabeled case {case} cannot be read ({one_line(error)}): mend "
            f"{', '.join(map(str, files))} or take the case out of imagesUn."
        )
    try:
        check_image(case, image, number_of_channels(data.dataset_json))
    except DuCiSCError as error:
        return str(error)
    return None
