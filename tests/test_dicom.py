"""One DICOM series: its geometry is what the position tags say, and a broken one is refused."""

from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.raw_dataset.dicom import PATIENT_ID, header, read_series, series_folders
from tests.dicom_series import write_series

pytestmark = pytest.mark.unit

SPACING, FIRST = (0.7, 0.8, 1.5), (-10.0, 50.0, 100.0)


@pytest.fixture
def voxels() -> np.ndarray:
    """6 slices of 5 rows and 7 columns; even, so that a slope of 2 stores them exactly."""
    return 2 * np.random.default_rng(0).integers(-500, 1000, (6, 5, 7)).astype(np.int16)


def refusal(files: list[Path]) -> str:
    with pytest.raises(DuCiSCError) as caught:
        read_series(files)
    return str(caught.value)


def value_at(image: SimpleITK.Image, *point: float) -> int:
    return image[image.TransformPhysicalPointToIndex(point)]


@pytest.mark.parametrize("reverse", [False, True])
def test_a_voxel_lies_where_the_tags_say_whichever_way_instance_numbers_run(
    tmp_path: Path, voxels: np.ndarray, reverse: bool
) -> None:
    """Slice 2, row 3, column 4 is 4 * 0.7 left, 3 * 0.8 in front of and 2 * 1.5 mm below."""
    files = write_series(tmp_path, voxels, SPACING, FIRST, reverse_numbers=reverse)
    assert files[0].name == ("1-006.dcm" if reverse else "1-001.dcm")
    image = read_series(files)
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(image), voxels)
    np.testing.assert_allclose(image.GetSpacing(), SPACING)
    np.testing.assert_allclose(image.GetOrigin(), FIRST)
    np.testing.assert_allclose(image.GetDirection(), np.diag([1, -1, -1]).ravel())
    assert value_at(image, -10 + 2.8, 50 - 2.4, 100 - 3) == voxels[2, 3, 4]


def test_slices_from_feet_to_head_lie_where_the_tags_say(
    tmp_path: Path, voxels: np.ndarray
) -> None:
    """Rows towards posterior, as most scanners write them: the normal points up."""
    usual = (1, 0, 0, 0, 1, 0)
    files = write_series(
        tmp_path, voxels, SPACING, FIRST, orientation=usual, step=(0, 0, 1.5), reverse_numbers=True
    )
    image = read_series(files)
    np.testing.assert_allclose(image.GetDirection(), np.eye(3).ravel())
    assert value_at(image, -10 + 2.8, 50 + 2.4, 100 + 3) == voxels[2, 3, 4]


def test_slope_and_intercept_are_applied(tmp_path: Path, voxels: np.ndarray) -> None:
    """The file's last 70 bytes are its 35 voxels: x is stored as (x + 1024) / 2."""
    files = write_series(tmp_path, voxels, SPACING, FIRST, _0028_1053="2")
    stored = np.frombuffer(files[0].read_bytes()[-70:], np.int16).reshape(5, 7)
    np.testing.assert_array_equal(stored, (voxels[0] + 1024) // 2)
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(read_series(files)), voxels)


def test_rounded_positions_are_an_even_stack(tmp_path: Path, voxels: np.ndarray) -> None:
    """1 / 3 mm is written as 0.333333 at the most."""
    files = write_series(tmp_path, voxels, (0.7, 0.8, 1 / 3), FIRST)
    np.testing.assert_allclose(read_series(files).GetSpacing()[2], 1 / 3, rtol=1e-3)


def test_two_series_in_a_folder_are_refused(tmp_path: Path, voxels: np.ndarray) -> None:
    files = write_series(tmp_path, voxels, SPACING, FIRST, uid="1.2.3")
    files += write_series(tmp_path, voxels, SPACING, FIRST, uid="2.2.3")
    assert refusal(files) == "its folder holds 2 DICOM series, expected one"


def test_a_missing_slice_is_refused_with_the_distances(tmp_path: Path, voxels: np.ndarray) -> None:
    files = write_series(tmp_path, voxels, SPACING, FIRST, left_out=[3])
    assert refusal(files).startswith("its slices are 1.5 to 3 mm apart, expected one distance")


def test_a_slice_that_is_there_twice_is_refused(tmp_path: Path, voxels: np.ndarray) -> None:
    files = write_series(tmp_path, voxels, SPACING, FIRST)
    (tmp_path / "again.dcm").write_bytes(files[3].read_bytes())
    assert "0 to 1.5 mm apart" in refusal([*files, tmp_path / "again.dcm"])


def test_a_sheared_stack_is_refused_with_its_shift(tmp_path: Path, voxels: np.ndarray) -> None:
    """SimpleITK would drop the shift of 0.5 mm a slice, which a tilted gantry leaves."""
    files = write_series(tmp_path, voxels, SPACING, FIRST, step=(0, 0.5, -1.5))
    assert "shifted sideways by up to 0.5 mm" in refusal(files)


def test_slices_of_two_orientations_are_refused(tmp_path: Path, voxels: np.ndarray) -> None:
    files = write_series(tmp_path, voxels, SPACING, FIRST, left_out=[5])
    usual = (1, 0, 0, 0, 1, 0)
    files += write_series(
        tmp_path, voxels, SPACING, FIRST, orientation=usual, left_out=[0, 1, 2, 3, 4]
    )
    assert "more than one orientation" in refusal(files)


@pytest.mark.parametrize("content", ["half", "none", "text"])
@pytest.mark.parametrize("number", [2, 5])
def test_a_file_that_cannot_be_read_is_named(
    tmp_path: Path, voxels: np.ndarray, content: str, number: int
) -> None:
    """Without the last slice, too, the others would pass for an even stack."""
    files = write_series(tmp_path, voxels, SPACING, FIRST)
    whole = files[number].read_bytes()
    files[number].write_bytes({"half": whole[:-20], "none": b"", "text": b"no image"}[content])
    assert refusal(files) == (
        f"1 of its 6 files cannot be read: {files[number].name} is truncated or no DICOM image"
    )


def test_one_slice_is_not_a_volume(tmp_path: Path, voxels: np.ndarray) -> None:
    files = write_series(tmp_path, voxels[:1], SPACING, FIRST)
    assert refusal(files) == "its series has 1 slice, expected a volume"


def test_slices_that_all_lie_in_one_place_are_refused(tmp_path: Path, voxels: np.ndarray) -> None:
    files = write_series(tmp_path, voxels, SPACING, FIRST, step=(0, 0, 0))
    assert "0 to 0 mm apart" in refusal(files)


def test_a_slice_without_a_position_is_named(tmp_path: Path, voxels: np.ndarray) -> None:
    """Tag (0020,0032), in the file's byte order, becomes (0020,0031)."""
    file = write_series(tmp_path, voxels, SPACING, FIRST)[1]
    before, after = file.read_bytes().split(b"\x20\x00\x32\x00")
    file.write_bytes(before + b"\x20\x00\x31\x00" + after)
    assert refusal(sorted(tmp_path.iterdir())) == (
        "tag 0020|0032 of 1-002.dcm holds '', expected 3 numbers"
    )


def test_folders_are_found_at_any_depth_without_what_is_not_dicom(
    tmp_path: Path, voxels: np.ndarray
) -> None:
    upper = write_series(tmp_path / "b" / "c", voxels, SPACING, FIRST)
    lower = write_series(tmp_path / "a", voxels, SPACING, FIRST)
    lower[0].rename(lower[0].with_suffix(".DCM"))
    (tmp_path / "a" / "._1-002.dcm").touch()
    (tmp_path / "a" / "LICENSE").touch()
    (tmp_path / "empty").mkdir()
    found = series_folders(tmp_path)
    assert list(found) == [tmp_path / "a", tmp_path / "b" / "c"]
    assert found[tmp_path / "b" / "c"] == tuple(upper)
    assert len(found[tmp_path / "a"]) == 6


def test_files_without_an_ending_are_told_by_their_content(
    tmp_path: Path, voxels: np.ndarray
) -> None:
    """A DICOMDIR has the same beginning, and is no slice."""
    files = write_series(tmp_path / "a", voxels, SPACING, FIRST)
    bare = tuple(sorted(file.rename(file.with_suffix("")) for file in files))
    (tmp_path / "a" / "DICOMDIR").write_bytes(bytes(128) + b"DICM")
    (tmp_path / "a" / "short").write_bytes(b"DICM")
    assert series_folders(tmp_path) == {tmp_path / "a": bare}
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(read_series(bare)), voxels)


def test_a_tag_comes_without_its_padding(tmp_path: Path, voxels: np.ndarray) -> None:
    """Values have an even number of bytes in the file."""
    file = write_series(tmp_path, voxels, SPACING, FIRST, patient="A2345")[0]
    assert header(file, PATIENT_ID) == "A2345"
    assert header(file, "0010|1010") == ""
    file.write_text("no image", encoding="utf-8")
    with pytest.raises(DuCiSCError, match=f"{file.name} is truncated or no DICOM image"):
        header(file, PATIENT_ID)
