"""``ducisc withhold``: what a labeled dataset must be, and what is said to the user."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.raw_dataset.dataset import LabeledCase, RawDataset
from nnunetv2_ducisc.raw_dataset.layout import Part
from nnunetv2_ducisc.raw_dataset.replacing import check_place, next_commands
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
    hard_links: bool = True,
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
        hard_links: whether files of the two datasets may be the very same.

    Raises:
        DuCiSCError: the dataset cannot be used, the number is taken, or the draw is not possible.
    """
    source = RawDataset.named(dataset)
    if source.files(Part.UNLABELED.images):
        raise DuCiSCError(
            f"{source.name} already has unlabeled images, in {Part.UNLABELED.images}: train on it "
            "as it is, or name a dataset without them with -d."
        )
    # The source's name under another number.
    folder = source.folder.with_name(f"Dataset{number:03d}{source.name[len('Dataset000') :]}")
    check_place(folder, f"copy of {source.name}", partial(is_copy_of, source), overwrite)
    cases = source.labeled()
    _check_cases(source, cases)
    group_of = read_groups(groups, cases) if groups else {case: case for case in cases}
    drawn = draw(group_of, labeled, seed, are_patients=groups is not None)
    return SemiSupervisedCopy(source, cases, drawn, withheld_labels, hard_links, folder)


def commands_after(copy: SemiSupervisedCopy) -> str:
    """How to go on from a copy."""
    # nnU-Net's check of a dataset knows only the new name of the channels.
    verify = "modality" not in copy.source.json
    return next_commands(copy.folder.name, copy.draw.labeled, verify=verify)


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
