"""A file that says which cases belong together, since they are of one patient."""

from __future__ import annotations

import csv
from collections.abc import Collection
from pathlib import Path

from nnunetv2_ducisc.errors import DuCiSCError


def read_groups(file: Path, cases: Collection[str]) -> dict[str, str]:
    """Read ``case,group`` or ``case group`` a line; a first line of these two words is skipped.

    Args:
        file: text or CSV, with commas, semicolons, tabs or blanks; of a whole cohort, if one likes.
        cases: all of these must have a group.

    Returns:
        Case -> group, for ``cases`` in their order.

    Raises:
        DuCiSCError: not such a file, a case with two groups or without one.
    """
    groups: dict[str, str] = {}
    for number, line in enumerate(_lines(file), start=1):
        if not line.strip() or (number == 1 and _is_header(line, cases)):
            continue
        case, group = _fields(line, f"Line {number} of {file}")
        if groups.setdefault(case, group) != group:
            raise DuCiSCError(
                f"{file} puts {case} into the groups {groups[case]} and {group}: expected one."
            )
    absent = [case for case in cases if case not in groups]
    if absent:
        more = f" and {len(absent) - 1} more" if len(absent) > 1 else ""
        raise DuCiSCError(
            f"{file} names no group for {absent[0]}{more}: add a line for every case."
        )
    return {case: groups[case] for case in cases}


def _lines(file: Path) -> list[str]:
    """The lines, without the mark that spreadsheets put at the start of a text file."""
    try:
        return file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DuCiSCError(
            f"{file} cannot be read ({error}): name a text file with a case and its group a line."
        ) from error


def _is_header(line: str, cases: Collection[str]) -> bool:
    """Whether a line is ``case,group``, and no case is called so."""
    return _split(line.lower()) == ["case", "group"] and "case" not in cases


def _fields(line: str, where: str) -> tuple[str, str]:
    fields = _split(line)
    if len(fields) != 2 or not all(fields):
        raise DuCiSCError(f"{where} is {line.strip()!r}: expected a case and its group.")
    return fields[0], fields[1]


def _split(line: str) -> list[str]:
    """At the first kind of separator that occurs; blanks separate only where no other does."""
    for separator in ",;\t":
        if separator in line:
            return [field.strip() for field in next(csv.reader([line], delimiter=separator))]
    return line.split()
