"""What became of every value of a sweep: Dice of the test cases, and matching Q (Fig. 6, 7a)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nnunetv2_ducisc.benchmark.benchmark import Group
from nnunetv2_ducisc.benchmark.plan.plan import Plan
from nnunetv2_ducisc.benchmark.plan.sweep import swept_methods
from nnunetv2_ducisc.benchmark.results.table import MEAN, Table
from nnunetv2_ducisc.benchmark.units.runs import Run
from nnunetv2_ducisc.evaluation.analysis.report.write import NUMBERS


@dataclass(frozen=True)
class Row:
    """One value of one swept setting, trained with one seed.

    Attributes:
        table: the title of the table that it is in.
        swept: the method whose setting takes other values.
        setting: which one.
        value: of the setting.
        is_own: whether the swept method has this value by itself.
        method: what was trained, a row of the table.
        seed: of the training.
        dice: of the student, mean over folds and test cases, of each case over its classes.
        q: the student's semantic matching (Eq. 12), mean over folds; 1 is a perfect match, 0 none,
            and None was not measured.
        q_normalized: the same of features that have no scale.
    """

    table: str
    swept: str
    setting: str
    value: float
    is_own: bool
    method: str
    seed: int
    dice: float
    q: float | None
    q_normalized: float | None


def sensitivity(groups: Sequence[Group], tables: Sequence[Table], plan: Plan) -> list[Row]:
    """Read what ``ducisc analyze`` has written, and put it beside the Dice of the tables.

    Args:
        groups: of the benchmark.
        tables: theirs, in the same order.
        plan: with the methods of its sweeps.

    Returns:
        The swept method itself is in a row of each setting.
    """
    pairs = zip(groups, tables, strict=True)
    return [row for group, table in pairs for row in _rows(group, table, plan)]


def _rows(group: Group, table: Table, plan: Plan) -> Iterator[Row]:
    dice = {line.method: line.per_seed for line in table.of(MEAN) if line.metric.name == "dice"}
    for swept, settings in swept_methods(plan).items():
        for setting, points in settings.items():
            for point in points:
                for seed, of_seed in zip(plan.seeds, dice[point.method], strict=True):
                    runs = [run for run in group.runs[point.method] if run.seed == seed]
                    matching = [_matching(run) for run in runs if run.can_be_analyzed]
                    yield Row(
                        *(table.title, swept, setting, point.value, point.is_own, point.method),
                        *(seed, of_seed, _mean(matching, "Q"), _mean(matching, "Q_normalized")),
                    )


def _matching(run: Run) -> dict[str, Any]:
    """Of the student; a training without a teacher has one network."""
    numbers = json.loads((run.report / NUMBERS).read_text(encoding="utf-8"))["semantic_matching"]
    return numbers.get("student") or numbers["network"]


def _mean(matching: Sequence[dict[str, Any]], name: str) -> float | None:
    """Over folds; None if one of them has none."""
    values = [one[name] for one in matching]
    return None if not values or None in values else float(np.mean(values))
