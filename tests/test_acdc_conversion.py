"""ACDC in all its layouts becomes one dataset, with pixdim's spacing and the qform's direction."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest

from dataset_conversion.Dataset504_ACDC import ACDC
from nnunetv2_ducisc.raw_dataset.downloads.split import published
from tests.acdc_download import (
    FACTS,
    QFORM,
    classes,
    frames,
    heart,
    nifti,
    slices,
    unpack,
    unpack_into_folders,
    write_patient,
)
from tests.script_run import MakeScriptRun, ScriptRun, cut_off

pytestmark = pytest.mark.unit

LABELED, UNLABELED, VALIDATION, TEST = "patient099", "patient090", "patient028", "patient011"
PATIENTS = (LABELED, UNLABELED, VALIDATION, TEST)


@pytest.fixture
def run(script_run: MakeScriptRun) -> ScriptRun:
    return script_run(ACDC, {"train": [LABELED, UNLABELED], "val": [VALIDATION], "test": [TEST]})


@pytest.fixture
def patient(run: ScriptRun) -> Path:
    """The test patient's folder in a download of four patients."""
    return [write_patient(run.download / "training", name) for name in PATIENTS][-1]


def old_layout(folder: Path) -> None:
    for name in PATIENTS:
        write_patient(folder / "training", name)


def new_layout(folder: Path) -> None:
    old_layout(folder / "ACDC" / "database")
    write_patient(folder / "ACDC" / "database" / "testing", "patient101", ["patient101_frame01"])


def unpacked(folder: Path) -> None:
    old_layout(folder)
    unpack(folder)


def unpacked_into_folders(folder: Path) -> None:
    old_layout(folder)
    unpack_into_folders(folder)


@pytest.mark.parametrize("lay_out", [old_layout, new_layout, unpacked, unpacked_into_folders])
def test_every_layout_gives_the_same_images_with_true_spacing_and_direction(
    run: ScriptRun, lay_out: Callable[[Path], None]
) -> None:
    """Voxels keep their place in the world of the qform; the sform's unit scale is gone."""
    lay_out(run.download)
    assert run.convert() == 0
    for name in PATIENTS:
        for frame in frames(name):
            image, label = run.written(frame)
            for file in (image, label):
                np.testing.assert_allclose(file.header.get_sform(coded=True)[0], QFORM, atol=1e-4)
                np.testing.assert_allclose(file.header.get_qform(coded=True)[0], QFORM, atol=1e-4)
                np.testing.assert_allclose(file.header.get_zooms(), (1.25, 1.5, 8))
            assert np.array_equal(image.dataobj, heart(slices(name)))
            assert np.array_equal(label.dataobj, classes(slices(name)))
            assert label.get_data_dtype() == np.uint8
    assert run.json("dataset")["channel_names"] == {"0": "cine MRI"}
    assert run.json("dataset")["labels"]["left ventricle"] == 3


@pytest.mark.usefixtures("patient")
def test_both_frames_of_a_patient_go_together_under_their_raw_numbers(run: ScriptRun) -> None:
    """Patient 090 is the one without a frame 01; validation patients are labeled."""
    assert run.convert() == 0
    assert run.cases("Tr") == [*frames(VALIDATION), *frames(LABELED)]
    assert run.cases("Un") == ["patient090_frame04", "patient090_frame11"]
    assert run.cases("Ts") == frames(TEST)


@pytest.mark.usefixtures("patient")
def test_validation_patients_are_kept_out_of_training_by_the_one_fold(run: ScriptRun) -> None:
    assert run.convert() == 0
    fold = [{"train": frames(LABELED), "val": frames(VALIDATION)}]
    assert run.json("splits_final") == fold
    assert run.json(f"../../preprocessed/{ACDC.dataset}/splits_final") == fold


def test_seven_labeled_means_patients_and_official_test_patients_are_left_out(
    run: ScriptRun,
) -> None:
    """2 frames each of 7 + 10 labeled, 70 - 7 = 63 unlabeled and 20 test patients."""
    for name in FACTS["raw_frame_numbers"]:
        write_patient(run.download / "training", name)
    for number in range(101, 151):
        name = f"patient{number}"
        write_patient(run.download / "testing", name, [f"{name}_frame01", f"{name}_frame09"])
    assert run.convert(labeled="7", published=True) == 0
    lists = published("acdc")
    expected = {
        "Tr": (*lists.train[:7], *lists.validation),
        "Un": lists.train[7:],
        "Ts": lists.test,
    }
    for part, patients in expected.items():
        assert run.cases(part) == sorted(frame for name in patients for frame in frames(name))
    assert [len(run.cases(part)) for part in expected] == [34, 126, 40]
    assert (
        "50 case(s) are in no list and left out: patient101"
        in (run.json("conversion")["warnings"][0])
    )


def test_without_a_qform_axes_point_to_left_posterior_superior(
    run: ScriptRun, patient: Path
) -> None:
    frame = frames(TEST)[0]
    image = nifti(heart(slices(TEST)), qform=None, spacing=(1.25, 1.5, 5))
    nibabel.save(image, patient / f"{frame}.nii.gz")
    assert run.convert() == 0
    for file in run.written(frame):
        assert np.array_equal(file.affine, np.diag([-1.25, -1.5, 5, 1]))


def test_labels_stored_as_almost_whole_numbers_and_big_endian_images_are_read(
    run: ScriptRun, patient: Path
) -> None:
    frame, count = frames(TEST)[0], slices(TEST)
    label = nifti(np.maximum(classes(count) - np.float32(0.0001), 0))
    nibabel.save(label, patient / f"{frame}_gt.nii.gz")
    image = nifti(heart(count))
    swapped = nibabel.Nifti1Image(image.dataobj, None, image.header.as_byteswapped(">"))
    nibabel.save(swapped, patient / f"{frame}.nii.gz")
    assert run.convert() == 0
    image, label = run.written(frame)
    assert np.array_equal(image.dataobj, heart(count))
    assert np.array_equal(label.dataobj, classes(count))


FIRST = frames(TEST)[0]
FLIPPED = QFORM * [-1, 1, 1, 1]


def save(array: np.ndarray, name: str, **geometry: object) -> Callable[[Path], None]:
    return lambda folder: nibabel.save(nifti(array, **geometry), folder / f"{name}.nii.gz")


BAD = {
    "it has no label": lambda folder: (folder / f"{FIRST}_gt.nii.gz").unlink(),
    "the label holds the value 4, expected [0, 1, 2, 3]": save(
        np.where(heart(9) == 305, np.uint8(4), classes(9)), f"{FIRST}_gt"
    ),
    "the label holds the value 0.5, expected whole numbers": save(
        classes(9) * np.float32(0.5), f"{FIRST}_gt"
    ),
    "the image has (9, 7, 9) voxels, its label (8, 7, 9)": save(classes(9)[1:], f"{FIRST}_gt"),
    "the image has 8 slices, expected 9": save(heart(8), FIRST),
    "the header states a spacing of (1.0, 1.0, 1.0) mm": save(
        heart(9), FIRST, qform=None, spacing=(1, 1, 1)
    ),
    "its label [[-1": save(classes(9), f"{FIRST}_gt", qform=FLIPPED),
    "the file holds an array of 4 axes, expected 3": save(
        heart(9)[..., None], FIRST, qform=None, spacing=(1, 1, 8, 1)
    ),
    "Compressed file ended": lambda folder: cut_off(folder / f"{FIRST}.nii.gz"),
}


@pytest.mark.parametrize("reason", BAD)
def test_a_bad_frame_is_named_with_the_reason(run: ScriptRun, patient: Path, reason: str) -> None:
    BAD[reason](patient)
    said = run.refusal()
    assert said.startswith(f"{FIRST} is not converted, ") and reason in said


def rename(old: str, new: str) -> Callable[[Path], object]:
    return lambda folder: (folder / f"{old}.nii.gz").rename(folder / f"{new}.nii.gz")


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (
            rename("patient011_frame08", "patient011_frame02"),
            "holds patient011_frame01 and patient011_frame02, expected patient011_frame01 and "
            "patient011_frame08: restore",
        ),
        (lambda folder: (folder / "patient011_frame01.nii.gz").unlink(), "expected patient011_fr"),
        (
            lambda folder: (folder / "patient011_frame01.nii").write_bytes(b"again"),
            "patient011_frame01 is there twice, ",
        ),
    ],
)
def test_frames_that_are_not_the_challenges_are_refused(
    run: ScriptRun, patient: Path, spoil: Callable[[Path], object], sentence: str
) -> None:
    spoil(patient)
    assert sentence in run.refusal()


def test_a_patient_of_the_lists_that_is_not_there_is_named(run: ScriptRun) -> None:
    for name in PATIENTS[:3]:
        write_patient(run.download, name)
    assert run.refusal().startswith(f"{TEST} of the split is not among the 3 cases found")


@pytest.mark.usefixtures("patient")
def test_a_frame_in_the_list_of_labeled_patients_is_refused(run: ScriptRun) -> None:
    (run.root / "labeled.txt").write_text(FIRST)
    said = run.refusal(labeled=str(run.root / "labeled.txt"))
    assert said.startswith(f"--labeled names {FIRST}, which is not in the training list")


def test_a_folder_of_something_else_is_refused(run: ScriptRun) -> None:
    (run.download / "patient001").mkdir(parents=True)
    (run.download / "patient001" / "patient001_4d.nii.gz").write_bytes(b"")
    assert "expected files patientXXX_frameYY.nii.gz" in run.refusal()
