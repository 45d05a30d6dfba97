"""One table: means and sd over seeds, and what the difference to the reference is worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from nnunetv2_ducisc.benchmark.benchmark import Group
from nnunetv2_ducisc.benchmark.results.scores import GroupScores, Scores, read_scores
from nnunetv2_ducisc.evaluation.comparison.comparison import Comparison, compare
from nnunetv2_ducisc.evaluation.comparison.sample import Sample
from nnunetv2_ducisc.evaluation.metrics_file import METRICS, Metric

MEAN = "mean"  # over the classes of a case


@dataclass(frozen=True)
class Line:
    """A method by one metric of one structure.

    Attributes:
        method: its name.
        structure: a class, or MEAN.
        metric: of the values.
        per_seed: the mean over folds and cases, for each seed.
        comparison: with the reference; None for the reference itself.
        missed: such structures of all runs that were there and not predicted.
        spurious: those that were predicted and not there.
    """

    method: str
    structure: str
    metric: Metric
    per_seed: tuple[float, ...]
    comparison: Comparison | None
    missed: int
    spurious: int

    @property
    def mean(self) -> float:
        """Over seeds."""
        return float(np.mean(self.per_seed))

    @property
    def sd(self) -> float | None:
        """Over seeds, the sample's; None for one seed."""
        return float(np.std(self.per_seed, ddof=1)) if len(self.per_seed) > 1 else None

    def as_dict(self) -> dict[str, Any]:
        """For the files."""
        compared = self.comparison.as_dict() if self.comparison else {}
        low, high = compared.get("interval") or (None, None)
        return {
            "method": self.method,
            "structure": self.structure,
            "metric": self.metric.name,
            "mean": self.mean,
            "sd_over_seeds": self.sd,
            "seeds": len(self.per_seed),
            "difference": compared.get("difference"),
            "interval_low": low,
            "interval_high": high,
            "p_t_holm": compared.get("p_t_holm"),
            "p_wilcoxon_holm": compared.get("p_wilcoxon_holm"),
            "cases_better": compared.get("cases_better"),
            "cases_worse": compared.get("cases_worse"),
            "missed": self.missed,
            "spurious": self.spurious,
        }


@dataclass(frozen=True)
class Table:
    """All lines of one data set and one number of labels.

    Attributes:
        title: what it is of.
        reference: the method that the others are compared with.
        cases: number of test cases.
        seeds: number of seeds.
        made_up: structures that are not there, and that some trainings predict and others do not.
        lines: for every method every structure and metric, MEAN first.
        groups: number of groups (patients) of the test cases, each of which counts once; None where
            every case counts.
    """

    title: str
    reference: str
    cases: int
    seeds: int
    made_up: int
    lines: tuple[Line, ...]
    groups: int | None = None

    def of(self, structure: str) -> list[Line]:
        """The lines of one structure."""
        return [line for line in self.lines if line.structure == structure]


def make_table(group: Group, reference: str) -> Table:
    """Read the metrics of all runs and compare every row with the reference."""
    scores = read_scores(group)
    baseline = next(row for row in scores.rows if row.name == reference)
    lines = tuple(line for row in scores.rows for line in _lines(row, baseline, scores))
    seeds = len(baseline.values[scores.metrics[0]])
    groups = None if baseline.group_of_case is None else len({*baseline.group_of_case})
    return Table(group.title, reference, len(scores.cases), seeds, scores.made_up, lines, groups)


def _lines(row: Scores, baseline: Scores, scores: GroupScores) -> list[Line]:
    """With one class the mean over classes is that class."""
    structures: list[int | None] = [None]
    structures += range(len(scores.classes)) if len(scores.classes) > 1 else []
    wanted = [
        (structure, metric)
        for structure in structures
        for metric in scores.metrics
        if row.per_case(metric, structure).size  # ignored voxels may hide every surface
    ]
    samples = [_sample(row, baseline, metric, s, scores) for s, metric in wanted]
    compared = compare(samples) if row is not baseline else [None] * len(samples)
    return [
        Line(
            row.name,
            sample.class_name or MEAN,
            sample.metric,
            tuple(row.per_case(metric, structure).mean(axis=(1, 2)).tolist()),
            comparison,
            _count(row.missed, structure),
            _count(row.spurious, structure),
        )
        for (structure, metric), sample, comparison in zip(wanted, samples, compared, strict=True)
    ]


def _count(by_class: tuple[int, ...], structure: int | None) -> int:
    return sum(by_class) if structure is None else by_class[structure]


def _sample(
    row: Scores, baseline: Scores, metric: str, structure: int | None, scores: GroupScores
) -> Sample:
    """A value a case, or a group of cases: its mean over seeds and folds."""
    name = None if structure is None else scores.classes[structure]
    a, b = (one.per_case(metric, structure).mean(axis=(0, 1)) for one in (baseline, row))
    return Sample(METRICS[metric], name, a, b)
