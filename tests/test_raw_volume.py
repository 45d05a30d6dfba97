"""What a volume has to be before it is written."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.raw_dataset.downloads.volume import Volume, check_volume, volume_of

pytestmark = pytest.mark.unit

SPACING = (0.5, 0.6, 2.0)


def scan(value: float = 0.0) -> np.ndarray:
    image = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    image[0, 0, 0] = value
    return image


def mask(**voxels: int) -> np.ndarray:
    label = np.zeros((2, 3, 4), dtype=np.uint8)
    label.flat[: len(voxels)] = list(voxels.values())
    return label


def refusal(volume: Volume) -> str:
    with pytest.raises(DuCiSCError) as caught:
        check_volume(volume, [0, 1])
    return str(caught.value)


def test_arrays_are_z_y_x_and_spacing_is_x_y_z():
    volume = volume_of(scan(), mask(a=1), SPACING)
    assert volume.image.GetSize() == (4, 3, 2) == volume.label.GetSize()
    assert volume.image.GetSpacing() == SPACING == volume.label.GetSpacing()
    assert volume.image[3, 2, 1] == 23
    check_volume(volume, [0, 1])


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_are_refused(value):
    assert refusal(volume_of(scan(value), None, SPACING)) == (
        "the image holds NaN or infinite values"
    )


def test_a_constant_image_is_refused():
    flat = np.full((2, 3, 4), 7, dtype=np.int16)
    assert refusal(volume_of(flat, None, SPACING)) == "the image is constant, everywhere 7"


def test_a_label_of_another_size_is_refused():
    label = np.ones((2, 4, 3), dtype=np.uint8)
    assert refusal(volume_of(scan(), label, SPACING)) == (
        "the image has (4, 3, 2) voxels, its label (3, 4, 2)"
    )


@pytest.mark.parametrize(
    ("setter", "value", "word"),
    [
        ("SetSpacing", (0.5, 0.6, 2.1), "spacing"),
        ("SetOrigin", (0, 0, 1), "origin"),
        ("SetDirection", (-1, 0, 0, 0, 1, 0, 0, 0, 1), "direction"),
    ],
)
def test_a_label_of_another_geometry_is_refused(setter, value, word):
    volume = volume_of(scan(), mask(a=1), SPACING)
    getattr(volume.label, setter)(value)
    assert refusal(volume).startswith(f"the image has {word} (")


def test_rounding_in_a_header_is_no_other_geometry():
    volume = volume_of(scan(), mask(a=1), SPACING)
    volume.label.SetSpacing((0.50000012, 0.6, 2.0))
    check_volume(volume, [0, 1])


def test_a_value_that_is_no_class_is_refused():
    assert refusal(volume_of(scan(), mask(a=1, b=3), SPACING)) == (
        "the label holds the value 3, expected [0, 1]"
    )


def test_an_empty_label_is_refused():
    label = sitk.GetImageFromArray(mask())
    label.SetSpacing(SPACING)
    volume = Volume(volume_of(scan(), None, SPACING).image, label)
    assert refusal(volume) == "the label is empty"
