"""The two sets of rules by which masks are compared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nnunetv2_ducisc.evaluation.metrics.published import published_distances
from nnunetv2_ducisc.evaluation.metrics.symmetric import symmetric_distances

Masks = NDArray[np.bool_]


@dataclass(frozen=True)
class Preset:
    """A set of rules.

    Attributes:
        name: on the command line.
        metrics: names of Dice, Jaccard, 95HD and average distance in ``METRICS``.
        in_voxels: whether distances are in voxels, not mm.
        distances: reference, prediction and spacing -> 95HD and average distance.
    """

    name: str
    metrics: tuple[str, str, str, str]
    in_voxels: bool
    distances: Callable[[Masks, Masks, tuple[float, ...]], tuple[float, float]]


PRESETS = {
    preset.name: preset
    for preset in (
        Preset("mm", ("dice", "jaccard", "hd95_mm", "assd_mm"), False, symmetric_distances),
        Preset(
            "published", ("dice", "jaccard", "hd95_voxels", "asd_voxels"), True, published_distances
        ),
    )
}
