"""The metrics of all runs of a table, as arrays with the same places for every method."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from nnunetv2_ducisc.benchmark.benchmark import Group
from nnunetv2_ducisc.benchmark.units.runs import Run
from nnunetv2_ducisc.evaluation.metrics_file import METRICS, Row, Status, read_metrics

Values: TypeAlias = NDArray[np.float64]
Rows: TypeAlias = dict[tuple[str, str], Row]


@dataclass(frozen=True)
class Scores:
    """One row of the table.

    Attributes:
        name: the method, with the network where that is the teacher.
        values: metric -> array [seeds, folds, cases, classes]; NaN where nothing was to be found.
        missed: structures that were there and not predicted, in all runs.
        spurious: those that were predicted and not there.
    """

    name: str
    values: dict[str, Values]
    missed: int
    spurious: int

    def per_case(self, metric: str, structure: int | None) -> Values:
        """Shape [seeds, folds, cases]: one class, or the mean over the classes that a case has.

        Cases without a value are left out, the same ones for every method.
        """
        values = self.values[metric]
        chosen = values if structure is None else values[..., structure : structure + 1]
        there = ~np.isnan(chosen)
        counts = there.sum(axis=-1)
        return (np.where(there, chosen, 0).sum(axis=-1) / np.maximum(counts, 1))[
            ..., counts[0, 0] > 0
        ]


@dataclass(frozen=True)
class GroupScores:
    """All rows of a table.

    Attributes:
        group: what they are of.
        cases: identifiers.
        classes: names.
        metrics: names.
        rows: in the order of the plan, a teacher after its student.
    """

    group: Group
    cases: tuple[str, ...]
    classes: tuple[str, ...]
    metrics: tuple[str, ...]
    rows: tuple[Scores, ...]


def read_scores(group: Group) -> GroupScores:
    """Read what ``ducisc evaluate`` has written for every run of a table.

    A structure that is not there and that no run predicts is in no mean. Where some run predicts
    it, those that do not are right, and count as perfect: to leave them out would forgive the
    others.
    """
    rows_of = {
        name if network == "student" else f"{name} ({network})": _read(runs, network)
        for name, runs in group.runs.items()
        for network in runs[0].networks
    }
    everything = [rows for of_seed in rows_of.values() for runs in of_seed for rows in runs]
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
    rows = tuple(
        _scores(name, of_seed, keys, cases, classes, metrics) for name, of_seed in rows_of.items()
    )
    return GroupScores(group, cases, classes, metrics, rows)


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
                    value = rows[case, class_name].values.get(metric, perfect)
                    array[seed, fold, cases.index(case), classes.index(class_name)] = value
    return Scores(
        name,
        values,
        sum(row.status is Status.MISSED for row in every),
        sum(row.status is Status.SPURIOUS for row in every),
    )
