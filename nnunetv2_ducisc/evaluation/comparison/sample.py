"""One metric of one class: two values a case, or a group of cases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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
        a: of A, shape (cases,), or (groups,) where cases of a group are averaged.
        b: of B on the same ones.
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
    stays the unit that tests and the bootstrap count. Cases of a group, such as the scans of a
    patient, are not independent either: where groups are named, they are averaged in turn.
    """
    classes = list(dict.fromkeys(a.class_name for a, _ in pairing.pairs))
    structures: list[str | None] = [None, *classes] if len(classes) > 1 else [*classes]
    metrics = dict.fromkeys(name for a, _ in pairing.pairs for name in a.values)
    found = [
        Sample(METRICS[name], structure, *_values(pairing, name, structure))
        for structure in structures
        for name in metrics
    ]
    return [sample for sample in found if len(sample.a)]


def _values(pairing: Pairing, metric: str, class_name: str | None) -> Iterator[Values]:
    """Of A and of B, a value for each case, or group of cases, that has the class."""
    for rows in zip(*pairing.pairs, strict=True):
        of_case: dict[str, list[float]] = {}
        for row in rows:
            if class_name in (None, row.class_name) and metric in row.values:
                of_case.setdefault(row.case, []).append(row.values[metric])
        means = {case: float(np.mean(values)) for case, values in of_case.items()}
        if pairing.group_of is not None:
            means = _by_group(means, pairing.group_of)
        yield np.array(list(means.values()))


def _by_group(values: Mapping[str, float], group_of: Mapping[str, str]) -> dict[str, float]:
    of_group: dict[str, list[float]] = {}
    for case, value in values.items():
        of_group.setdefault(group_of[case], []).append(value)
    return {group: float(np.mean(of_one)) for group, of_one in of_group.items()}
