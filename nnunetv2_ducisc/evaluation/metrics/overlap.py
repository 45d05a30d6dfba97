"""Dice and Jaccard."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def overlap(reference: NDArray[np.bool_], prediction: NDArray[np.bool_]) -> tuple[float, float]:
    """Dice 2|A ∩ B| / (|A| + |B|) and Jaccard |A ∩ B| / |A ∪ B| of two masks, not both empty."""
    both = int(np.count_nonzero(reference & prediction))
    total = int(np.count_nonzero(reference)) + int(np.count_nonzero(prediction))
    return 2.0 * both / total, both / (total - both)
