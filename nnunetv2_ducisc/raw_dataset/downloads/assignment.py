"""From lists of units to cases with a part each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.raw_dataset.downloads.source import Case, Download
from nnunetv2_ducisc.raw_dataset.downloads.split import Split
from nnunetv2_ducisc.raw_dataset.layout import Part


@dataclass(frozen=True)
class Assignment:
    """Which case goes where.

    Attributes:
        cases: of every part, in the order of the split.
        validation: identifiers of the labeled cases that are not for training.
        warnings: what was left out, and why.
    """

    cases: dict[Part, tuple[Case, ...]]
    validation: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def folds(self) -> list[dict[str, list[str]]]:
        """nnU-Net's splits_final.json: one fold where there is a validation list, else none."""
        if not self.validation:
            return []
        labeled = [case.identifier for case in self.cases[Part.LABELED]]
        train = [identifier for identifier in labeled if identifier not in self.validation]
        return [{"train": train, "val": list(self.validation)}]


def assign(
    download: Download,
    split: Split,
    labeled: int | Sequence[str],
    withdrawn: frozenset[str] = frozenset(),
) -> Assignment:
    """Give every case that the split names its part.

    Args:
        download: what was found.
        split: the lists.
        labeled: how many units of the training list are labeled, or which.
        withdrawn: units that may be absent.

    Raises:
        DuCiSCError: a unit of the split is not on the disk, or a case has no label.
    """
    found: dict[str, list[Case]] = defaultdict(list)
    for case in download.cases:
        found[case.unit].append(case)
    _check_once(download)
    gone = [unit for unit in split.units if unit not in found]
    _check_absent(gone, withdrawn, download, len(found))
    chosen = split.labeled(labeled)
    there = split.without(gone)
    with_label = [unit for unit in chosen if unit in found]
    if not with_label:
        raise DuCiSCError(
            f"Every labeled case is absent from {download.folder}: name others with --labeled."
        )

    def cases_of(units: Sequence[str]) -> tuple[Case, ...]:
        return tuple(case for unit in units for case in found[unit])

    parts = {
        Part.LABELED: cases_of([*with_label, *there.validation]),
        Part.UNLABELED: cases_of([unit for unit in there.train if unit not in with_label]),
        Part.TEST: cases_of(there.test),
    }
    validation = tuple(case.identifier for case in cases_of(there.validation))
    return Assignment(parts, validation, tuple(_warnings(gone, set(found) - set(split.units))))


def _check_once(download: Download) -> None:
    """A download may lie there in two copies."""
    first: dict[str, Case] = {}
    for case in download.cases:
        other = first.setdefault(case.identifier, case)
        if other is not case:
            raise DuCiSCError(
                f"{case.identifier} is there twice, {other.images[0]} and {case.images[0]}: name "
                "the folder of one copy with -i."
            )


def _check_absent(gone: list[str], withdrawn: frozenset[str], download: Download, n: int) -> None:
    """Only what the provider has withdrawn may be absent."""
    absent = [unit for unit in gone if unit not in withdrawn]
    if absent:
        more = f" and {len(absent) - 1} more" if len(absent) > 1 else ""
        raise DuCiSCError(
            f"{absent[0]}{more} of the split is not among the {n} cases found below "
            f"{download.folder}, which are called like {download.cases[0].unit}: complete the "
            "download, or name other lists with --split-file."
        )


def _warnings(gone: Sequence[str], strangers: set[str]) -> list[str]:
    """What the user should know of cases that are not where they were expected."""
    warnings = [f"{unit} of the split is withdrawn by the provider: left out" for unit in gone]
    if strangers:
        examples = ", ".join(sorted(strangers)[:3])
        warnings.append(f"{len(strangers)} case(s) are in no list and left out: {examples}")
    return warnings
