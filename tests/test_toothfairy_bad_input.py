"""What is wrong with a ToothFairy download is said in one sentence, and nothing is written."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from dataset_conversion.Dataset503_ToothFairy import TOOTHFAIRY
from tests.script_run import MakeScriptRun, ScriptRun, cut_off
from tests.tooth_fairy_download import (
    canal,
    classes,
    scan,
    write_maxillo_patient,
    write_mha,
    write_npy,
    write_patient,
    write_patient_of_2,
    write_sparse_patient,
)

pytestmark = pytest.mark.unit

LISTS = {"train": ["P001"], "test": ["P002"]}


@pytest.fixture
def run(script_run: MakeScriptRun) -> ScriptRun:
    """A sound download of ToothFairy with two cases, of which each test spoils the first."""
    run = script_run(TOOTHFAIRY, LISTS)
    write_patient(run.download, "P1")
    write_patient(run.download, "P2")
    return run


@pytest.fixture
def run_of_2(script_run: MakeScriptRun) -> ScriptRun:
    """The same of ToothFairy2."""
    run = script_run(TOOTHFAIRY, LISTS)
    write_patient_of_2(run.download, "P_001")
    write_patient_of_2(run.download, "P_002")
    return run


def refusal_of_the_case(run: ScriptRun) -> str:
    sentence = run.refusal()
    assert sentence.startswith("P001 is not converted, ")
    return sentence.removeprefix("P001 is not converted, ").partition(": mend ")[0]


def label_of_2(run: ScriptRun) -> Path:
    return run.download / "labelsTr" / "ToothFairy2P_001.mha"


def test_the_downloads_are_sound_before_they_are_spoilt(
    run: ScriptRun, run_of_2: ScriptRun
) -> None:
    assert run.convert() == 0
    assert run_of_2.convert("--overwrite") == 0


@pytest.mark.parametrize("name", ["data.npy", "gt_alpha.npy"])
@pytest.mark.parametrize("content", ["cut off", "empty", "text"])
def test_an_array_that_cannot_be_read_is_refused(run: ScriptRun, name: str, content: str) -> None:
    file = run.download / "P1" / name
    if content == "cut off":
        cut_off(file)
    else:
        file.write_bytes(b"" if content == "empty" else b"no array")
    assert refusal_of_the_case(run).startswith(f"{name} is truncated or no array (")


def test_an_array_of_objects_is_not_unpickled(run: ScriptRun) -> None:
    np.save(run.download / "P1" / "data.npy", np.array([None]), allow_pickle=True)
    assert refusal_of_the_case(run).startswith("data.npy is truncated or no array (ValueError")


def test_an_array_of_four_axes_is_refused_with_its_shape(run: ScriptRun) -> None:
    write_npy(run.download / "P1" / "data.npy", scan()[None])
    assert refusal_of_the_case(run) == "data.npy has shape (1, 8, 10, 12), expected 3 axes z, y, x"


@pytest.mark.parametrize("label", [canal()[1:], canal().transpose(0, 2, 1)])
def test_a_label_of_another_shape_is_refused(run: ScriptRun, label: np.ndarray) -> None:
    write_npy(run.download / "P1" / "gt_alpha.npy", label)
    reason = refusal_of_the_case(run)
    assert reason == f"the image has (12, 10, 8) voxels, its label {label.shape[::-1]}"


def test_an_empty_label_is_refused(run: ScriptRun) -> None:
    write_npy(run.download / "P1" / "gt_alpha.npy", 0 * canal())
    assert refusal_of_the_case(run) == "the label is empty"


def test_nan_in_an_image_is_refused(run: ScriptRun) -> None:
    image = scan().astype(np.float32)
    image[3, 1, 2] = np.nan
    write_npy(run.download / "P1" / "data.npy", image)
    assert refusal_of_the_case(run) == "the image holds NaN or infinite values"


def test_a_folder_without_a_dense_label_is_no_case(run: ScriptRun) -> None:
    (run.download / "P2" / "gt_alpha.npy").unlink()
    assert run.refusal().startswith("P002 of the split is not among the 1 cases found")


def test_the_downloads_own_names_are_answered_with_those_that_are_meant(run: ScriptRun) -> None:
    run.split_file.write_text(json.dumps({"train": ["P1"], "test": ["P2"]}), encoding="utf-8")
    said = run.refusal()
    assert "not among the 2 cases found" in said and "which are called like P001" in said


@pytest.mark.parametrize("options", [("--split-file", "lists.json"), ("--split", "organisers")])
def test_a_seed_is_refused_where_nothing_is_drawn(run: ScriptRun, options: tuple[str, str]) -> None:
    said = run.refusal("--seed", "1", *options, published=True)
    assert said == "--seed is of a drawn split, but the lists are given: leave it out."


def test_a_split_and_a_file_of_lists_exclude_each_other(run: ScriptRun) -> None:
    with pytest.raises(SystemExit):
        run.convert("--split", "drawn")
    assert "not allowed with argument" in run.capsys.readouterr().err


def test_a_download_of_sparse_labels_alone_holds_no_case(run: ScriptRun) -> None:
    for patient in ("P1", "P2"):
        (run.download / patient / "gt_alpha.npy").unlink()
    write_sparse_patient(run.download, "P3")
    assert "expected folders P1 with data.npy and gt_alpha.npy" in run.refusal()


def test_a_dense_label_without_an_image_is_refused(run: ScriptRun) -> None:
    (run.download / "P1" / "data.npy").unlink()
    sentence = run.refusal()
    assert sentence.startswith(
        f"{run.download / 'P1' / 'gt_alpha.npy'} belongs to 0 files data.npy"
    )


def test_two_releases_in_one_folder_are_refused(run: ScriptRun) -> None:
    write_maxillo_patient(run.download / "IAN_Maxillo", "P1")
    assert "belongs to 2 files data.npy" in run.refusal()


def test_a_patient_that_is_there_twice_is_refused(run: ScriptRun) -> None:
    write_patient(run.download / "copy", "P1")
    sentence = run.refusal()
    assert sentence.startswith("P001 is there twice, ")
    images = [run.download / "P1" / "data.npy", run.download / "copy" / "P1" / "data.npy"]
    assert all(str(image) in sentence for image in images)


def test_a_copy_is_refused_before_anything_is_drawn(run: ScriptRun) -> None:
    for number in range(3, 111):
        write_patient(run.download, f"P{number}")
    write_patient(run.download / "copy", "P1")
    assert run.refusal(labeled="9", published=True).startswith("P001 is there twice, ")


def test_a_folder_with_another_name_is_refused(run: ScriptRun) -> None:
    write_patient(run.download, "patient1")
    assert run.refusal().startswith("'patient1' is no patient of ToothFairy: expected P1")


def test_fewer_than_110_dense_labels_are_too_few_for_the_draw(run: ScriptRun) -> None:
    for number in range(3, 110):
        write_patient(run.download, f"P{number}")
    write_sparse_patient(run.download, "P110")
    sentence = run.refusal(labeled="9", published=True)
    assert sentence.startswith("109 scans with a dense label lie below")
    assert "110 cannot be drawn" in sentence and "--split-file" in sentence


@pytest.mark.parametrize("number", [0, 2])
def test_the_organisers_lists_have_to_be_there_once(run: ScriptRun, number: int) -> None:
    for index in range(number):
        folder = run.download / str(index)
        folder.mkdir()
        (folder / "splits.json").write_text("{}", encoding="utf-8")
    sentence = run.refusal("--split", "organisers", published=True)
    assert sentence.startswith(f"{number} files splits.json lie below {run.download}")


def test_lists_that_are_not_the_organisers_are_refused(run: ScriptRun) -> None:
    file = run.download / "splits.json"
    file.write_text(json.dumps({"train": ["P1"]}), encoding="utf-8")
    assert run.refusal("--split", "organisers", published=True).startswith(f"{file} is not a split")
    file.write_text(json.dumps({"train": ["1"], "test": ["P2"]}), encoding="utf-8")
    assert "'1' is no patient" in run.refusal("--split", "organisers", published=True)


def test_a_label_of_toothfairy2_that_is_not_there_is_refused(run_of_2: ScriptRun) -> None:
    label_of_2(run_of_2).unlink()
    assert refusal_of_the_case(run_of_2) == "it has no label"


@pytest.mark.parametrize("value", [49, -1])
def test_a_class_that_toothfairy2_does_not_have_is_refused(run_of_2: ScriptRun, value: int) -> None:
    label = classes().astype(np.int16)
    label[7, 0, 0] = value
    write_mha(label_of_2(run_of_2), label)
    low, high = min(value, 0), max(value, 48)
    assert refusal_of_the_case(run_of_2) == (
        f"the label holds values from {low} to {high}, expected 0 to 48 of ToothFairy2"
    )


def test_a_truncated_mha_is_refused(run_of_2: ScriptRun) -> None:
    cut_off(label_of_2(run_of_2))
    assert refusal_of_the_case(run_of_2) == "ToothFairy2P_001.mha is truncated or no MHA file"


def test_another_spacing_is_refused_with_its_numbers(run_of_2: ScriptRun) -> None:
    write_mha(label_of_2(run_of_2), classes(), spacing=0.4)
    assert refusal_of_the_case(run_of_2) == (
        "the header of ToothFairy2P_001.mha states a spacing of (0.4, 0.4, 0.4), expected 0.3 or "
        "the placeholder 1"
    )


def test_a_label_that_is_turned_is_refused(run_of_2: ScriptRun) -> None:
    write_mha(label_of_2(run_of_2), classes(), degrees=5)
    assert refusal_of_the_case(run_of_2).startswith("the image has direction (1.0, 0.0, 0.0")


def test_a_patient_of_toothfairy2_that_is_there_twice_is_refused(run_of_2: ScriptRun) -> None:
    write_patient_of_2(run_of_2.download / "copy", "P_001")
    assert run_of_2.refusal().startswith("P001 is there twice, ")
