"""The unlabeled images of a raw dataset: which cases lie in imagesUn, are they sound."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from nnunetv2.utilities.utils import get_identifiers_from_splitted_dataset_folder

from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.truncation import check_not_truncated

WAY_OUT = (
    "put the unlabeled images there, or train with -tr nnUNetTrainerDuCiSC_supervised or with "
    "nnU-Net's own -tr nnUNetTrainer, which need none"
)


def find_unlabeled_cases(raw_dataset: Path, dataset_json: dict[str, Any]) -> dict[str, list[Path]]:
    """List the unlabeled cases of a raw dataset by file name; nothing is opened.

    How many files a case must have is not known before it is read, because a file may hold several
    channels (RGB, 4D): ``check_image`` counts them then. Hidden files are ignored, and so is
    ``CASE.json``, where nnU-Net's reader of 3D TIFF looks for the spacing.

    Args:
        raw_dataset: the folder of the dataset in nnUNet_raw.
        dataset_json: the content of its dataset.json.

    Returns:
        Identifier -> channel files in order, by identifier.

    Raises:
        DuCiSCError: no folder, nothing in it, a file that does not fit, a channel that is absent or
            too many, a case that is a labeled or a test case too.
    """
    ending = dataset_json["file_ending"]
    cases = _files_by_case(raw_dataset / "imagesUn", ending)
    for case, channel_files in cases.items():
        _check_channel_files(case, channel_files, ending, number_of_channels(dataset_json))
    _refuse_shared(cases, _labeled_cases(raw_dataset, dataset_json), "the labeled cases")
    _refuse_shared(cases, _cases_in(raw_dataset / "imagesTs", ending), "imagesTs")
    return cases


def number_of_channels(dataset_json: dict[str, Any]) -> int:
    """Channels of an image after reading, by either of nnU-Net's names for them."""
    names = "modality" if "modality" in dataset_json else "channel_names"
    return len(dataset_json[names])


def check_image(case: str, image: np.ndarray, channels_expected: int) -> None:
    """Refuse an image that cannot be normalized, or that the network cannot take.

    Args:
        case: the identifier, for the error.
        image: what the reader yields, shape (C, *spatial).
        channels_expected: the number of channels that dataset.json names.

    Raises:
        DuCiSCError: another number of channels, a value that is not finite, a constant channel.
    """
    if found := flaw(image, channels_expected):
        raise DuCiSCError(
            f"Unlabeled case {case} {found}: mend the image or take the case out of imagesUn."
        )


def flaw(image: np.ndarray, channels_expected: int) -> str | None:
    """Why nobody could train on an image, as the rest of a sentence; None where nothing is wrong.

    Args:
        image: what the reader yields, shape (C, *spatial).
        channels_expected: the number of channels that dataset.json names.
    """
    if len(image) != channels_expected:
        return f"was read with {len(image)} channel(s), but dataset.json names {channels_expected}"
    for channel, values in enumerate(image):
        low, high = values.min(), values.max()
        if not np.isfinite([low, high]).all():
            return f"holds NaN or infinite values in channel {channel:04d}"
        if low == high:
            return f"is constant in channel {channel:04d}, everywhere {low:g}"
    return None


def check_files(case: str, files: Iterable[Path]) -> None:
    """Refuse a NIfTI file that was cut off, as by a full disk: readers fill it up with zeros.

    Raises:
        DuCiSCError: such a file, or one that is damaged.
    """
    for file in files:
        try:
            check_not_truncated(file)
        except DuCiSCError as error:
            raise DuCiSCError(
                f"Unlabeled case {case} could not be read, {error}: fetch {file} again or take the "
                "case out of imagesUn."
            ) from error


def _files_by_case(folder: Path, ending: str) -> dict[str, list[Path]]:
    """Group the files of imagesUn by identifier, everything in order."""
    cases: dict[str, list[Path]] = defaultdict(list)
    others = []
    for file in _visible(folder):
        name = re.fullmatch(rf"(.+)_\d{{4}}{re.escape(ending)}", file.name)
        if name and file.is_file():
            cases[name[1]].append(file)
        else:
            others.append(file)
    for file in others:
        if not (file.suffix == ".json" and file.name[: -len(".json")] in cases):
            raise DuCiSCError(
                f"{file} is not an image of this dataset: expected files named CASE_0000{ending}, "
                "the identifier, the channel in four digits and the file_ending of dataset.json."
            )
    return dict(sorted(cases.items()))


def _visible(folder: Path) -> list[Path]:
    """What lies in imagesUn but for hidden files, by name; refuses that there is nothing."""
    if not folder.is_dir():
        raise DuCiSCError(f"There is no folder {folder}: make it and {WAY_OUT}.")
    files = sorted(file for file in folder.iterdir() if not file.name.startswith("."))
    if not files:
        raise DuCiSCError(f"The folder {folder} is empty: {WAY_OUT}.")
    return files


def _check_channel_files(case: str, files: list[Path], ending: str, num_channels: int) -> None:
    """Refuse a gap, and more files than channels; also a name that nnU-Net's files clash with."""
    expected = [f"{case}_{channel:04d}{ending}" for channel in range(len(files))]
    absent = [name for name in expected if name not in {file.name for file in files}]
    if absent:
        raise DuCiSCError(
            f"Unlabeled case {case} has no file {absent[0]}, but {files[-1].name}: channels are "
            "numbered from 0000 without a gap."
        )
    if len(files) > num_channels:
        raise DuCiSCError(
            f"Unlabeled case {case} has {len(files)} channel files, but dataset.json names "
            f"{num_channels} channels: take away {files[num_channels].name}."
        )
    if case.endswith("_seg"):
        raise DuCiSCError(
            f"Unlabeled case {case} ends in _seg, which nnU-Net keeps for its own files: rename "
            "its images in imagesUn, or take them away if they are segmentations."
        )


def _labeled_cases(raw_dataset: Path, dataset_json: dict[str, Any]) -> set[str]:
    """Identifiers of the labeled cases, in either of nnU-Net's two ways to name them."""
    if "dataset" in dataset_json:
        return set(dataset_json["dataset"])
    return _cases_in(raw_dataset / "imagesTr", dataset_json["file_ending"])


def _cases_in(folder: Path, ending: str) -> set[str]:
    """Identifiers of the images in a folder; none where there is no folder."""
    if not folder.is_dir():
        return set()
    return set(map(str, get_identifiers_from_splitted_dataset_folder(str(folder), ending)))


def _refuse_shared(cases: Iterable[str], others: set[str], where: str) -> None:
    """Refuse a case that is unlabeled and something else."""
    shared = [case for case in cases if case in others]
    if shared:
        more = f" (and {len(shared) - 1} more)" if len(shared) > 1 else ""
        raise DuCiSCError(
            f"Case {shared[0]}{more} is in imagesUn and in {where}: a case may be in one of them "
            "only, take it out of imagesUn."
        )
