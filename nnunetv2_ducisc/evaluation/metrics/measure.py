"""All metrics of one pair of masks, empty ones among them."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from nnunetv2_ducisc.evaluation.metrics.overlap import overlap
from nnunetv2_ducisc.evaluation.metrics.presets import Preset
from nnunetv2_ducisc.evaluation.metrics_file import Status

EMPTY_MASKS = {
    Status.ABSENT.value: "both masks are empty: no metric is defined; counted, in no mean",
    Status.MISSED.value: "the prediction alone is empty: Dice and Jaccard are 0, distances are the "
    "diagonal of the volume; counted, and in every mean",
    Status.SPURIOUS.value: "the reference alone is empty: the same",
}


def measure(
    reference: NDArray[np.bool_],
    prediction: NDArray[np.bool_],
    spacing: tuple[float, ...],
    diagonal: float,
    preset: Preset,
) -> tuple[Status, dict[str, float]]:
    """Compare two masks, by ``EMPTY_MASKS`` where one or both hold nothing.

    A missed structure never scores better than a found one: the papers' code gives it distances of
    0, which are the best ones, so that their means improve with every structure that is missed.

    Args:
        reference: mask in 2D or 3D, cropped or not.
        prediction: the same crop.
        spacing: along the axes of the masks, in mm.
        diagonal: of the whole volume, in the preset's unit.
        preset: the rules.

    Returns:
        Which masks are empty, and metric name -> value.
    """
    status = _STATUS[bool(reference.any()), bool(prediction.any())]
    if status is Status.ABSENT:
        return status, {}
    if status is Status.BOTH:
        values = *overlap(reference, prediction), *preset.distances(reference, prediction, spacing)
    else:
        values = 0.0, 0.0, diagonal, diagonal
    return status, dict(zip(preset.metrics, values, strict=True))


def diagonal_of(shape: tuple[int, ...], spacing: tuple[float, ...], preset: Preset) -> float:
    """From corner to corner of a volume, in the preset's unit."""
    return math.hypot(*shape) if preset.in_voxels else math.hypot(*np.multiply(shape, spacing))


_STATUS = {
    (True, True): Status.BOTH,
    (True, False): Status.MISSED,
    (False, True): Status.SPURIOUS,
    (False, False): Status.ABSENT,
}
