"""What is said about each metric of each class."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import numpy as np

from nnunetv2_ducisc.evaluation.comparison.sample import Sample, Values
from nnunetv2_ducisc.evaluation.comparison.statistics import (
    bootstrap_interval,
    holm,
    t_test,
    wilcoxon_test,
)


@dataclass(frozen=True)
class Comparison:
    """B against A.

    Attributes:
        sample: the values.
        interval: of the mean difference B - A; None for one case.
        p_t: of the one-sided paired t-test for "B is better"; None where it is not defined.
        p_wilcoxon: of the one-sided Wilcoxon signed-rank test; None for one case.
        p_t_holm: corrected over the metrics of the class.
        p_wilcoxon_holm: the same.
    """

    sample: Sample
    interval: tuple[float, float] | None
    p_t: float | None
    p_wilcoxon: float | None
    p_t_holm: float | None = None
    p_wilcoxon_holm: float | None = None

    @property
    def difference(self) -> float:
        """Mean of B - A."""
        return float(np.mean(self.sample.difference))

    @property
    def verdict(self) -> str:
        """What B is by the mean: better, worse or equal."""
        improvement = float(np.mean(self.sample.improvement))
        return "better" if improvement > 0 else "worse" if improvement < 0 else "equal"

    @property
    def better_equal_worse(self) -> tuple[int, int, int]:
        """The number of cases in which B is."""
        signs = np.sign(self.sample.improvement)
        better, equal, worse = (int(np.sum(signs == sign)) for sign in (1, 0, -1))
        return better, equal, worse

    def as_dict(self) -> dict[str, Any]:
        """For a JSON file; the sd is the sample's, with n - 1; a group of cases counts as one."""
        sample, (better, equal, worse) = self.sample, self.better_equal_worse
        return {
            "metric": sample.metric.name,
            "class": sample.class_name,
            "cases": len(sample.a),
            "mean_a": float(np.mean(sample.a)),
            "mean_b": float(np.mean(sample.b)),
            "sd_a": _sd(sample.a),
            "sd_b": _sd(sample.b),
            "difference": self.difference,
            "interval": self.interval,
            "b_is": self.verdict,
            "cases_better": better,
            "cases_equal": equal,
            "cases_worse": worse,
            "p_t": self.p_t,
            "p_wilcoxon": self.p_wilcoxon,
            "p_t_holm": self.p_t_holm,
            "p_wilcoxon_holm": self.p_wilcoxon_holm,
        }


def compare(samples: Iterable[Sample]) -> list[Comparison]:
    """Compare the samples, the metrics of a class one after another.

    Args:
        samples: neighbours with the same class are corrected together.
    """
    together = groupby(map(_compare, samples), key=lambda result: result.sample.class_name)
    return [corrected for _, results in together for corrected in _corrected(list(results))]


def _compare(sample: Sample) -> Comparison:
    return Comparison(
        sample,
        bootstrap_interval(sample.difference),
        t_test(sample.improvement),
        wilcoxon_test(sample.improvement),
    )


def _corrected(results: list[Comparison]) -> list[Comparison]:
    p_t = holm([result.p_t for result in results])
    p_wilcoxon = holm([result.p_wilcoxon for result in results])
    return [
        replace(result, p_t_holm=t, p_wilcoxon_holm=wilcoxon)
        for result, t, wilcoxon in zip(results, p_t, p_wilcoxon, strict=True)
    ]


def _sd(values: Values) -> float | None:
    return float(np.std(values, ddof=1)) if len(values) > 1 else None
