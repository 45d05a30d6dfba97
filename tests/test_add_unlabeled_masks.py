"""``ducisc add-unlabeled``: segmentations among the scans are left out, or pointed out."""

import numpy as np
import pytest

from nnunetv2_ducisc.raw_dataset.adding.masks import has_few_values, is_named_like_a_mask
from tests.adding import SHAPE, Adding, l_shape, noise, write

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    "name",
    ["x_mask", "x-Label", "x.seg", "patient001_frame01_gt", "label0001", "mask_01", "x_mask_0000"]
    + ["x_SEG_2", "segmentation", "x_labels", "x_ground_truth", "x_groundtruth", "labelmap"],
)
def test_a_name_that_says_segmentation(name: str) -> None:
    assert is_named_like_a_mask(name)


@pytest.mark.parametrize(
    "name", ["x", "x_0000", "GT012", "x_masked", "unmask", "segment7", "mask_removed", "seg_p1"]
)
def test_a_name_that_does_not(name: str) -> None:
    assert not is_named_like_a_mask(name)


@pytest.mark.parametrize(
    ("voxels", "few"),
    [
        (np.arange(32), True),
        (np.arange(33), False),
        (np.array([0.0, 1.0, 255.0]), True),
        (np.array([0.0, 0.5]), False),
        (np.repeat([0, 1], 200_000), True),
    ],
)
def test_few_whole_values_are_32(voxels: np.ndarray, few: bool) -> None:
    assert has_few_values(voxels.astype(np.float32)[None]) is few


def test_values_that_are_rare_count_too() -> None:
    """One voxel of 1.5 among 400,001; every fourth voxel is looked at first, and it is none."""
    voxels = np.zeros((1, 400_001), np.float32)
    voxels[0, 1] = 1.5
    assert not has_few_values(voxels)


def test_one_channel_is_enough() -> None:
    assert has_few_values(np.stack([np.arange(100), np.zeros(100)]))


def test_files_that_are_named_like_masks_are_refused_together(adding: Adding) -> None:
    for seed, name in enumerate(("x", "y")):
        adding.give(f"{name}.nii.gz", seed + 50)
        write(adding.inbox / f"{name}_mask.nii.gz", l_shape(seed + 1))
    assert adding.refusals() == [
        "Not added, since they are named like segmentations (2): x_mask.nii.gz, y_mask.nii.gz: "
        "leave them out, or rename them if they are scans."
    ]
    assert adding.names == ["x_0000.nii.gz", "y_0000.nii.gz"]


def test_images_with_the_values_of_masks_are_pointed_out(adding: Adding) -> None:
    """l_shape() holds 0, 1 and 2; the labeled images hold nearly 200 values."""
    write(adding.inbox / "x.nii.gz", l_shape(1))
    write(adding.inbox / "y.mha", l_shape(5))
    adding.give("z.nii.gz")
    assert adding.warnings() == [
        "Warning: images with at most 32 values, all whole, like segmentations and unlike the "
        "labeled images (2): x, y: take them out of imagesUn if they are no scans."
    ]


def test_where_labeled_images_are_so_too_nothing_is_said(adding: Adding) -> None:
    write(adding.folder / "imagesTr" / "a_0000.nii.gz", noise(1) % 2)
    write(adding.inbox / "x.nii.gz", np.arange(np.prod(SHAPE)).reshape(SHAPE) % np.int16(3))
    assert adding.warnings() == []
