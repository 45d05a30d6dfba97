"""The distance from points to the nearest of others."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

Points = NDArray[np.float64]


def distances(points: Points, targets: Points) -> NDArray[np.float64]:
    """From each point to its nearest target.

    Exact in float64. A tree of the surface's points needs the less time the closer two surfaces lie
    together; a distance map is computed for every voxel, most of which are in no surface. On the
    first masks of benchmarks/metrics_speed.py one direction took 0.04 s, of the distance maps the
    ``edt`` package's 0.10 s and SciPy's 0.21 s; SimpleITK's took about as long as ``edt``'s, and
    its rounding changed last digits.

    Args:
        points: shape (N, dimensions).
        targets: shape (M, dimensions), at least one.

    Returns:
        Shape (N,).
    """
    # Points of a grid make a good tree without median splits, which take longer than they save.
    tree = cKDTree(targets, leafsize=32, compact_nodes=False, balanced_tree=False)
    return tree.query(points)[0]
