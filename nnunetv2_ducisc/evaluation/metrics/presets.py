"""The two sets of rules by which masks are compared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nnunetv2_ducisc.evaluation.metrics.patches import patches
from nnunetv2_ducisc.evaluation.metrics.published import border, published_distances
from nnunetv2_ducisc.evaluation.metrics.symmetric import symmetric_distances

Masks = NDArray[np.bool_]


@dataclass(frozen=True)
class Preset:
    """A set of rules.

    Attributes:
        name: on the command line.
        metrics: names of Dice, Jaccard, 95HD and average distance in ``METRICS``.
        in_voxels: whether distances are in voxels, not mm.
        distances: reference, prediction, spacing and ignored voxels -> 95HD and average distance.
        has_surface: whether ignored voxels leave a mask any surface: mask, spacing and these.
    """

    name: str
    metrics: tuple[str, str, str, str]
    in_voxels: bool
    distances: Callable[[Masks, Masks, tuple[float, ...], Masks | None], tuple[float, float]]
    has_surface: Callable[[Masks, tuple[float, ...], Masks], bool]


PRESETS = {
    preset.name: preset
    for preset in (
        Preset(
            "mm",
            ("dice", "jaccard", "hd95_mm", "assd_mm"),
            False,
            symmetric_distances,
            lambda mask, spacing, ignored: len(patches(mask, spacing, ignored).areas) > 0,
        ),
        Preset(
            "published",
            ("dice", "jaccard", "hd95_voxels", "asd_voxels"),
            True,
            published_distances,
            lambda mask, spacing, ignored: len(border(mask, ignored)) > 0,
        ),
    )
}
