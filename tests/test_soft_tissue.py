"""A label of a CT that does not lie on its organ is told by the image, whatever the headers say."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.raw_dataset.downloads.soft_tissue import check_soft_tissue

pytestmark = pytest.mark.unit

FAT, LIVER, ORGAN, BONE = -100, 60, 90, 300  # HU
SHAPE = (16, 20, 40)  # z, y, x
HERE = (slice(4, 12), slice(6, 14), slice(6, 14))
MIRRORED = (*HERE[:2], slice(26, 34))  # in x
AXES = [axes for number in (1, 2, 3) for axes in combinations(range(3), number)]


def body() -> np.ndarray:
    """An organ in fat, all at one place."""
    voxels = np.full(SHAPE, FAT, dtype=np.int16)
    voxels[HERE] = ORGAN
    return voxels


def label(where: tuple[slice, ...] = HERE) -> np.ndarray:
    mask = np.zeros(SHAPE, dtype=np.uint8)
    mask[where] = 1
    return mask


def check(voxels: np.ndarray, mask: np.ndarray) -> None:
    check_soft_tissue(sitk.GetImageFromArray(voxels), sitk.GetImageFromArray(mask))


def refusal(voxels: np.ndarray, mask: np.ndarray) -> str:
    with pytest.raises(DuCiSCError) as caught:
        check(voxels, mask)
    return str(caught.value)


def test_a_label_on_its_organ_passes() -> None:
    check(body(), label())


def test_a_mean_of_soft_tissue_is_not_enough() -> None:
    """3/4 at 60 HU and 1/4 at -100 HU have a mean of 20 HU, which a share of 75% belies."""
    voxels = body()
    voxels[4:12, 6:14, 22:32] = LIVER  # 6 of the 8 columns that are marked, and 4 beside them
    said = refusal(voxels, label(MIRRORED))
    assert said == (
        "75% of what its label marks has -20 to 200 HU, but 100% once flipped in x: image and "
        "label do not lie on each other"
    )


def test_bone_and_fat_have_the_mean_of_an_organ_too() -> None:
    """Half of 300 and half of -100 HU are 100 HU, and none of it is soft tissue."""
    voxels = body()
    voxels[4:12, 6:14, 30:] = BONE
    said = refusal(voxels, label(MIRRORED))
    assert said.startswith("0% of what its label marks has -20 to 200 HU, expected 60% or more")


def test_another_organ_at_the_mirrored_place_is_no_proof_of_a_flip() -> None:
    """The organ is full of fat, 3 of 8 slices of it, and yet it stands out; the liver does not."""
    voxels = body()
    voxels[:, :, 20:] = LIVER
    voxels[4:12:3, 6:14, 6:14] = FAT
    check(voxels, label())


def test_a_label_in_the_midst_of_another_organ_passes() -> None:
    """What this check cannot tell."""
    voxels = body()
    voxels[:, :, 20:] = LIVER
    check(voxels, label(MIRRORED))


@pytest.mark.parametrize("axes", AXES)
def test_every_flip_is_told_where_a_quarter_is_fat(axes: tuple[int, ...]) -> None:
    """Fat and other organs in patches of 4 voxels, 3 of 4 of them organs; noise of 20 HU.

    The organ's corner is at none of the places that flips bring it to.
    """
    draw = np.random.default_rng(0)
    patches = draw.random((8, 10, 20)) < 0.75
    voxels = np.where(patches.repeat(4, 0).repeat(4, 1).repeat(4, 2), LIVER, FAT)
    mask = np.zeros(voxels.shape, dtype=np.uint8)
    mask[3:13, 5:17, 7:33] = 1
    voxels[mask > 0] = ORGAN
    voxels = (voxels + draw.normal(0, 20, voxels.shape)).astype(np.int16)
    check(voxels, mask)
    assert "lie on each other" in refusal(voxels, np.flip(mask, axes).copy())
