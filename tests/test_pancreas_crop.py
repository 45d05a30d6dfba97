"""The protocol of the literature: 1 mm, a soft-tissue window, a crop around the label."""

from __future__ import annotations

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

from dataset_conversion.Dataset502_PancreasCT import PANCREAS, window_and_crop
from nnunetv2_ducisc.raw_dataset.downloads.volume import Volume
from tests.pancreas_download import ORIGIN, write_dicom, write_label
from tests.script_run import MakeScriptRun, ScriptRun

pytestmark = pytest.mark.unit

LABELED, UNLABELED, TEST = ("image0001", "image0002", "image0003")


@pytest.fixture
def run(script_run: MakeScriptRun) -> ScriptRun:
    return script_run(PANCREAS, {"train": [LABELED, UNLABELED], "test": [TEST]})


@pytest.fixture
def cropped(run: ScriptRun) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Image, label and affine of a scan of 300 x 250 x 6 voxels of 0.7 x 0.9 x 1.5 mm.

    Its pancreas is a box of 20 x 100 x 2 voxels from (140, 60, 2) within 30 columns of 75 HU; on
    their left lies bone of 1000 HU, on their right air.
    """
    mask = np.zeros((300, 250, 6), dtype=bool)
    mask[140:160, 60:160, 2:4] = True
    columns = np.repeat([-1000, 75, 1000], [135, 30, 135])
    truth = np.broadcast_to(columns[:, None, None], mask.shape)
    for number in (1, 2, 3):
        write_dicom(run.download / f"PANCREAS_{number:04d}", number, truth)
        write_label(run.root / "labels", number, mask)
    options = ("--protocol", "published", "--no-withheld-labels")
    assert run.convert("-l", str(run.root / "labels"), *options) == 0
    image, label = run.written(LABELED)
    np.testing.assert_array_equal(image.affine, label.affine)
    return np.asarray(image.dataobj), np.asarray(label.dataobj), image.affine


def test_the_published_crop_is_a_box_of_at_least_96_mm_and_25_more(cropped: tuple) -> None:
    """Millimetres from the scan's first voxel centre: x from 98 to 111.3, y from 54 to 143.1.

    Voxels of 1 mm from 98 to 111 are 14, from 54 to 143 are 90: x grows to 96 + 50 = 146 by 132
    evenly, from 98 - 66 = 32; y to 146, from 54 - 28 = 26. The scan's 6 slices of 1.5 mm are 9,
    all of them there, of which 3.0 to 4.5 mm, by the nearest voxel, are 3 to 5.
    """
    image, label, affine = cropped
    assert image.shape == (146, 146, 9)
    np.testing.assert_allclose(affine[:3, 3], np.multiply(np.add(ORIGIN, (32, 26, 0)), (-1, -1, 1)))
    np.testing.assert_allclose(affine[:3, :3], np.diag([-1, -1, 1]), atol=1e-6)
    x, y, z = np.nonzero(label)
    assert [x.min(), x.max(), y.min(), y.max()] == [66, 79, 28, 117]
    assert (z.min(), z.max()) == (3, 5)


def test_the_published_window_is_minus_125_to_275_hu(cropped: tuple) -> None:
    """75 HU is the middle; air and bone are the ends, B-splines' overshoot cut off."""
    image, label, _ = cropped
    assert image.min() == 0 and image.max() == 1
    inside = image[70:76, 40:100, 4]
    assert label[70:76, 40:100, 4].all()
    np.testing.assert_allclose(inside, 0.5, atol=1e-3)
    assert image[10, 5, 4] == 0 and image[140, 5, 4] == 1


def test_the_published_images_are_interpolated_by_splines() -> None:
    """A cubic spline meets (x - 19)^2 / 2 at odd mm, too, where lines would be 0.5 HU off."""
    millimetres = np.arange(0, 40, 2)
    parabola = np.broadcast_to((millimetres - 19) ** 2 / 2, (3, 4, 20))
    image = sitk.GetImageFromArray(parabola)
    image.SetSpacing((2, 1, 1))
    label = sitk.GetImageFromArray(np.ones((3, 4, 20), dtype=np.uint8))
    label.CopyInformation(image)
    made = sitk.GetArrayFromImage(window_and_crop(Volume(image, label)).image)
    middle = np.arange(14, 26)
    expected = ((middle - 19) ** 2 / 2 + 125) / 400
    np.testing.assert_allclose(made[1, 1, middle], expected, atol=2e-4)


def test_rounding_in_a_spacing_takes_no_slice_away() -> None:
    """10 slices of 0.99999 mm are 10 of 1 mm, not 9."""
    label = sitk.GetImageFromArray(np.ones((10, 4, 20), dtype=np.uint8))
    label.SetSpacing((1, 1, 0.99999))
    assert window_and_crop(Volume(label, label)).image.GetSize() == (20, 4, 10)


def test_the_record_says_that_test_labels_have_shaped_the_images(
    cropped: tuple, run: ScriptRun
) -> None:
    """And those of unlabeled cases, too, even if they are not written."""
    note = run.json("conversion")["protocol"]["note"]
    assert "labels, test labels among them, have shaped the images" in note
    assert not (run.dataset / "labelsUn").exists()
    unlabeled = nibabel.load(run.dataset / "imagesUn" / f"{UNLABELED}_0000.nii.gz")
    assert unlabeled.shape == cropped[0].shape
