"""One metric of one class: two values a case."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nnunetv2_ducisc.evaluation.comparison.pairing import Pairing
from nnunetv2_ducisc.evaluation.metrics_file import METRICS, Metric

Values = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Sample:
    """What is compared.

    Attributes:
        metric: of all values.
        class_name: None for the mean over classes.
        a: of A, shape (cases,).
        b: of B on the same cases, shape (cases,).
    """

    metric: Metric
    class_name: str | None
    a: Values
    b: Values

    @property
    def difference(self) -> Values:
        """B - A, shape (cases,); rounded, so that 0.9 - 0.8 and 0.8 - 0.7 are ties."""
        return np.round(self.b - self.a, 12)

    @property
    def improvement(self) -> Values:
        """The difference, positive where B is better, shape (cases,)."""
        return self.difference if self.metric.higher_is_better else -self.difference


def samples(pairing: Pairing) -> list[Sample]:
    """Every metric of the mean over classes, if there are several, and of every class.

    The mean over classes is a case's: the classes of a case are not independent, so that the case
    stays the unit that tests and the bootstrap count.
    """
    classes = list(dict.fromkeys(a.class_name for a, _ in pairing.pairs))
    groups: list[str | None] = [None, *classes] if len(classes) > 1 else [*classes]
    return [
        Sample(METRICS[name], group, *_values(pairing, name, group))
        for group in groups
        for name in pairing.pairs[0][0].values
    ]


def _values(pairing: Pairing, metric: str, class_name: str | None) -> Iterator[Values]:
    """Of A and of B, a value for each case that has the class."""
    for rows in zip(*pairing.pairs, strict=True):
        of_case: dict[str, list[float]] = {}
        for row in rows:
            if class_name in (None, row.class_name):
                of_case.setdefault(row.case, []).append(row.values[metric])
        yield np.array([np.mean(values) for values in of_case.values()])
