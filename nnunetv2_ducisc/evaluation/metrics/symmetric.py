"""Distances in mm that treat both surfaces alike."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nnunetv2_ducisc.evaluation.metrics.nearest import distances
from nnunetv2_ducisc.evaluation.metrics.patches import patches


def symmetric_distances(
    reference: NDArray[np.bool_],
    prediction: NDArray[np.bool_],
    spacing: tuple[float, ...],
    ignored: NDArray[np.bool_] | None = None,
) -> tuple[float, float]:
    """95HD and ASSD in mm.

    Args:
        reference: a mask that is not empty.
        prediction: another one.
        spacing: of the voxels along the axes of the masks, in mm.
        ignored: see ``patches``; it must leave both masks some.

    Returns:
        95HD: for each surface, the distance to the other that 95 % of its area stays below; the
        larger of the two, so that what one mask lacks is not diluted by its own surface.
        ASSD: the mean distance to the other surface, over the area of both.
    """
    ours, theirs = (patches(mask, spacing, ignored) for mask in (prediction, reference))
    there = distances(ours.centroids, theirs.centroids)
    back = distances(theirs.centroids, ours.centroids)
    hd95 = max(
        weighted_percentile(there, ours.areas, 95), weighted_percentile(back, theirs.areas, 95)
    )
    total = there @ ours.areas + back @ theirs.areas
    return hd95, float(total / (ours.areas.sum() + theirs.areas.sum()))


def weighted_percentile(
    values: NDArray[np.float64], weights: NDArray[np.float64], percent: float
) -> float:
    """The smallest value such that it and lower ones have this share of the weight."""
    order = np.argsort(values)
    cumulated = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(cumulated, percent / 100 * cumulated[-1])])
