"""What is wrong with a Pancreas-CT download is said in one sentence, and nothing is written."""

from __future__ import annotations

import zipfile
from pathlib import Path

import nibabel
import numpy as np
import pytest

from dataset_conversion.Dataset502_PancreasCT import PANCREAS
from tests.pancreas_download import (
    pancreas,
    scan,
    write_converted,
    write_dicom,
    write_label,
    write_nifti,
)
from tests.script_run import MakeScriptRun, ScriptRun, cut_off

pytestmark = pytest.mark.unit


@pytest.fixture
def run(script_run: MakeScriptRun) -> ScriptRun:
    """A sound download of two cases, of which each test spoils the first."""
    run = script_run(PANCREAS, {"train": ["image0001"], "test": ["image0002"]})
    for number in (1, 2):
        write_dicom(scan_folder(run, number), number)
        write_label(labels(run), number)
    return run


def labels(run: ScriptRun) -> Path:
    return run.root / "labels"


def scan_folder(run: ScriptRun, number: int = 1) -> Path:
    return run.download / f"PANCREAS_{number:04d}" / "1.2.3"


def refusal(run: ScriptRun) -> str:
    return run.refusal("-l", str(labels(run)))


def refusal_of_the_case(run: ScriptRun) -> str:
    sentence = refusal(run)
    assert sentence.startswith("image0001 is not converted, ")
    return sentence.removeprefix("image0001 is not converted, ").partition(": mend ")[0]


def write_changed_label(run: ScriptRun, voxels: np.ndarray, affine: np.ndarray) -> None:
    write_nifti(labels(run) / "label0001.nii.gz", voxels, affine)


def label_as_it_is(run: ScriptRun) -> tuple[np.ndarray, np.ndarray]:
    label = nibabel.load(labels(run) / "label0001.nii.gz")
    return np.asarray(label.dataobj), label.affine


def test_the_download_is_sound_before_it_is_spoilt(run: ScriptRun) -> None:
    assert run.convert("-l", str(labels(run))) == 0


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_flipped_voxels_of_a_label_are_told_by_the_image(run: ScriptRun, axis: int) -> None:
    """The header is right, so that only the values tell: at most 6 voxels of 13 lie right."""
    voxels, affine = label_as_it_is(run)
    write_changed_label(run, np.flip(voxels, axis), affine)
    assert "expected 0 to 150: image and label do not lie on each other" in refusal(run)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_flipped_header_of_a_label_is_told_by_the_image(run: ScriptRun, axis: int) -> None:
    voxels, affine = label_as_it_is(run)
    write_changed_label(run, voxels, affine @ np.diag([-1.0 if a == axis else 1 for a in range(4)]))
    assert "image and label do not lie on each other" in refusal(run)


def test_a_mean_that_is_too_bright_is_refused_with_its_number(run: ScriptRun) -> None:
    """40 to 79 HU without the intercept of -1024: a reader forgot it."""
    for file in scan_folder(run).iterdir():
        file.unlink()
    scan_folder(run).rmdir()
    write_dicom(scan_folder(run), 1, scan() + 1024)
    mean = scan()[pancreas()].mean() + 1024
    assert refusal_of_the_case(run) == (
        f"the mean under its label is {mean:.0f} HU, expected 0 to 150: image and label do not lie "
        "on each other"
    )


def test_a_label_of_another_size_is_refused_with_both_sizes(run: ScriptRun) -> None:
    voxels, affine = label_as_it_is(run)
    write_changed_label(run, voxels[:, :, 1:], affine)
    assert refusal_of_the_case(run) == (
        "in orientation LPS the image has size (12, 10, 8), its label (12, 10, 7)"
    )


def test_a_label_with_swapped_axes_is_refused(run: ScriptRun) -> None:
    voxels, affine = label_as_it_is(run)
    write_changed_label(run, voxels.transpose(1, 0, 2), affine)
    assert "size (12, 10, 8), its label (10, 12, 8)" in refusal_of_the_case(run)


def test_a_label_of_another_spacing_is_refused_with_both(run: ScriptRun) -> None:
    """SliceThickness, which is 2.5 mm here, taken for the spacing of 1.5 mm."""
    voxels, affine = label_as_it_is(run)
    write_changed_label(run, voxels, affine @ np.diag([1, 1, 2.5 / 1.5, 1]))
    reason = refusal_of_the_case(run)
    assert reason.startswith("in orientation LPS the image has spacing (0.7, 0.9, 1.5), its label")
    assert reason.endswith(", 2.5)")


def test_a_label_that_is_turned_by_5_degrees_is_refused(run: ScriptRun) -> None:
    voxels, affine = label_as_it_is(run)
    c, s = np.cos(np.radians(5)), np.sin(np.radians(5))
    turn = np.array([[c, -s, 0, 0], [s, c, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    write_changed_label(run, voxels, turn @ affine)
    assert "the image has direction (1.0, 0.0, 0.0" in refusal_of_the_case(run)


@pytest.mark.parametrize(("value", "kind"), [(2, np.uint8), (1.5, np.float32), (257, np.int16)])
def test_another_value_in_a_label_is_refused(run: ScriptRun, value: float, kind: type) -> None:
    """As uint8, 1.5 and 257 would pass for 1."""
    voxels, affine = label_as_it_is(run)
    write_changed_label(run, np.where(voxels, kind(value), kind(0)), affine)
    assert refusal_of_the_case(run) == f"the label holds the value {value}, expected [0, 1]"


def test_an_empty_label_is_refused(run: ScriptRun) -> None:
    voxels, affine = label_as_it_is(run)
    write_changed_label(run, np.zeros_like(voxels), affine)
    assert refusal_of_the_case(run) == "the label is empty"


def test_a_missing_label_is_refused(run: ScriptRun) -> None:
    (labels(run) / "label0001.nii.gz").unlink()
    assert refusal_of_the_case(run) == "it has no label"


@pytest.mark.parametrize("ending", [".nii.gz", ".nii"])
def test_a_truncated_label_is_refused(run: ScriptRun, ending: str) -> None:
    """SimpleITK would make up the 12 bytes that it lacks."""
    (labels(run) / "label0001.nii.gz").unlink()
    cut_off(write_label(labels(run), 1, ending=ending))
    said = refusal_of_the_case(run)
    assert said.startswith(f"label0001{ending} is of no use, it is cut off")


def test_two_series_in_a_folder_are_refused(run: ScriptRun) -> None:
    write_dicom(scan_folder(run), 1, uid="2.2.3")
    assert refusal_of_the_case(run) == "its folder holds 2 DICOM series, expected one"


def test_two_series_of_a_patient_are_refused_with_their_folders(run: ScriptRun) -> None:
    write_dicom(run.download / "elsewhere", 1, uid="2.2.3")
    sentence = refusal(run)
    assert sentence.startswith("Case 0001 is there twice, ")
    assert str(scan_folder(run)) in sentence and str(run.download / "elsewhere") in sentence


def test_a_missing_slice_is_refused(run: ScriptRun) -> None:
    (scan_folder(run) / "1-004.dcm").unlink()
    assert refusal_of_the_case(run).startswith("its slices are 1.5 to 3 mm apart")


def test_a_truncated_slice_is_refused(run: ScriptRun) -> None:
    cut_off(scan_folder(run) / "1-008.dcm")
    assert "1 of its 8 files cannot be read: 1-008.dcm" in refusal_of_the_case(run)


def test_a_series_of_no_known_case_is_refused_with_its_tag(run: ScriptRun) -> None:
    write_dicom(run.download / "other", 1, patient="LIDC_0001")
    sentence = refusal(run)
    assert sentence.startswith(f"{run.download / 'other'} is of no known case")
    assert "'LIDC_0001'" in sentence


def test_a_scan_that_is_in_no_list_is_left_out_with_a_warning(run: ScriptRun) -> None:
    write_dicom(run.download / "PANCREAS_0099", 99)
    assert run.convert("-l", str(labels(run))) == 0
    warnings = run.json("conversion")["warnings"]
    assert "1 case(s) are in no list and left out: image0099" in warnings


def test_a_case_of_the_split_that_is_not_there_is_named(run: ScriptRun) -> None:
    for file in scan_folder(run, 2).iterdir():
        file.unlink()
    said = refusal(run)
    assert said.startswith("image0002 of the split is not among the 1 cases found")
    assert "which are called like image0001: complete" in said


def test_values_that_are_no_hounsfield_units_are_refused(run: ScriptRun) -> None:
    """-990 and 62 HU, the ends of the made-up scan, times 300,000."""
    for number in (1, 2):
        for file in scan_folder(run, number).iterdir():
            file.unlink()
        write_converted(run.download, number, scan() * (3e5 if number == 1 else 1.0))
    assert (
        refusal_of_the_case(run) == "the image holds values from -2.97e+08 to 1.86e+07, expected HU"
    )


def test_an_empty_download_says_what_was_expected(run: ScriptRun, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "expected DICOM folders of PANCREAS_0001" in run.refusal(
        "-l", str(labels(run)), "-i", str(empty)
    )
    assert run.refusal("-l", str(empty)).endswith("expected label0001.nii.gz; check -l.")


def test_an_archive_that_nobody_has_unpacked_is_named(run: ScriptRun, tmp_path: Path) -> None:
    archive = tmp_path / "archives" / "labels.ZIP"
    archive.parent.mkdir()
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("label0001.nii.gz", "")
    folder = str(archive.parent)
    expected = f"below {folder}, but {archive}: unpack it."
    assert run.refusal("-l", folder) == f"No label was found {expected}"
    assert run.refusal("-l", str(labels(run)), "-i", folder) == f"No case was found {expected}"
