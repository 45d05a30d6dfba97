"""The metrics of all runs of a table, as arrays with the same places for every method."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from nnunetv2_ducisc.benchmark.benchmark import Group
from nnunetv2_ducisc.benchmark.units.runs import Run
from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.evaluation.metrics_file import METRICS, Row, Status, read_metrics
from nnunetv2_ducisc.raw_dataset.withholding.groups import read_groups

Values: TypeAlias = NDArray[np.float64]
Rows: TypeAlias = dict[tuple[str, str], Row]


@dataclass(frozen=True)
class Scores:
    """One row of the table.

    Attributes:
        name: the method, with the network where that is the teacher.
        values: metric -> array [seeds, folds, cases, classes]; NaN where nothing was to be found.
        missed: structures that were there and not predicted, in all runs, for each class.
        spurious: those that were predicted and not there.
        group_of_case: number of the group of each case, in the order of the values; None where
            every case counts.
    """

    name: str
    values: dict[str, Values]
    missed: tuple[int, ...]
    spurious: tuple[int, ...]
    group_of_case: tuple[int, ...] | None = None

    def per_case(self, metric: str, structure: int | None) -> Values:
        """Shape [seeds, folds, cases]: one class, or the mean over the classes that a case has.

        Cases without a value are left out, the same ones for every method. Where cases have groups,
        such as the scans of a patient, which are not independent, the mean over the cases of each
        group: [seeds, folds, groups].
        """
        values = self.values[metric]
        chosen = values if structure is None else values[..., structure : structure + 1]
        there = ~np.isnan(chosen)
        counts = there.sum(axis=-1)
        means = np.where(there, chosen, 0).sum(axis=-1) / np.maximum(counts, 1)
        has_value = counts[0, 0] > 0
        if self.group_of_case is None:
            return means[..., has_value]
        groups = np.array(self.group_of_case)
        members = [has_value & (groups == group) for group in dict.fromkeys(self.group_of_case)]
        found = [means[..., of_group].mean(axis=-1) for of_group in members if of_group.any()]
        return np.stack(found, axis=-1) if found else means[..., :0]


@dataclass(frozen=True)
class GroupScores:
    """All rows of a table.

    Attributes:
        group: what they are of.
        cases: identifiers.
        classes: names.
        metrics: names.
        rows: in the order of the plan, a teacher after its student.
        made_up: structures (cases x classes) that are not there, and that some runs predict and
            others do not.
    """

    group: Group
    cases: tuple[str, ...]
    classes: tuple[str, ...]
    metrics: tuple[str, ...]
    rows: tuple[Scores, ...]
    made_up: int


def read_scores(group: Group) -> GroupScores:
    """Read what ``ducisc evaluate`` has written for every run of a table.

    A structure that is not there and that no run predicts is in no mean. Where some run predicts
    it, those that do not are right, and count as perfect: to leave them out would forgive the
    others.

    Raises:
        DuCiSCError: two runs were not evaluated on the same cases and classes.
    """
    rows_of = {
        name if network == "student" else f"{name} ({network})": _read(runs, network)
        for name, runs in group.runs.items()
        for network in runs[0].networks
    }
    everything = [rows for of_seed in rows_of.values() for runs in of_seed for rows in runs]
    _check_alike(group, everything)
    keys = [
        key
        for key in everything[0]
        if any(rows[key].status is not Status.ABSENT for rows in everything)
    ]
    cases = tuple(dict.fromkeys(case for case, _ in everything[0]))
    classes = tuple(dict.fromkeys(class_name for _, class_name in everything[0]))
    metrics = tuple(
        dict.fromkeys(m for rows in everything for r in rows.values() for m in r.values)
    )
    numbers = _group_numbers(group, cases)
    rows = tuple(
        replace(_scores(name, of_seed, keys, cases, classes, metrics), group_of_case=numbers)
        for name, of_seed in rows_of.items()
    )
    made_up = sum(_is_made_up({r[key].status for r in everything}) for key in keys)
    return GroupScores(group, cases, classes, metrics, rows, made_up)


def _group_numbers(group: Group, cases: Sequence[str]) -> tuple[int, ...] | None:
    """For each case that of its group; None where the plan names no groups."""
    if group.entry.groups is None:
        return None
    names = list(read_groups(group.entry.groups, cases).values())
    return tuple(names.index(name) for name in names)


def _is_made_up(statuses: set[Status]) -> bool:
    return {Status.ABSENT, Status.SPURIOUS} <= statuses


def _check_alike(group: Group, everything: Sequence[Rows]) -> None:
    """Every run has a row for the same cases and classes.

    Args:
        group: of the runs.
        everything: their rows, by method, network, seed and fold.
    """
    files = [
        run.metrics(network) / "metrics.csv"
        for runs in group.runs.values()
        for network in runs[0].networks
        for run in runs
    ]
    for file, rows in zip(files, everything, strict=True):
        if different := sorted(rows.keys() ^ everything[0].keys()):
            case, class_name = different[0]
            preset = file.parent.name.rpartition("_")[2]
            raise DuCiSCError(
                f"{file} and {files[0]} are not of the same cases and classes (case {case}, class "
                f"{class_name} is in one alone): remove the folders evaluate_{preset} of both "
                "trainings, which evaluates them again, or name another folder with -o."
            )


def _read(runs: Sequence[Run], network: str) -> list[list[Rows]]:
    """By seed, then by fold."""
    by_seed: dict[int, list[Rows]] = {}
    for run in runs:
        _, rows = read_metrics(run.metrics(network) / "metrics.csv")
        by_seed.setdefault(run.seed, []).append({(r.case, r.class_name): r for r in rows})
    return list(by_seed.values())


def _scores(
    name: str,
    of_seed: list[list[Rows]],
    keys: Sequence[tuple[str, str]],
    cases: tuple[str, ...],
    classes: tuple[str, ...],
    metrics: tuple[str, ...],
) -> Scores:
    every = [row for runs in of_seed for rows in runs for row in rows.values()]
    shape = (len(of_seed), len(of_seed[0]), len(cases), len(classes))
    values = {metric: np.full(shape, np.nan) for metric in metrics}
    for metric, array in values.items():
        perfect = float(METRICS[metric].higher_is_better)
        for seed, runs in enumerate(of_seed):
            for fold, rows in enumerate(runs):
                for case, class_name in keys:
                    row = rows[case, class_name]
                    empty = np.nan if row.has_no_distance else perfect
                    value = row.values.get(metric, empty)
                    array[seed, fold, cases.index(case), classes.index(class_name)] = value
    return Scores(
        name,
        values,
        _counts(every, Status.MISSED, classes),
        _counts(every, Status.SPURIOUS, classes),
    )


def _counts(rows: Sequence[Row], status: Status, classes: Sequence[str]) -> tuple[int, ...]:
    """For each class how many rows have a status."""
    having = [row.class_name for row in rows if row.status is status]
    return tuple(having.count(class_name) for class_name in classes)
