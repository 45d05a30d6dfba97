"""Which row of one file of metrics belongs to which row of another."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.evaluation.metrics_file import METRICS, Row, Status

Names = tuple[str, str]
Rows = Mapping[tuple[str, str], Row]


@dataclass(frozen=True)
class Pairing:
    """The rows of A and B that belong together.

    Attributes:
        names: what A and B are called.
        pairs: a row of A and one of B, each with values.
        absent: pairs that were left out: reference and both predictions are empty.
        one_absent: pairs in which one side is right to predict nothing, and the other is not.
        group_of: case -> its group, if cases of a group are averaged; None where none are.
    """

    names: Names
    pairs: tuple[tuple[Row, Row], ...]
    absent: int
    one_absent: int
    group_of: Mapping[str, str] | None = None

    @property
    def unit(self) -> str:
        """What has one value in each sample, and is counted by the interval and the tests."""
        return "case" if self.group_of is None else "group"

    @property
    def cases(self) -> list[str]:
        """All that are compared, each once."""
        return list(dict.fromkeys(a.case for a, _ in self.pairs))

    def count(self, side: int, status: Status) -> int:
        """How many rows of A (0) or B (1) have this status."""
        return sum(pair[side].status is status for pair in self.pairs)


def common_metrics(of_a: Sequence[str], of_b: Sequence[str], names: Names) -> tuple[str, ...]:
    """The metrics that both files name, in the order of A.

    The values do not tell them: of a file in which ignored voxels hide every reference's surface,
    no row has a distance, but for structures that the prediction makes up.

    Raises:
        DuCiSCError: they were not evaluated by the same preset.
    """
    if set(of_a) != set(of_b):
        raise DuCiSCError(
            f"{names[0]} has the metrics {', '.join(of_a)}, and {names[1]} has {', '.join(of_b)}: "
            "evaluate both with the same preset."
        )
    return tuple(of_a)


def pair_rows(
    rows_a: Iterable[Row],
    rows_b: Iterable[Row],
    metrics: Sequence[str],
    names: Names = ("A", "B"),
) -> Pairing:
    """Pair the rows by case and class.

    Where only one side makes up a structure, the other has no values. To leave the pair out would
    forgive that, so that the side which is right counts as perfect.

    Args:
        rows_a: of A.
        rows_b: of B.
        metrics: the names of ``common_metrics``.
        names: what A and B are called.

    Raises:
        DuCiSCError: a row twice, a row that one side does not have, a value that is no finite
            number, another reference, or nothing to compare.
    """
    a, b = _by_case_and_class(rows_a, names[0]), _by_case_and_class(rows_b, names[1])
    _refuse_lonely_rows(a, b, names)
    _refuse_lonely_rows(b, a, (names[1], names[0]))
    _refuse_no_values(a, b, names)
    _refuse_gaps(a, b, metrics, names[0])
    _refuse_gaps(b, a, metrics, names[1])
    _refuse_other_references(a, b, names)
    absent = [[side[key].status is Status.ABSENT for side in (a, b)] for key in a]
    pairs = tuple(
        (_complete(a[key], metrics), _complete(b[key], metrics))
        for key, empty in zip(a, absent, strict=True)
        if not all(empty)
    )
    return Pairing(names, pairs, absent.count([True, True]), sum(x != y for x, y in absent))


def _by_case_and_class(rows: Iterable[Row], name: str) -> Rows:
    found: dict[tuple[str, str], Row] = {}
    for row in rows:
        if (row.case, row.class_name) in found:
            raise DuCiSCError(
                f"{name} has two rows for case {row.case} and class {row.class_name}: expected one."
            )
        found[row.case, row.class_name] = row
    return found


def _refuse_lonely_rows(rows: Rows, others: Rows, names: Names) -> None:
    lonely = [key for key in rows if key not in others]
    if lonely:
        case, class_name = lonely[0]
        more = f" (and {len(lonely) - 1} more)" if len(lonely) > 1 else ""
        raise DuCiSCError(
            f"{names[0]} has a row for case {case} and class {class_name}{more} that {names[1]} "
            "does not have: evaluate both on the same cases and classes."
        )


def _refuse_no_values(a: Rows, b: Rows, names: Names) -> None:
    if not any(row.values for rows in (a, b) for row in rows.values()):
        raise DuCiSCError(
            f"{names[0]} and {names[1]} hold no values to compare: expected a case with a "
            "structure in its reference or in a prediction."
        )


def _refuse_gaps(rows: Rows, others: Rows, metrics: Iterable[str], name: str) -> None:
    """Every row with a structure has to have a possible value of every metric.

    A structure whose surface is hidden by ignored voxels has no distance, on neither side.
    """
    for key, row in rows.items():
        hidden = row.has_no_distance and others[key].has_no_distance
        for metric in metrics:
            value = row.values.get(metric, math.nan)
            expected = row.status is not Status.ABSENT and not (hidden and METRICS[metric].unit)
            if expected and not 0 <= value <= METRICS[metric].largest:
                to = "on" if METRICS[metric].unit else "to 1"
                raise DuCiSCError(
                    f"{name} has {value} as {metric} of case {row.case} and class "
                    f"{row.class_name}: expected a number from 0 {to}, evaluate it again."
                )


def _refuse_other_references(a: Rows, b: Rows, names: Names) -> None:
    for (case, class_name), row in a.items():
        ml, other = row.reference_ml, b[case, class_name].reference_ml
        if not math.isclose(ml, other, rel_tol=1e-6):
            raise DuCiSCError(
                f"The reference of case {case} and class {class_name} has {ml:g} ml in {names[0]} "
                f"and {other:g} ml in {names[1]}: evaluate both against the same references."
            )


def _complete(row: Row, metrics: Iterable[str]) -> Row:
    """The row, with perfect values if it has none."""
    if row.status is not Status.ABSENT:
        return row
    return replace(row, values={name: float(METRICS[name].higher_is_better) for name in metrics})
