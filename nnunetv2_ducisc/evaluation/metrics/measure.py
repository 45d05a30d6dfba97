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
IGNORED_VOXELS = {
    "masks": "ignored voxels belong to no mask",
    "surface": "beside an ignored voxel nobody knows where a structure ends: no surface of either "
    "mask is measured there",
    "no_distance": "no surface of the reference is left: Dice and Jaccard alone; counted, and in "
    "no mean of distances, whatever is predicted",
    Status.HIDDEN.value: "the reference has surface left and the prediction none: distances are "
    "the diagonal of the volume; counted, and in every mean",
}


def measure(
    reference: NDArray[np.bool_],
    prediction: NDArray[np.bool_],
    spacing: tuple[float, ...],
    diagonal: float,
    preset: Preset,
    ignored: NDArray[np.bool_] | None = None,
) -> tuple[Status, dict[str, float]]:
    """Compare two masks, by ``EMPTY_MASKS`` where one or both hold nothing.

    Where voxels are ignored, ``IGNORED_VOXELS`` says what is measured. Whether there is a distance
    depends on the reference alone, so that all methods are compared over the same structures.

    A missed structure never scores better than a found one: the papers' code gives it distances of
    0, which are the best ones, so that their means improve with every structure that is missed.

    Args:
        reference: mask in 2D or 3D, cropped or not.
        prediction: the same crop.
        spacing: along the axes of the masks, in mm.
        diagonal: of the whole volume, in the preset's unit.
        preset: the rules.
        ignored: voxels that are in neither mask, the crop's neighbours among them.

    Returns:
        Which masks are empty, and metric name -> value.
    """
    status = _STATUS[bool(reference.any()), bool(prediction.any())]
    if status is Status.ABSENT:
        return status, {}
    overlaps = overlap(reference, prediction)
    if ignored is not None:
        if status is not Status.SPURIOUS and not preset.has_surface(reference, spacing, ignored):
            return status, dict(zip(preset.metrics, overlaps, strict=False))
        if status is Status.BOTH and not preset.has_surface(prediction, spacing, ignored):
            status = Status.HIDDEN
    far = diagonal, diagonal
    found = status is Status.BOTH
    apart = preset.distances(reference, prediction, spacing, ignored) if found else far
    return status, dict(zip(preset.metrics, (*overlaps, *apart), strict=True))


def diagonal_of(shape: tuple[int, ...], spacing: tuple[float, ...], preset: Preset) -> float:
    """From corner to corner of a volume, in the preset's unit."""
    return math.hypot(*shape) if preset.in_voxels else math.hypot(*np.multiply(shape, spacing))


_STATUS = {
    (True, True): Status.BOTH,
    (True, False): Status.MISSED,
    (False, True): Status.SPURIOUS,
    (False, False): Status.ABSENT,
}
