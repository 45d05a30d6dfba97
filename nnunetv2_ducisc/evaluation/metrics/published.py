"""Distances by the rules behind the published tables: medpy's, in voxels.

The papers on LA, Pancreas-CT and ACDC call ``medpy.metric.binary`` with a voxel spacing of 1 and a
connectivity of 1, whatever the scan's spacing is. All voxels of a border count the same. Files with
a single slice are measured as 2D images, since they are read as such: given shape (1, y, x), medpy
takes every voxel for border.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nnunetv2_ducisc.evaluation.metrics.nearest import Points, distances


def published_distances(
    reference: NDArray[np.bool_],
    prediction: NDArray[np.bool_],
    spacing: tuple[float, ...],
    ignored: NDArray[np.bool_] | None = None,
) -> tuple[float, float]:
    """95HD and ASD in voxels as medpy's ``hd95`` and ``asd(prediction, reference)``.

    Args:
        reference: a mask that is not empty.
        prediction: another one.
        spacing: has no influence.
        ignored: see ``border``; it must leave both masks some.

    Returns:
        The 95th percentile of the distances of both directions pooled, and the mean distance from
        the prediction's border to the reference's. The other direction does not enter the mean, so
        that a prediction which lacks a part of the structure may have a low ASD.
    """
    ours, theirs = border(prediction, ignored), border(reference, ignored)
    there, back = distances(ours, theirs), distances(theirs, ours)
    return float(np.percentile(np.hstack((there, back)), 95)), float(there.mean())


def border(mask: NDArray[np.bool_], ignored: NDArray[np.bool_] | None = None) -> Points:
    """The voxels that have a neighbour outside along an axis; outside of the image all is outside.

    Their order is that of the array: the last digit of a mean depends on it.

    Args:
        mask: in 2D or 3D.
        ignored: voxels that nobody knows to be outside, and that make no border.
    """
    padded = np.pad(mask if ignored is None else mask | ignored, 1)
    core = mask.copy()
    for axis, size in enumerate(mask.shape):
        for start in (0, 2):
            window = [slice(1, -1)] * mask.ndim
            window[axis] = slice(start, start + size)
            core &= padded[tuple(window)]
    return np.argwhere(mask & ~core).astype(np.float64)
