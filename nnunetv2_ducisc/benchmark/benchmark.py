"""A plan against the data sets and trainers that are there: what runs, in which order."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from nnunetv2_ducisc.benchmark.plan.folds import check_folds
from nnunetv2_ducisc.benchmark.plan.methods import check_methods, uses_unlabeled
from nnunetv2_ducisc.benchmark.plan.plan import (
    ALL,
    CONVERSION,
    PER_SEED,
    Count,
    DatasetEntry,
    Method,
    Plan,
)
from nnunetv2_ducisc.benchmark.plan.source import Source, find_source
from nnunetv2_ducisc.benchmark.plan.sweep import expand, swept_methods
from nnunetv2_ducisc.benchmark.units.copies import Copy, copies_of
from nnunetv2_ducisc.benchmark.units.runs import Run
from nnunetv2_ducisc.benchmark.units.unit import Unit
from nnunetv2_ducisc.errors import DuCiSCError

CONFIGURATIONS = ("2d", "3d_fullres", "3d_lowres")
CASCADE = "3d_cascade_fullres"


@dataclass(frozen=True)
class Group:
    """The runs that make one table: one data set with one number of labels.

    Attributes:
        entry: the data set.
        source: the same, looked at.
        count: how many of its groups have labels.
        runs: method name -> its runs; methods that have all labels are in every table.
    """

    entry: DatasetEntry
    source: Source
    count: Count
    runs: dict[str, tuple[Run, ...]]

    @property
    def name(self) -> str:
        """What tells it from the other tables."""
        return f"{self.source.raw.name}, {self.entry.configuration}, {self.count} labels"

    @property
    def title(self) -> str:
        """For people."""
        draws: dict[object, str] = {
            PER_SEED: ", drawn anew for every seed",
            CONVERSION: ", the first of its list",
        }
        drawn = draws.get(self.entry.draw, f", drawn with seed {self.entry.draw}")
        what = "labeled groups" if self.entry.groups else "labels"
        labels = "all labels" if self.count == ALL else f"{self.count} {what}{drawn}"
        return f"{self.source.raw.name}, {self.entry.configuration}, {labels}"


@dataclass(frozen=True)
class Benchmark:
    """All tables of a plan.

    Attributes:
        plan: what was asked for.
        work: the folder in which everything is written.
        groups: a table each.
    """

    plan: Plan
    work: Path
    groups: tuple[Group, ...]

    @property
    def results(self) -> Path:
        """The folder of what it ends with; plans of other names have others."""
        return self.work / "results" / self.plan.file.stem

    @cached_property
    def runs(self) -> list[Run]:
        """Every training once, in the order of the plan."""
        runs = (run for group in self.groups for some in group.runs.values() for run in some)
        return list({run.name: run for run in runs}.values())

    @cached_property
    def stages(self) -> list[list[Unit]]:
        """Units that may run side by side: preparing, then training and predicting.

        Evaluation and analysis are none: they come when all predictions are there.
        """
        copies = {run.copy.name: run.copy for run in self.runs}
        prepare = [
            copy.unit(self.plan, any(map(uses_unlabeled, self._methods_on(copy))))
            for copy in copies.values()
        ]
        return [prepare, [run.unit() for run in self.runs]]

    @cached_property
    def evaluations(self) -> list[Unit]:
        """What opens the labels of the test cases."""
        return [run.evaluation() for run in self.runs]

    @cached_property
    def analyses(self) -> list[Unit]:
        """What measures the runs of a sweep, and opens withheld labels for their reports."""
        swept = {
            point.method
            for settings in swept_methods(self.plan).values()
            for points in settings.values()
            for point in points
        }
        return [r.analysis() for r in self.runs if r.method.name in swept and r.can_be_analyzed]

    @property
    def units(self) -> list[Unit]:
        """All of them, in the order in which they are run."""
        return [unit for units in (*self.stages, self.evaluations, self.analyses) for unit in units]

    def _methods_on(self, copy: Copy) -> list[Method]:
        return [run.method for run in self.runs if run.copy.name == copy.name]


def plan_benchmark(plan: Plan, work: Path) -> Benchmark:
    """Look at everything that a plan names; nothing is written.

    Raises:
        DuCiSCError: something is not there, or does not fit together.
    """
    plan = expand(plan)
    check_methods(plan)
    groups = tuple(group for entry in plan.datasets for group in _groups(plan, entry, work))
    _check_once(plan, groups)
    benchmark = Benchmark(plan, work, groups)
    for unit in benchmark.units:
        unit.check_recipe()
    return benchmark


def _check_once(plan: Plan, groups: Sequence[Group]) -> None:
    """Another draw or network of the same data would be written into the same folders.

    Two tables may share what has all labels, if that is the same.
    """
    names = [group.name for group in groups]
    twice = [name for index, name in enumerate(names) if name in names[:index]]
    entries: dict[str, DatasetEntry] = {}
    for group in groups:
        for copy in (run.copy for runs in group.runs.values() for run in runs):
            entry = replace(copy.entry, labels=())
            if entries.setdefault(copy.name, entry) != entry:
                twice.append(copy.name)
    if twice:
        raise DuCiSCError(f"{plan.file} has {twice[0]} twice: move one into a plan of its own.")


def _check_configuration(plan: Plan, entry: DatasetEntry) -> None:
    """It is one that nnU-Net's planner writes and that trains alone; it names folders, too."""
    if entry.configuration == CASCADE:
        raise DuCiSCError(
            f"{plan.file} names the configuration {CASCADE}, whose first stage a benchmark does "
            "not train: name 2d, 3d_fullres or 3d_lowres."
        )
    if entry.configuration not in CONFIGURATIONS:
        nearest = difflib.get_close_matches(entry.configuration, CONFIGURATIONS, n=1, cutoff=0.0)[0]
        raise DuCiSCError(
            f"{plan.file} names the configuration {entry.configuration!r}, which nnU-Net does not "
            f"plan: the nearest is {nearest}; name 2d, 3d_fullres or 3d_lowres."
        )


def _groups(plan: Plan, entry: DatasetEntry, work: Path) -> Iterator[Group]:
    _check_configuration(plan, entry)
    source = find_source(entry)

    def runs_of(method: Method, count: Count) -> tuple[Run, ...]:
        count = ALL if method.all_labels else count
        check_folds(plan, entry, source, count)
        copies = copies_of(entry, source, count, plan.seeds, work)
        return tuple(
            Run(plan, copies[seed], method, seed, fold)
            for seed in plan.seeds
            for fold in plan.folds
        )

    for count in entry.labels:
        yield Group(entry, source, count, {m.name: runs_of(m, count) for m in plan.methods})
