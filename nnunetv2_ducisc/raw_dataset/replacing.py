"""What may lie where a dataset is to be written, and the commands that come after."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from nnunetv2.utilities.dataset_name_id_conversion import find_candidate_datasets

from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.raw_dataset.folders import folder_variable
from nnunetv2_ducisc.raw_dataset.layout import ADDED_CASES

FOLDS = "splits_final.json"
FINGERPRINT = "dataset_fingerprint.json"


def check_place(folder: Path, what: str, is_ours: Callable[[Path], bool], overwrite: bool) -> None:
    """Refuse to write a dataset where something lies that nobody has given up.

    Args:
        folder: the dataset's in nnUNet_raw, named ``DatasetNNN_NAME``, whether there or not.
        what: what the same command would have written there, like ``copy of Dataset004_Heart``.
        is_ours: whether a folder that is there is such a one.
        overwrite: whether that may be replaced.

    Raises:
        DuCiSCError: another dataset has the number or the folder, or it may not be replaced.
    """
    number = number_of(folder.name)
    others = [name for name in map(str, find_candidate_datasets(number)) if name != folder.name]
    if others:
        raise DuCiSCError(f"Number {number} is taken by {others[0]}: name another with --to.")
    if not folder.exists():
        return
    if not is_ours(folder):
        raise DuCiSCError(
            f"{folder} exists and is not an earlier {what}: name another number with --to."
        )
    if not overwrite:
        raise DuCiSCError(
            f"{folder} is an earlier {what}: name another number with --to, or replace it with "
            "--overwrite."
        )
    if (folder / ADDED_CASES).exists():
        raise DuCiSCError(
            f"{folder} holds scans of ducisc add-unlabeled, which --overwrite would delete: name "
            f"another number with --to, or move them away together with {ADDED_CASES}."
        )


def next_commands(
    dataset: str, labeled: Collection[str], fold: str = "all", verify: bool = True
) -> str:
    """How to go on, and what an earlier dataset of this name has left that would be in the way.

    Args:
        dataset: its name.
        labeled: identifiers of the cases in imagesTr.
        fold: the one to train; of nnU-Net's own five, each leaves a fifth of the few labels out.
        verify: whether nnU-Net's check of the dataset can read its dataset.json.
    """
    number, earlier = number_of(dataset), preprocessed_folder(dataset)
    has_fingerprint = earlier is not None and (earlier / FINGERPRINT).is_file()
    options = " --verify_dataset_integrity" * verify + " --clean" * has_fingerprint
    lines = [
        f"nnUNetv2_plan_and_preprocess -d {number}{options}",
        f"nnUNetv2_train {number} CONFIGURATION {fold} -tr nnUNetTrainerDuCiSC",
    ]
    if earlier is not None and _has_folds_of_others(earlier / FOLDS, set(labeled)):
        lines.insert(0, f"rm {earlier / FOLDS}  # folds of other labeled cases")
    return "\n".join(lines)


def read_folds(file: Path) -> Any:  # noqa: ANN401
    """What nnU-Net would take for its folds; None where that cannot be read."""
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def number_of(dataset: str) -> int:
    """``Dataset004_Heart`` -> 4."""
    return int(dataset[len("Dataset") :][:3])


def preprocessed_folder(dataset: str) -> Path | None:
    """Where nnU-Net keeps what it makes of a dataset; None where its variable is not set."""
    preprocessed = folder_variable("nnUNet_preprocessed")
    return preprocessed / dataset if preprocessed else None


def _has_folds_of_others(file: Path, labeled: set[str]) -> bool:
    """Whether folds are there and not made of just these cases."""
    if not file.exists():
        return False
    try:
        return any({*fold["train"], *fold["val"]} != labeled for fold in read_folds(file))
    except (TypeError, KeyError):  # not folds at all: training would choke on them
        return True
