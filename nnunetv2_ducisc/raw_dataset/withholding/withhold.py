"""``ducisc withhold``: what a labeled dataset must be, and what is said to the user."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from nnunetv2.utilities.dataset_name_id_conversion import find_candidate_datasets

from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.raw_dataset.dataset import LabeledCase, RawDataset
from nnunetv2_ducisc.raw_dataset.folders import folder_variable
from nnunetv2_ducisc.raw_dataset.layout import Part
from nnunetv2_ducisc.raw_dataset.withholding.draw import draw
from nnunetv2_ducisc.raw_dataset.withholding.groups import read_groups
from nnunetv2_ducisc.raw_dataset.withholding.semi_supervised_copy import (
    SemiSupervisedCopy,
    is_copy_of,
)


def plan_copy(
    dataset: str,
    number: int,
    labeled: int | Sequence[str],
    seed: int = 0,
    groups: Path | None = None,
    withheld_labels: bool = True,
    overwrite: bool = False,
) -> SemiSupervisedCopy:
    """Check everything and draw; nothing is written.

    Args:
        dataset: number or name of the labeled dataset.
        number: of the copy.
        labeled: how many cases (with ``groups``: groups) stay labeled, or which.
        seed: of the draw.
        groups: a file with the group of each case.
        withheld_labels: whether the other labels go to labelsUn.
        overwrite: whether an earlier copy may be replaced.

    Raises:
        DuCiSCError: the dataset cannot be used, the number is taken, or the draw is not possible.
    """
    source = RawDataset.named(dataset)
    if source.files(Part.UNLABELED.images):
        raise DuCiSCError(
            f"{source.name} already has unlabeled images, in {Part.UNLABELED.images}: train on it "
            "as it is, or name a dataset without them with -d."
        )
    folder = _free_folder(source, number, overwrite)
    cases = source.labeled()
    _check_cases(source, cases)
    test = source.images(Part.TEST.images)
    group_of = read_groups(groups, cases, test) if groups else {case: case for case in cases}
    drawn = draw(group_of, labeled, seed, are_patients=groups is not None)
    return SemiSupervisedCopy(source, cases, drawn, withheld_labels, folder)


def next_commands(copy: SemiSupervisedCopy) -> str:
    """How to go on, and what an earlier copy of this number has left that would be in the way."""
    number = RawDataset(copy.folder, {}).number
    # This check of nnU-Net knows only the new name of the channels.
    verify = "" if "modality" in copy.source.json else " --verify_dataset_integrity"
    preprocessed = folder_variable("nnUNet_preprocessed")
    earlier = preprocessed / copy.folder.name if preprocessed else None
    clean = " --clean" if earlier and earlier.is_dir() else ""
    lines = [
        f"nnUNetv2_plan_and_preprocess -d {number}{verify}{clean}",
        # In a fold of nnU-Net's a fifth of the few labeled cases would not be trained on.
        f"nnUNetv2_train {number} CONFIGURATION all -tr nnUNetTrainerDuCiSC",
    ]
    if earlier and _has_other_folds(earlier / "splits_final.json", copy):
        lines.insert(0, f"rm {earlier / 'splits_final.json'}  # folds of other labeled cases")
    return "\n".join(lines)


def _has_other_folds(file: Path, copy: SemiSupervisedCopy) -> bool:
    """Whether nnU-Net's folds are there and not made of the labeled cases."""
    if not file.is_file():
        return False
    folds = json.loads(file.read_text(encoding="utf-8"))
    return any({*fold["train"], *fold["val"]} != set(copy.draw.labeled) for fold in folds)


def _free_folder(source: RawDataset, number: int, overwrite: bool) -> Path:
    """The copy's folder: the source's name under another number, of no other dataset."""
    folder = source.folder.with_name(f"Dataset{number:03d}{source.name[len('Dataset000') :]}")
    others = [name for name in map(str, find_candidate_datasets(number)) if name != folder.name]
    if others:
        raise DuCiSCError(f"Number {number} is taken by {others[0]}: name another with --to.")
    if folder.exists() and not is_copy_of(source, folder):
        raise DuCiSCError(
            f"{folder} exists and is not an earlier copy of {source.name}: name another number "
            "with --to."
        )
    if folder.exists() and not overwrite:
        raise DuCiSCError(
            f"{folder} is an earlier copy: name another number with --to, or replace it with "
            "--overwrite."
        )
    return folder


def _check_cases(source: RawDataset, cases: Mapping[str, LabeledCase]) -> None:
    """Every case has a label and the other way round, and may become an unlabeled one."""
    test = source.images(Part.TEST.images)
    for case, files in cases.items():
        if not files.label.is_file():
            raise DuCiSCError(
                f"Case {case} has no label, expected {files.label}: add it or take its images away."
            )
        for file in (*files.images, files.label):
            if not file.name.endswith(source.ending):
                raise DuCiSCError(
                    f"{file} does not end in {source.ending}, the file_ending in dataset.json: "
                    "convert it."
                )
        if case in test or case.endswith("_seg"):
            why = "is in imagesTs too" if case in test else "ends in _seg, which nnU-Net keeps"
            raise DuCiSCError(f"Case {case} {why}: rename it or take it away.")
    known = {files.label.name for files in cases.values()}
    for label in [] if source.is_explicit else source.files(Part.LABELED.labels):
        if label.name.endswith(source.ending) and label.name not in known:
            raise DuCiSCError(f"{label} has no image in imagesTr: add it or take the label away.")
