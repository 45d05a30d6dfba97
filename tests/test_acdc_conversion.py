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
    LABELED,
    LISTS,
    PATIENTS,
    QFORM,
    TEST,
    UNLABELED,
    VALIDATION,
    classes,
    frames,
    heart,
    nifti,
    slices,
    unpack,
    unpack_into_folders,
    write_patient,
)
from tests.script_run import MakeScriptRun, ScriptRun

pytestmark = pytest.mark.unit


@pytest.fixture
def run(script_run: MakeScriptRun) -> ScriptRun:
    return script_run(ACDC, LISTS)


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


def test_the_record_says_which_frame_shows_which_end_of_the_cycle(
    run: ScriptRun, patient: Path
) -> None:
    """Info.cfg writes numbers without zeros; a patient without that file has no facts."""
    (patient / "Info.cfg").unlink()
    unpack_into_folders(run.download)
    assert run.convert() == 0
    cases = run.json("conversion")["cases"]
    first, second = (cases[frame] for frame in frames(UNLABELED))
    assert (first["group"], first["phase"]) == ("DCM", "ED")
    assert (second["group"], second["phase"]) == ("DCM", "ES")
    assert any(name.endswith("Info.cfg") for name in first["files"])
    assert "phase" not in cases[frames(TEST)[0]]


@pytest.mark.usefixtures("patient")
def test_the_terms_and_the_citation_are_written_out(run: ScriptRun) -> None:
    assert run.convert() == 0
    written = run.json("dataset")
    assert written["licence"] == "CC BY-NC-SA 4.0"
    assert "Bernard et al." in written["reference"] and written["citation"] == written["reference"]


@pytest.mark.usefixtures("patient")
def test_names_in_capitals_are_found(run: ScriptRun) -> None:
    for file in list(run.download.rglob("patient099_frame*")):
        file.rename(file.with_name(file.name.upper()))
    assert run.convert() == 0
    assert run.cases("Tr") == [*frames(VALIDATION), *frames(LABELED)]


def test_slices_unlike_the_challenges_are_warned_of(run: ScriptRun, patient: Path) -> None:
    image = nifti(heart(slices(TEST)), qform=None, spacing=(1.25, 1.5, 12))
    nibabel.save(image, patient / f"{frames(TEST)[0]}.nii.gz")
    assert run.convert() == 0
    warnings = run.json("conversion")["warnings"]
    expected = f"{frames(TEST)[0]} has a spacing along z of 12 mm, known are 5 to 10 mm: look at it"
    assert "4 patients were found, known are 100 or 150: see whether some are missing" in warnings
    assert expected in warnings and len([w for w in warnings if "look at it" in w]) == 1


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
