"""Mean, standard deviation and median of the rows, of each class and over the classes."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from statistics import fmean, median, stdev

from nnunetv2_ducisc.evaluation.metrics_file import Row, Status

Values = Mapping[str, float]


@dataclass(frozen=True)
class Spread:
    """Of one metric over cases.

    Attributes:
        n: cases that have the metric.
        mean: None without a case.
        sd: standard deviation of a sample; None for fewer than two cases.
        median: None without a case.
    """

    n: int
    mean: float | None
    sd: float | None
    median: float | None


@dataclass(frozen=True)
class Group:
    """One class, or all of them.

    Attributes:
        n: cases in the statistics.
        missed: structures that the prediction lacks.
        spurious: structures that the reference lacks.
        absent: structures that both lack, which no statistic contains.
        hidden: structures that are in both, with all of the prediction's surface among ignored
            voxels.
        no_distance: structures with all of the reference's surface there, which no statistic of
            distances contains.
        metrics: metric name -> its statistics.
    """

    n: int
    missed: int
    spurious: int
    absent: int
    hidden: int
    no_distance: int
    metrics: Mapping[str, Spread]


@dataclass(frozen=True)
class Summary:
    """All statistics.

    Attributes:
        per_class: class -> its cases.
        over_classes: the cases, each by its mean over the classes that are not absent in it.
    """

    per_class: Mapping[str, Group]
    over_classes: Group


def summarize(rows: Iterable[Row], metrics: Sequence[str]) -> Summary:
    """Summarize rows with these metrics; classes in the order in which they occur."""
    classes: dict[str, list[Row]] = defaultdict(list)
    cases: dict[str, list[Values]] = defaultdict(list)
    for row in rows:
        classes[row.class_name].append(row)
        if row.values:
            cases[row.case].append(row.values)
    case_means = [_mean_of(of_case, metrics) for of_case in cases.values()]
    of_class = {
        name: _group(of_one, [row.values for row in of_one if row.values], metrics)
        for name, of_one in classes.items()
    }
    return Summary(of_class, _group(chain(*classes.values()), case_means, metrics))


def _mean_of(classes: Sequence[Values], metrics: Iterable[str]) -> Values:
    """Of the classes of a case, for each metric over those that have it."""
    having = {name: [of[name] for of in classes if name in of] for name in metrics}
    return {name: fmean(values) for name, values in having.items() if values}


def _group(rows: Iterable[Row], samples: Sequence[Values], metrics: Iterable[str]) -> Group:
    """Count the rows, and take statistics of the samples."""
    rows = list(rows)
    count = Counter(row.status for row in rows)
    return Group(
        len(samples),
        count[Status.MISSED],
        count[Status.SPURIOUS],
        count[Status.ABSENT],
        count[Status.HIDDEN],
        sum(row.has_no_distance for row in rows),
        {
            metric: _spread([sample[metric] for sample in samples if metric in sample])
            for metric in metrics
        },
    )


def _spread(values: Sequence[float]) -> Spread:
    if not values:
        return Spread(0, None, None, None)
    sd = stdev(values) if len(values) > 1 else None
    return Spread(len(values), fmean(values), sd, median(values))
