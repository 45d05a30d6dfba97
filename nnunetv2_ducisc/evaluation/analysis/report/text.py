"""Numbers as text."""

from __future__ import annotations

import math
from collections.abc import Sequence

UNDEFINED = "–"


def ratio(value: float | None) -> str:
    """With three decimals, a dash for none and NaN."""
    return UNDEFINED if value is None or math.isnan(value) else f"{value:.3f}"


def percent(value: float | None) -> str:
    """With one decimal, a dash for none and NaN."""
    return UNDEFINED if value is None or math.isnan(value) else f"{100 * value:.1f}\u00a0%"


def mean_and_sd(values: Sequence[float]) -> str:
    """Mean ± sample standard deviation of those that are numbers."""
    known = [value for value in values if not math.isnan(value)]
    if not known:
        return UNDEFINED
    mean = math.fsum(known) / len(known)
    if len(known) == 1:
        return f"{mean:.3f}"
    variance = math.fsum((value - mean) ** 2 for value in known) / (len(known) - 1)
    return f"{mean:.3f} ± {math.sqrt(variance):.3f}"
