"""Distances where voxels are ignored: what is surface there, against geometry."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from nnunetv2_ducisc.evaluation.metrics.presets import PRESETS
from nnunetv2_ducisc.evaluation.metrics_file import Row, Status
from nnunetv2_ducisc.evaluation.predictions.rows import compare_classes
from nnunetv2_ducisc.evaluation.predictions.segmentation import Segmentation
from nnunetv2_ducisc.evaluation.predictions.table import table
from tests.evaluating import Evaluating

pytestmark = pytest.mark.unit

Mask = NDArray[np.bool_]
SHAPE = (20, 30, 30)


def box(*sides: tuple[int, int], shape: tuple[int, ...] = SHAPE) -> Mask:
    mask = np.zeros(shape, dtype=bool)
    mask[tuple(slice(*side) for side in sides)] = True
    return mask


def compared(
    reference: Mask, prediction: Mask, ignored: Mask, preset: str = "mm", spacing: float = 1.0
) -> Row:
    masks = [
        Segmentation(mask.astype(np.int32), (spacing,) * mask.ndim, {}).without(ignored)
        for mask in (reference, prediction)
    ]
    (row,) = compare_classes("a", *masks, {"organ": (1,)}, PRESETS[preset])
    return row


@pytest.mark.parametrize("preset", PRESETS)
def test_an_ignore_map_without_ignored_voxels_changes_nothing(preset: str) -> None:
    rng = np.random.default_rng(0)
    a, b, nothing = rng.random(SHAPE) < 0.3, rng.random(SHAPE) < 0.3, np.zeros(SHAPE, bool)
    both = [Segmentation(mask.astype(np.int32), (3.0, 0.7, 1.1), {}) for mask in (a, b)]
    plain = compare_classes("a", *both, {"organ": (1,)}, PRESETS[preset])
    ignoring = [one.without(nothing) for one in both]
    assert compare_classes("a", *ignoring, {"organ": (1,)}, PRESETS[preset]) == plain


@pytest.mark.parametrize("preset", PRESETS)
def test_the_border_of_the_annotation_is_no_surface(preset: str) -> None:
    """A rod through the volume, of which the far part is ignored: both masks end there, and nobody
    knows whether the rod does. A shift of 3 along x moves whole walls, and 95HD is 3; a lid at
    z = 10, most of which lies in the other's, would lower the mean, as where the volume ends there.
    """
    reference, prediction = box((0, 20), (10, 20), (8, 18)), box((0, 20), (10, 20), (11, 21))
    row = compared(reference, prediction, box((10, 20), (0, 30), (0, 30)), preset)
    whole = compared(
        *(mask[:10] for mask in (reference, prediction)),
        box((0, 0), (0, 0), (0, 0), shape=(10, 30, 30)),
        preset,
    )
    far, mean = (list(row.values.values())[place] for place in (2, 3))
    assert far == pytest.approx(3)
    assert mean > list(whole.values.values())[3]


def test_slices_that_are_annotated_are_measured_as_if_all_were() -> None:
    """In voxels a long rod is the same in every slice: any of them tell its distance."""
    reference, prediction = box((0, 20), (8, 20), (8, 20)), box((0, 20), (8, 20), (12, 24))
    sparse = np.ones(SHAPE, bool)
    sparse[3:18:5] = False
    row = compared(reference, prediction, sparse, "published")
    one_slice = np.zeros(SHAPE[1:], bool)
    flat = compared(reference[0], prediction[0], one_slice, "published")
    assert row.values == pytest.approx(flat.values)


def test_half_a_volume_of_two_boxes_is_worked_out_by_hand() -> None:
    """Boxes of 10 x 10 in y and x, through all z; annotated are y < 15, through the middle of them.
    The prediction ends 4 voxels later in x. The published border of the annotated half, y 10 to 14,
    is 14 voxels a slice, 5 of each wall and 8 more of y = 10, or 18: 4 of the 18 lie 1 to 4 from
    the reference's wall at x = 19, and 4 more, of x = 23 beside y = 10, lie 4 from it:
    (1 + 2 + 3 + 4 + 4 * 4) / 22 voxels. With x = 10 and y = 10 all others are shared.
    """
    reference, prediction = box((0, 20), (10, 20), (10, 20)), box((0, 20), (10, 20), (10, 24))
    cut = np.zeros(SHAPE, bool)
    cut[:, 15:] = True
    cut[:2] = cut[18:] = True  # so that no lid of z counts
    row = compared(reference, prediction, cut, "published")
    assert row.values["asd_voxels"] == pytest.approx((1 + 2 + 3 + 4 + 4 * 4) / 22)
    assert row.values["hd95_voxels"] == 4


def test_a_flat_wall_that_moves_is_as_far_as_it_moves_in_mm() -> None:
    """A slab fills the volume up to x = 12, another up to x = 16; all but the middle is ignored, so
    that one wall of each is left, 4 voxels of 2 mm apart everywhere.
    """
    reference, prediction = box((0, 20), (0, 30), (0, 12)), box((0, 20), (0, 30), (0, 16))
    ignored = ~box((3, 17), (3, 27), (5, 25))
    row = compared(reference, prediction, ignored, spacing=2.0)
    assert row.values["hd95_mm"] == pytest.approx(8) and row.values["assd_mm"] == pytest.approx(8)


def test_surface_beside_ignored_voxels_outside_of_the_joint_box_is_none() -> None:
    """The box of both masks ends where the ignored slice begins: it hides the lid all the same."""
    reference, prediction = box((0, 20), (0, 30), (0, 12)), box((0, 20), (0, 30), (0, 12))
    prediction[:, :, 8:12] = False
    row = compared(reference, prediction, box((0, 20), (0, 30), (12, 13)), spacing=1.0)
    assert row.status is Status.BOTH and row.values["assd_mm"] < 4
    seen = compared(reference, prediction, box((0, 20), (0, 30), (20, 21)), spacing=1.0)
    assert row.values["assd_mm"] != seen.values["assd_mm"]


@pytest.mark.parametrize("preset", PRESETS)
def test_without_surface_of_the_reference_there_is_no_distance_whatever_is_predicted(
    preset: str,
) -> None:
    """All that is annotated lies inside of the reference; half of it is predicted, or nothing."""
    reference, ignored = box((2, 18), (2, 28), (2, 28)), ~box((5, 15), (5, 25), (5, 25))
    found = compared(reference, box((0, 10), (0, 30), (0, 30)), ignored, preset)
    missed = compared(reference, box((0, 0), (0, 0), (0, 0)), ignored, preset)
    assert found.status is Status.BOTH and found.values == {"dice": 2 / 3, "jaccard": 0.5}
    assert missed.status is Status.MISSED and missed.values == {"dice": 0, "jaccard": 0}
    assert found.has_no_distance and missed.has_no_distance


@pytest.mark.parametrize("preset", PRESETS)
def test_who_fills_all_that_is_annotated_is_as_far_away_as_the_volume_is_long(preset: str) -> None:
    """The other way round: no distance would reward who predicts the structure everywhere."""
    ignored = ~box((5, 15), (5, 25), (5, 25))
    row = compared(box((2, 10), (2, 28), (2, 28)), ~box((0, 0), (0, 0), (0, 0)), ignored, preset)
    assert row.status is Status.HIDDEN
    assert list(row.values.values())[2:] == pytest.approx([np.sqrt(20**2 + 2 * 30**2)] * 2)


def test_hidden_surfaces_are_counted_and_in_no_mean_of_distances(tmp_path: Path) -> None:
    """a: all that is annotated is liver; b: found, at distance 0; so that n is 2 and 1."""
    made = Evaluating(tmp_path)
    inside = np.full((7, 7, 7), 2, dtype=np.uint8)
    inside[2:5, 2:5, 2:5] = 1
    made.add("a", inside, np.ones_like(inside))
    plain = np.zeros_like(inside)
    plain[2:5, 2:5, 2:5] = 1
    made.add("b", plain, plain)
    made.name_classes({"liver": 1, "ignore": 2})
    evaluation = made.run()
    liver = evaluation.summary.per_class["liver"]
    assert (liver.n, liver.no_distance, liver.hidden) == (2, 1, 0)
    assert (liver.metrics["dice"].n, liver.metrics["hd95_mm"].n) == (2, 1)
    assert liver.metrics["hd95_mm"].mean == 0
    assert "no distance" in table(evaluation.summary)
    record = json.loads((made.prediction / "metrics.json").read_text(encoding="utf-8"))
    assert set(record["ignored_voxels"]) == {"masks", "surface", "no_distance", "hidden"}
    assert record["per_class"]["liver"]["no_distance"] == 1
