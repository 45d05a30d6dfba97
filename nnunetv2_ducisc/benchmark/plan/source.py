"""A fully labeled raw data set of the user's, and which of its cases keep their labels."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from os.path import relpath
from pathlib import Path
from typing import Any

from nnunetv2_ducisc.benchmark.plan.plan import ALL, CONVERSION, Count, DatasetEntry
from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.raw_dataset.dataset import RawDataset
from nnunetv2_ducisc.raw_dataset.layout import Part
from nnunetv2_ducisc.raw_dataset.withholding.groups import read_groups


@dataclass(frozen=True)
class Source:
    """A data set, looked at; no label is opened.

    Attributes:
        raw: the data set.
        group_of: labeled case -> its group; without a groups file a case is its own group.
        validation: labeled cases that are not for training.
        order: groups in the order in which they get labels; None where they are drawn.
    """

    raw: RawDataset
    group_of: Mapping[str, str]
    validation: tuple[str, ...]
    order: tuple[str, ...] | None

    @property
    def groups(self) -> list[str]:
        """The groups that labels are counted by."""
        aside = {self.group_of[case] for case in self.validation}
        return [group for group in dict.fromkeys(self.group_of.values()) if group not in aside]

    @cached_property
    def test_labels(self) -> str:
        """What tells the files with the test labels from corrected ones; none is opened."""
        files = [f for f in self.raw.files(Part.TEST.labels) if f.name.endswith(self.raw.ending)]
        stats = [(file.name, file.stat()) for file in files]
        seen = "\n".join(f"{name} {s.st_size} {s.st_mtime_ns}" for name, s in stats)
        return f"{len(files)} ({hashlib.sha256(seen.encode()).hexdigest()[:8]})"

    @cached_property
    def training_files(self) -> dict[str, list[int] | str]:
        """Bytes and time (ns) of each file that is trained on or predicted; none is opened.

        By their paths in the data set. A hard link has the times of the file that it is. And what
        dataset.json holds, in short: it says what channels and labels are, and a script of
        dataset_conversion/ that is repeated writes the same again.
        """
        cases = self.raw.labeled().items()
        files = [file for case, of in cases for file in _with_sidecar(case, of.images)]
        files += [file for case, of in cases for file in _with_sidecar(case, (of.label,))]
        for case, images in self.raw.images(Part.TEST.images).items():
            files += _with_sidecar(case, images)
        stats = {relpath(file, self.raw.folder): file.stat() for file in files if file.is_file()}
        described = json.dumps(self.raw.json, sort_keys=True).encode()
        return {
            "dataset.json": hashlib.sha256(described).hexdigest()[:16],
            **{name: [stat.st_size, stat.st_mtime_ns] for name, stat in stats.items()},
        }

    def labeled(self, count: Count) -> list[str] | None:
        """The groups that keep their labels, validation among them; None where they are drawn."""
        if self.order is None:
            return None
        chosen = self.order if count == ALL else self.order[: int(count)]
        aside = dict.fromkeys(self.group_of[case] for case in self.validation)
        return [*chosen, *aside]

    def folds(self, count: Count) -> list[dict[str, list[str]]]:
        """nnU-Net's splits_final.json: one fold where there is a validation list, else none."""
        if not self.validation:
            return []
        labeled = self.labeled(count) or []
        train = [
            case
            for case, group in self.group_of.items()
            if group in labeled and case not in self.validation
        ]
        return [{"train": train, "val": list(self.validation)}]


def _with_sidecar(case: str, files: Sequence[Path]) -> list[Path]:
    """And the file beside them in which nnU-Net's reader of 3D TIFF looks for the spacing."""
    return [*files, files[0].with_name(f"{case}.json")]


def find_source(entry: DatasetEntry) -> Source:
    """Look at a data set of a plan.

    Raises:
        DuCiSCError: it is absent, not fully labeled, without test cases, or too small.
    """
    raw = RawDataset.named(entry.dataset)
    if raw.files(Part.UNLABELED.images):
        raise DuCiSCError(
            f"{raw.name} has unlabeled images in {Part.UNLABELED.images}, but a benchmark starts "
            "from all labels and withholds them itself: convert it with --labeled and the number "
            "of all training cases, or name the data set that it was made of."
        )
    cases = raw.labeled()
    _check_test(raw)
    test = raw.images(Part.TEST.images)
    group_of = {case: case for case in cases}
    if entry.groups:  # the tables average test cases by their groups: none may be missing then
        of_all = read_groups(entry.groups, [*cases, *test])
        group_of = {case: of_all[case] for case in cases}
    validation, listed = _conversion(raw) if entry.draw == CONVERSION else ((), None)
    order = None if listed is None else tuple(dict.fromkeys(group_of[case] for case in listed))
    source = Source(raw, group_of, validation, order)
    _check_counts(source, entry)
    return source


def _check_test(raw: RawDataset) -> None:
    """There are test cases, each with a label that is looked at only at the end."""
    images = raw.images(Part.TEST.images)
    files = raw.files(Part.TEST.labels)
    labels = {f.name.removesuffix(raw.ending) for f in files if f.name.endswith(raw.ending)}
    if not images:
        raise DuCiSCError(
            f"{raw.name} has no test cases: put images into {Part.TEST.images} and their labels "
            f"into {Part.TEST.labels} of {raw.folder}."
        )
    alone = sorted(labels ^ set(images))
    if alone:
        has, lacks, folder = ("an image", "label", Part.TEST.labels)
        if alone[0] in labels:
            has, lacks, folder = ("a label", "image", Part.TEST.images)
        raise DuCiSCError(
            f"Test case {alone[0]} of {raw.name} has {has} and no {lacks}, which was expected in "
            f"{raw.folder / folder}: add it, or take the case away."
        )


def _conversion(raw: RawDataset) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The validation cases and the other labeled ones, in the order of conversion.json."""
    file = raw.folder / "conversion.json"
    try:
        split: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))["split"]
        validation = tuple(split.get("validation", ()))
        listed = tuple(case for case in split["labeled"] if case not in validation)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DuCiSCError(
            f"{file} gives no order of the labeled cases ({error!r}): write the data set with a "
            "script of dataset_conversion/, or name a seed with draw."
        ) from error
    there = raw.labeled()
    if {*validation, *listed} != set(there):
        raise DuCiSCError(
            f"{file} lists {len(validation) + len(listed)} labeled cases, but {len(there)} are in "
            f"{Part.LABELED.images}: convert the data set again."
        )
    return validation, listed


def _check_counts(source: Source, entry: DatasetEntry) -> None:
    """Every number of labels leaves something unlabeled."""
    available = len(source.groups)
    for count in entry.labels:
        if count != ALL and int(count) >= available:
            kind = "groups" if entry.groups else "cases"
            raise DuCiSCError(
                f"{count} labels are too many for {source.raw.name}, which has {available} labeled "
                f"{kind} for training: name a number from 1 to {available - 1}, or all."
            )
