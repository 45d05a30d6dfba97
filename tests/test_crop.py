"""The literature's crop: x and y follow the label, z stays whole."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

from nnunetv2_ducisc.raw_dataset.downloads.crop import crop_in_plane
from nnunetv2_ducisc.raw_dataset.downloads.volume import Volume, volume_of

pytestmark = pytest.mark.unit

SPACING = (0.5, 1.0, 3.0)


def volume(x: tuple[int, int], y: tuple[int, int], size: tuple[int, int, int]) -> Volume:
    """Voxels that hold 10000 z + 100 y + x, and a label from x[0], y[0] to x[1], y[1].

    Its arms along x and y lie in different slices, neither of them the first or the last.
    """
    z_, y_, x_ = np.indices(size[::-1])
    label = np.zeros(size[::-1], dtype=np.uint8)
    label[1, y[0], x[0] : x[1] + 1] = label[2, y[0] : y[1] + 1, x[0]] = 1
    return volume_of((10000 * z_ + 100 * y_ + x_).astype(np.int32), label, SPACING)


def window(cropped: Volume) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
    """First and last x, y and z of the original that the crop holds."""
    array = sitk.GetArrayFromImage(cropped.image)
    first, last = (divmod(int(voxel), 10000) for voxel in (array[0, 0, 0], array[-1, -1, -1]))
    return (first[1] % 100, last[1] % 100), (first[1] // 100, last[1] // 100), (first[0], last[0])


def test_x_and_y_are_cropped_to_the_box_and_the_margin_while_z_stays_whole() -> None:
    """Box x 10..30 and y 20..26, margin 3: x 7..33, y 17..29."""
    cropped = crop_in_plane(volume((10, 30), (20, 26), (60, 50, 5)), margin=3, smallest=7)
    assert window(cropped) == ((7, 33), (17, 29), (0, 4))


def test_image_and_label_are_cropped_alike() -> None:
    """The corner of the label's arms, x 10 and y 20, is voxel 3, 3 of the crop."""
    cropped = crop_in_plane(volume((10, 30), (20, 26), (60, 50, 5)), margin=3, smallest=7)
    assert cropped.label.GetSize() == (27, 13, 5) == cropped.image.GetSize()
    inside = np.argwhere(sitk.GetArrayFromImage(cropped.label))  # rows of z, y, x
    assert inside.min(axis=0).tolist() == [1, 3, 3]
    assert inside.max(axis=0).tolist() == [2, 9, 23]


def test_every_voxel_stays_where_it_was_in_the_world() -> None:
    """x 7 and y 17 are the crop's first voxel, in a scan that lies on its side."""
    scan = volume((10, 30), (20, 26), (60, 50, 5))
    for picture in (scan.image, scan.label):
        picture.SetOrigin((-20.0, 5.0, 100.0))
        picture.SetDirection((0, 1, 0, 1, 0, 0, 0, 0, -1))
    cropped = crop_in_plane(scan, margin=3, smallest=7)
    for before, after in ((scan.image, cropped.image), (scan.label, cropped.label)):
        assert after.GetSpacing() == SPACING and after.GetDirection() == before.GetDirection()
        assert after.GetOrigin() == before.TransformIndexToPhysicalPoint((7, 17, 0))


def test_the_margin_ends_at_the_edge_of_the_scan() -> None:
    """Box x 2..55 of 60 and y 4..48 of 50, margin 6: x 0..59, y 0..49."""
    cropped = crop_in_plane(volume((2, 55), (4, 48), (60, 50, 4)), margin=6, smallest=7)
    assert window(cropped) == ((0, 59), (0, 49), (0, 3))


def test_a_small_box_grows_evenly_to_the_smallest_size() -> None:
    """Box x 20..23 grows by 4 and 4: 16..27. Box y 30..32 grows by 4 and 5: 26..37."""
    cropped = crop_in_plane(volume((20, 23), (30, 32), (60, 50, 4)), margin=0, smallest=12)
    assert window(cropped) == ((16, 27), (26, 37), (0, 3))


def test_a_small_box_at_an_edge_grows_to_the_other_side() -> None:
    """Box x 1..3 grows to 0..11, box y 47..49 of 50 to 38..49."""
    cropped = crop_in_plane(volume((1, 3), (47, 49), (60, 50, 4)), margin=0, smallest=12)
    assert window(cropped) == ((0, 11), (38, 49), (0, 3))


def test_a_scan_smaller_than_the_smallest_size_stays_whole() -> None:
    cropped = crop_in_plane(volume((4, 6), (3, 5), (10, 8, 4)), margin=1, smallest=12)
    assert window(cropped) == ((0, 9), (0, 7), (0, 3))
