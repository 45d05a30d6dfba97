"""Draws that anybody can repeat."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np


def shuffled(units: Iterable[str], seed: int) -> tuple[str, ...]:
    """The units in an order that is drawn: the first k of it are a draw of k for every k.

    NumPy promises that this generator will never give other numbers.
    """
    ordered = sorted(units)
    return tuple(ordered[index] for index in np.random.RandomState(seed).permutation(len(ordered)))
