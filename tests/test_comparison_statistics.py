"""Interval, tests and correction of paired differences."""

import math

import numpy as np
import pytest
from scipy import stats

from nnunetv2_ducisc.evaluation.comparison.statistics import (
    bootstrap_interval,
    holm,
    t_test,
    wilcoxon_test,
)

pytestmark = [pytest.mark.unit, pytest.mark.filterwarnings("error")]

TESTS = (t_test, wilcoxon_test)


def numbers(*values: float) -> np.ndarray:
    return np.array(values, dtype=float)


def normal(mean: float, sd: float, cases: int) -> np.ndarray:
    return np.random.default_rng(3).normal(mean, sd, cases)


def test_t_test_of_three_cases_by_hand() -> None:
    """Mean 2, sd 1: t = 2 sqrt(3), and for two degrees of freedom p = 1/2 - t / (2 sqrt(2 + t^2))
    = 1/2 - sqrt(12) / (2 sqrt(14)) = 0.0371; the other direction has the rest."""
    p = 0.5 - math.sqrt(12 / 14) / 2
    assert t_test(numbers(1, 2, 3)) == pytest.approx(p, rel=1e-9)
    assert t_test(numbers(-1, -2, -3)) == pytest.approx(1 - p, rel=1e-9)


@pytest.mark.parametrize(
    ("improvements", "p"),
    [
        # All 8 signs of the ranks 1, 2, 3 are as likely; W+ = 6 is one of them.
        ((1, 2, 3), 1 / 8),
        # W+ = 3 or more: 3, 1+2, 1+3, 2+3, 1+2+3.
        ((1, 2, -3), 5 / 8),
        # Zeros are dropped.
        ((0, 1, 0, 2, 3, 0), 1 / 8),
        # Three ranks of 2, W+ = 4 or more: two or three of three are positive.
        ((1, 1, -1), 4 / 8),
        ((-1, -2, -3), 1),
    ],
)
def test_wilcoxon_by_hand(improvements: tuple[float, ...], p: float) -> None:
    assert wilcoxon_test(numbers(*improvements)) == pytest.approx(p, rel=1e-9)


def test_zeros_leave_the_exact_distribution() -> None:
    """20 positive differences beside 20 zeros: p = 1 / 2^20, which no approximation gives."""
    improvements = np.concatenate([np.zeros(20), np.arange(1, 21)])
    assert wilcoxon_test(improvements) == pytest.approx(2.0**-20, rel=1e-9)


@pytest.mark.parametrize("cases", [2, 7, 40, 200])
def test_both_agree_with_scipy_on_pairs(cases: int) -> None:
    rng = np.random.default_rng(cases)
    a, b = rng.normal(size=(2, cases))
    assert t_test(b - a) == pytest.approx(stats.ttest_rel(b, a, alternative="greater").pvalue)
    expected = stats.wilcoxon(b, a, alternative="greater").pvalue
    assert wilcoxon_test(b - a) == pytest.approx(expected)


def test_nothing_is_shown_where_nothing_differs() -> None:
    assert [test(np.zeros(9)) for test in TESTS] == [1, 1]
    assert bootstrap_interval(np.zeros(9)) == (0, 0)


def test_one_case_has_neither_interval_nor_test() -> None:
    assert [test(numbers(0.1)) for test in (*TESTS, bootstrap_interval)] == [None] * 3


def test_without_spread_there_is_no_t_but_the_signs_count() -> None:
    """Ten times the same: one of 2^10 ways to choose the signs."""
    improvements = np.full(10, 0.1)
    assert t_test(improvements) is None
    assert wilcoxon_test(improvements) == pytest.approx(2.0**-10)
    assert bootstrap_interval(improvements) == (0.1, 0.1)


def test_holm_by_hand() -> None:
    """Ascending: 0.005 x 4 = 0.02, 0.01 x 3 = 0.03, 0.03 x 2 = 0.06, 0.04 x 1 = 0.04 but not below
    the 0.06 before it."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_holm_does_not_exceed_one() -> None:
    assert holm([0.6, 0.5]) == [1, 1]


def test_holm_counts_only_what_was_tested() -> None:
    assert holm([None, 0.01, None, 0.02]) == [None, 0.02, None, 0.02]
    assert holm([None]) == [None]


def test_the_interval_of_two_cases_is_between_them() -> None:
    """Draws of two from 0 and 1 have the means 0, 1/2, 1 in 1, 2, 1 of 4: the tails of 2.5 % end
    in 0 and 1."""
    assert bootstrap_interval(numbers(0, 1)) == (0, 1)


def test_the_interval_of_many_cases_is_the_normal_one() -> None:
    """Mean +- 1.96 sd / sqrt(n)."""
    differences = normal(1, 0.5, 400)
    half = 1.96 * differences.std() / 20
    expected = differences.mean() - half, differences.mean() + half
    assert bootstrap_interval(differences) == pytest.approx(expected, abs=0.1 * half)


def test_the_interval_shows_a_clear_shift_and_no_shift() -> None:
    low, high = bootstrap_interval(normal(1, 0.1, 30)) or (0, 0)
    assert 0.9 < low < 1 < high < 1.1
    low, high = bootstrap_interval(normal(0, 0.1, 30)) or (0, 0)
    assert low < 0 < high


def test_the_interval_reaches_farther_to_where_the_outliers_are() -> None:
    """BCa: the percentiles alone give a ratio below 1.2 here."""
    differences = np.random.default_rng(0).exponential(size=40)
    low, high = bootstrap_interval(differences) or (0, 0)
    mean = differences.mean()
    assert high - mean > 1.35 * (mean - low)
    assert bootstrap_interval(-differences) == pytest.approx((-high, -low), rel=0.02)


def test_the_interval_is_the_same_every_time() -> None:
    differences = normal(0, 1, 25)
    np.random.seed(1)
    first = bootstrap_interval(differences)
    np.random.seed(2)
    assert bootstrap_interval(differences) == first
