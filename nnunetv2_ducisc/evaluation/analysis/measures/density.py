"""Kernel density of feature values, and how far two densities overlap (Fig. 5)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import trapezoid
from scipy.stats import gaussian_kde

Values = NDArray[np.float64]

_FEWEST = 10  # values, below which a density says nothing
_POINTS = 512


@dataclass(frozen=True, eq=False)
class Densities:
    """Of labeled and of unlabeled voxels.

    Attributes:
        x: feature values, shape (N,).
        labeled: density there, shape (N,).
        unlabeled: density there, shape (N,).
    """

    x: Values
    labeled: Values
    unlabeled: Values

    @property
    def overlap(self) -> float:
        """The area under both curves: 1 for equal distributions, 0 for disjoint ones.

        It has no scale: stretching the features leaves it alone.
        """
        return float(trapezoid(np.minimum(self.labeled, self.unlabeled), self.x))


def densities(labeled: Values, unlabeled: Values) -> Densities | None:
    """Estimate both by Gaussian kernels of Scott's bandwidth.

    Args:
        labeled: values, shape (N,).
        unlabeled: values, shape (M,).

    Returns:
        None where one of them has fewer than 10 values, or but a single one of many.
    """
    if any(len(values) < _FEWEST or np.ptp(values) == 0 for values in (labeled, unlabeled)):
        return None
    kernels = [gaussian_kde(values) for values in (labeled, unlabeled)]
    margin = 4 * max(float(np.sqrt(kernel.covariance.item())) for kernel in kernels)
    both = np.concatenate([labeled, unlabeled])
    x = np.linspace(both.min() - margin, both.max() + margin, _POINTS)
    return Densities(x, *(kernel(x) for kernel in kernels))
