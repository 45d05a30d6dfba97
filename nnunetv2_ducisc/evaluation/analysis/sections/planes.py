"""Slices through a volume, and the part of them that is worth showing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

AXES = ("z", "y", "x")  # of arrays from nnU-Net's readers; an image of one slice has y and x
_MARGIN = 0.35  # around structures, in their lengths
_LEAST_MARGIN = 3  # voxels

Span = tuple[float, float]


@dataclass(frozen=True)
class Plane:
    """A slice.

    Attributes:
        axis: the slice is normal to; None for an image of one slice.
        index: along this axis.
        rows: the axis that runs up or down.
        columns: the axis that runs to the right.
    """

    axis: int | None
    index: int
    rows: int
    columns: int

    def of(self, volume: np.ndarray) -> np.ndarray:
        """The slice of a volume."""
        return volume if self.axis is None else np.take(volume, self.index, self.axis)


def planes(mask: NDArray[np.bool_]) -> list[Plane]:
    """Along each axis the slice where a mask is largest, the middle one of an empty mask."""
    if mask.ndim == 2:
        return [Plane(None, 0, 0, 1)]
    found = []
    for axis in range(3):
        rows, columns = (other for other in range(3) if other != axis)
        area = mask.sum((rows, columns))
        index = int(area.argmax()) if area.any() else len(area) // 2
        found.append(Plane(axis, index, rows, columns))
    return found


def surroundings(mask: NDArray[np.bool_]) -> tuple[Span, Span]:
    """First and last row, first and last column around a mask with a margin; all of an empty one.

    Args:
        mask: shape (rows, columns).
    """
    return _span(np.atleast_1d(mask.any(1))), _span(np.atleast_1d(mask.any(0)))


def _span(filled: NDArray[np.bool_]) -> Span:
    places = np.flatnonzero(filled)
    if not len(places):
        return 0.0, float(len(filled))
    first, end = places[0], places[-1] + 1
    margin = max(_MARGIN * (end - first), _LEAST_MARGIN)
    return float(max(0, first - margin)), float(min(len(filled), end + margin))
