"""The surface of a mask as patches of known position and area, for any voxel spacing.

Between every 2 x 2 x 2 voxels (in 2D: 2 x 2) marching cubes puts a patch that depends only on which
of them are inside. A patch becomes a point, its centroid, that weighs its area. Border voxels would
lie inside of the structure, and sample its surface more densely where it faces the axis of the
short spacing.

The weights are those of S. Nikolov et al. (J Med Internet Res 23, e26151, 2021). Their points are
the corners between the voxels, at which two surfaces meet that lie less than a voxel apart: for
spheres of radius 20 mm, 4 mm apart, and a spacing of 3 x 1 x 1 mm the mean distance came out at
1.44 to 1.48 mm; with centroids at 1.91 to 1.97, and geometry says 2.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from skimage.measure import find_contours, marching_cubes

from nnunetv2_ducisc.evaluation.metrics.nearest import Points


class Patches(NamedTuple):
    """Pieces of surface.

    Attributes:
        centroids: in mm, shape (N, dimensions).
        areas: in mm^2, or lengths in mm in 2D, shape (N,).
    """

    centroids: Points
    areas: NDArray[np.float64]


def patches(
    mask: NDArray[np.bool_],
    spacing: tuple[float, ...],
    ignored: NDArray[np.bool_] | None = None,
) -> Patches:
    """The surface of a mask in 2D or 3D; where the mask ends with the image, there is surface too.

    Args:
        mask: 2 or 3 axes.
        spacing: of the voxels along them, in mm.
        ignored: voxels of which nobody knows whether they are inside, so that there is no patch
            beside them: it would be the border of the annotation, and not of the structure.
    """
    codes, table = _codes(mask), _table(spacing)
    cut = (table.areas > 0)[codes]
    if ignored is not None:
        cut &= _codes(ignored) == 0
    cells = np.nonzero(cut)
    of_cells = codes[cells]
    corners = np.stack(cells, axis=1) * np.array(spacing)
    return Patches(corners + table.centroids[of_cells], table.areas[of_cells])


def _codes(mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """For each cell between voxels, a bit for each of its corners: is it inside?"""
    codes = np.zeros([size + 1 for size in mask.shape], dtype=np.uint8)
    bits = mask.view(np.uint8)
    for bit, corner in enumerate(product((0, 1), repeat=mask.ndim)):
        window = (slice(1 - c, 1 - c + size) for c, size in zip(corner, mask.shape, strict=True))
        codes[tuple(window)] |= bits << bit
    return codes


@lru_cache
def _table(spacing: tuple[float, ...]) -> Patches:
    """The patch of each code, seen from the cell's first corner; area 0 where there is none."""
    corners = 2 ** len(spacing)
    table = Patches(np.zeros((2**corners, len(spacing))), np.zeros(2**corners))
    for code in range(1, 2**corners - 1):
        inside = np.array([code >> bit & 1 for bit in range(corners)], dtype=np.float64)
        simplices = _simplices(inside.reshape([2] * len(spacing)), spacing)
        areas = _areas(simplices)
        table.areas[code] = areas.sum()
        if areas.any():
            table.centroids[code] = np.average(simplices.mean(axis=1), axis=0, weights=areas)
    return table


def _simplices(cell: NDArray[np.float64], spacing: tuple[float, ...]) -> NDArray[np.float64]:
    """Triangles or, in 2D, line segments between inside and outside, shape (N, corners, axes)."""
    if cell.ndim == 3:
        vertices, faces, _, _ = marching_cubes(cell, 0.5)
        return vertices[faces] * np.array(spacing)
    lines = find_contours(cell, 0.5)
    segments = [line[i : i + 2] for line in lines for i in range(len(line) - 1)]
    return np.array(segments) * np.array(spacing)


def _areas(simplices: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of triangles, or lengths of segments, shape (N,)."""
    edges = simplices[:, 1:] - simplices[:, :1]
    if edges.shape[1] == 1:
        return np.linalg.norm(edges[:, 0], axis=1)
    return np.linalg.norm(np.cross(edges[:, 0], edges[:, 1]), axis=1) / 2
