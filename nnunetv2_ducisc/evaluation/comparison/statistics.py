"""Interval and tests for paired differences, by SciPy; the unit is the case."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

CONFIDENCE = 0.95
RESAMPLES = 9999
SEED = 0

Values = NDArray[np.float64]


def bootstrap_interval(differences: Values) -> tuple[float, float] | None:
    """The bias-corrected and accelerated (BCa) bootstrap interval of the mean.

    Args:
        differences: one a case, shape (cases,); cases are drawn with replacement.

    Returns:
        Its bounds; the one value where all are equal, and None for one case.
    """
    if len(differences) < 2:
        return None
    if np.ptp(differences) == 0:
        return float(differences[0]), float(differences[0])
    low, high = stats.bootstrap(
        (differences,),
        np.mean,
        confidence_level=CONFIDENCE,
        n_resamples=RESAMPLES,
        batch=1000,
        rng=np.random.default_rng(SEED),
    ).confidence_interval
    return float(low), float(high)


def t_test(improvements: Values) -> float | None:
    """The p of the one-sided paired t-test, small where the mean improvement is above zero.

    Args:
        improvements: one a case, shape (cases,).

    Returns:
        1 where nothing differs; None where there is no spread to test by: one case, or the same
        improvement in all.
    """
    if len(improvements) < 2:
        return None
    if np.ptp(improvements) == 0:
        return None if np.any(improvements) else 1.0
    return float(stats.ttest_1samp(improvements, 0, alternative="greater").pvalue)


def wilcoxon_test(improvements: Values) -> float | None:
    """The p of the one-sided Wilcoxon signed-rank test, small where cases improve.

    Cases without a difference are dropped, as Wilcoxon did (SciPy's ``zero_method="wilcox"``); here
    and not by SciPy, which would take them for ties and give up the exact distribution.

    Args:
        improvements: one a case, shape (cases,).

    Returns:
        1 where nothing differs, None for one case.
    """
    if len(improvements) < 2:
        return None
    changed = improvements[improvements != 0]
    if not len(changed):
        return 1.0
    return float(stats.wilcoxon(changed, alternative="greater").pvalue)


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Holm's step-down correction over those that are not None.

    The smallest of m values is multiplied by m, the next by m - 1, and so on; none may fall below
    the one before it, nor exceed 1.
    """
    ascending = sorted((p, index) for index, p in enumerate(p_values) if p is not None)
    corrected: list[float | None] = [None] * len(p_values)
    lowest = 0.0
    for place, (p, index) in enumerate(ascending):
        lowest = max(lowest, min(1.0, (len(ascending) - place) * p))
        corrected[index] = lowest
    return corrected
