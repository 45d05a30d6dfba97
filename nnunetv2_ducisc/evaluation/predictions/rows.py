"""Two segmentations of a case in, a row for each class out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import numpy as np

from nnunetv2_ducisc.evaluation.metrics.measure import diagonal_of, measure
from nnunetv2_ducisc.evaluation.metrics.presets import Preset
from nnunetv2_ducisc.evaluation.metrics_file import Row, Status
from nnunetv2_ducisc.evaluation.predictions.segmentation import IGNORED, Boxes, Segmentation


def compare_classes(
    case: str,
    reference: Segmentation,
    prediction: Segmentation,
    classes: Mapping[str, tuple[int, ...]],
    preset: Preset,
) -> list[Row]:
    """Compare the masks of each class, within the box around both: the rest has no influence.

    Args:
        case: its identifier.
        reference: the truth.
        prediction: on the same grid, with the same voxels ignored.
        classes: name -> labels whose union it is.
        preset: the rules.
    """
    diagonal = diagonal_of(reference.labels.shape, reference.spacing, preset)
    voxel = math.prod(reference.spacing) / 1000
    rows = []
    for name, labels in classes.items():
        box = _joint_box(labels, (reference.boxes, prediction.boxes))
        box = _with_margin(box) if reference.has_ignored else box
        theirs, ours = (np.isin(s.labels[box], labels) for s in (reference, prediction))
        ignored = reference.labels[box] == IGNORED if reference.has_ignored else None
        status, values = measure(theirs, ours, reference.spacing, diagonal, preset, ignored)
        theirs_ml, ours_ml = (int(np.count_nonzero(mask)) * voxel for mask in (theirs, ours))
        rows.append(Row(case, name, status, theirs_ml, ours_ml, values))
    return rows


def absent(case: str, name: str) -> Row:
    """The row of a class that neither segmentation holds."""
    return Row(case, name, Status.ABSENT, 0.0, 0.0, {})


def _joint_box(labels: tuple[int, ...], boxes: Iterable[Boxes]) -> tuple[slice, ...]:
    """Around all labels of a class in both segmentations; of no size where there are none."""
    if 0 in labels:  # a region with the background in it
        return (slice(None),)
    found = [of_one[label] for of_one in boxes for label in labels if label in of_one]
    if not found:
        return (slice(0),)
    return tuple(
        slice(min(side.start for side in sides), max(side.stop for side in sides))
        for sides in zip(*found, strict=True)
    )


def _with_margin(box: tuple[slice, ...]) -> tuple[slice, ...]:
    """A voxel more at each end: an ignored neighbour hides surface."""
    return tuple(
        side if side.start is None else slice(max(side.start - 1, 0), side.stop + 1) for side in box
    )
