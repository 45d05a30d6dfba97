"""Bad downloads of ACDC get a sentence each, and nothing is half written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest

from dataset_conversion.Dataset504_ACDC import ACDC
from tests.acdc_download import (
    LISTS,
    PATIENTS,
    QFORM,
    TEST,
    classes,
    frames,
    heart,
    nifti,
    write_patient,
)
from tests.script_run import MakeScriptRun, ScriptRun, cut_off

pytestmark = pytest.mark.unit


@pytest.fixture
def run(script_run: MakeScriptRun) -> ScriptRun:
    return script_run(ACDC, LISTS)


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
    (run.root / "labeled.txt").write_text(FIRST, encoding="utf-8")
    said = run.refusal(labeled=str(run.root / "labeled.txt"))
    assert said.startswith(f"--labeled names {FIRST}, which is not in the training list")


def test_a_folder_of_something_else_is_refused(run: ScriptRun) -> None:
    (run.download / "patient001").mkdir(parents=True)
    (run.download / "patient001" / "patient001_4d.nii.gz").write_bytes(b"")
    assert "expected files patientXXX_frameYY.nii.gz" in run.refusal()
