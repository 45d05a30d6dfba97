"""ToothFairy's arrays keep their order and get the documented spacing, in every release."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from nnunetv2.preprocessing.normalization.default_normalization_schemes import ZScoreNormalization
from nnunetv2.preprocessing.normalization.map_channel_name_to_normalization import (
    get_normalization_scheme,
)

from dataset_conversion.Dataset503_ToothFairy import TOOTHFAIRY
from tests.script_run import MakeScriptRun, ScriptRun
from tests.tooth_fairy_download import (
    canal,
    scan,
    write_maxillo_patient,
    write_npy,
    write_patient,
    write_patient_of_2,
    write_sparse_patient,
)

pytestmark = pytest.mark.unit

LABELED, UNLABELED, TEST = CASES = ("P001", "P020", "P548")


@pytest.fixture
def run(script_run: MakeScriptRun) -> ScriptRun:
    return script_run(TOOTHFAIRY, {"train": [LABELED, UNLABELED], "test": [TEST]})


def dataset_folder(run: ScriptRun) -> Path:
    return run.download / "ToothFairy_Dataset" / "Dataset"


def write_cases(run: ScriptRun, write: Callable[..., None] = write_patient) -> None:
    for patient in ("P1", "P20", "P548"):
        write(dataset_folder(run), patient)


def check_written(run: ScriptRun, case: str = LABELED) -> None:
    """Identity in ITK's axes is diag(-1, -1, 1) in NIfTI's, times 0.3 mm; the origin is 0."""
    image, label = run.written(case)
    assert image.get_data_dtype() == np.int16 and label.get_data_dtype() == np.uint8
    for file in (image, label):
        np.testing.assert_allclose(file.affine, np.diag([-0.3, -0.3, 0.3, 1]), atol=1e-6)
    np.testing.assert_array_equal(image.dataobj, scan().transpose(2, 1, 0))
    np.testing.assert_array_equal(label.dataobj, canal().transpose(2, 1, 0))


@pytest.mark.parametrize(
    ("write", "version"), [(write_patient, "ToothFairy"), (write_maxillo_patient, "Maxillo")]
)
def test_arrays_in_z_y_x_keep_their_order_at_0_3_mm(
    run: ScriptRun, write: Callable[..., None], version: str
) -> None:
    """Neither the sparse label nor a derived one is taken for the dense one."""
    write_cases(run, write)
    assert run.convert() == 0
    for case in CASES:
        check_written(run, case)
    assert [run.cases(part) for part in ("Tr", "Un", "Ts")] == [[case] for case in CASES]
    record = run.json("conversion")
    assert record["version"] == version
    assert sum("/P20/" in name for name in record["cases"]["P020"]["files"]) == 2


def test_the_image_beside_a_dense_label_goes_before_the_one_in_the_other_tree(
    run: ScriptRun,
) -> None:
    write_cases(run, write_maxillo_patient)
    other = dataset_folder(run) / "SPARSE" / "P1" / "data.npy"
    other.rename(dataset_folder(run) / "DENSE" / "P1" / "data.npy")
    write_npy(other, scan()[::-1])
    assert run.convert() == 0
    check_written(run)


@pytest.mark.parametrize("spacing", [0.3, 1.0])
def test_the_two_canals_of_toothfairy2_are_one_class(run: ScriptRun, spacing: float) -> None:
    """A spacing of 1 mm is a placeholder; images may be whole numbers stored as doubles."""
    run.lists.update(train=["P001", "P020"], test=["F001"])
    run.split_file.write_text(json.dumps(run.lists), encoding="utf-8")
    for name in ("P_001", "P_020", "F_001"):
        write_patient_of_2(run.download / "Dataset112_ToothFairy2", name, spacing)
    assert run.convert() == 0
    for case in ("P001", "P020", "F001"):
        check_written(run, case)
    assert run.json("conversion")["version"] == "ToothFairy2"


@pytest.mark.parametrize("kind", [np.int32, np.uint16, np.int64, np.float32, np.float64, ">f4"])
def test_whole_numbers_of_any_type_are_written_as_int16(run: ScriptRun, kind: type) -> None:
    write_cases(run)
    values = scan() + (1000 if kind is np.uint16 else 0)
    write_npy(dataset_folder(run) / "P1" / "data.npy", values.astype(kind))
    assert run.convert() == 0
    image, _ = run.written(LABELED)
    assert image.get_data_dtype() == np.int16
    np.testing.assert_array_equal(image.dataobj, values.transpose(2, 1, 0))


@pytest.mark.parametrize(("factor", "shift"), [(0.5, 0), (40, 0), (1, 33000)])
def test_other_numbers_are_written_as_float32(run: ScriptRun, factor: float, shift: int) -> None:
    """Halves; 40 * -1000, below -32768; the highest, 415, + 33000, above 32767."""
    write_cases(run)
    values = scan() * float(factor) + shift
    write_npy(dataset_folder(run) / "P1" / "data.npy", values)
    assert run.convert() == 0
    image, _ = run.written(LABELED)
    assert image.get_data_dtype() == np.float32
    np.testing.assert_array_equal(image.dataobj, values.transpose(2, 1, 0))


def test_a_label_is_what_is_above_0(run: ScriptRun) -> None:
    """The paper's own files hold values below 0, which are background."""
    write_cases(run)
    label = np.where(canal(), 2, -1).astype(np.int16)
    write_npy(dataset_folder(run) / "P1" / "gt_alpha.npy", label)
    assert run.convert() == 0
    check_written(run)


def test_a_label_that_is_not_written_is_not_read(run: ScriptRun) -> None:
    write_cases(run)
    (dataset_folder(run) / "P20" / "gt_alpha.npy").write_text("no array", encoding="utf-8")
    assert run.convert("--no-withheld-labels") == 0
    assert run.cases("Un") == [UNLABELED] and not (run.dataset / "labelsUn").exists()


@pytest.fixture
def download_of_112(run: ScriptRun) -> ScriptRun:
    """112 patients with a dense label, P9 to P120, and one without."""
    for number in range(9, 121):
        write_patient(dataset_folder(run), f"P{number}")
    write_sparse_patient(dataset_folder(run), "P500")
    return run


def listed(run: ScriptRun, *options: str) -> list[list[str]]:
    """The cases of labelsTr, labelsUn and labelsTs in a dry run."""
    assert run.convert("--dry-run", *options, labeled="9", published=True) == 0
    files = [Path(line) for line in run.capsys.readouterr().out.splitlines()]
    folders = ("labelsTr", "labelsUn", "labelsTs")
    return [[file.name[:4] for file in files if file.parent.name == part] for part in folders]


def test_110_scans_are_drawn_90_for_training_and_20_for_test(download_of_112: ScriptRun) -> None:
    """The draw is NumPy's RandomState(7) over the names in the order of their numbers."""
    order = np.random.RandomState(7).permutation(112) + 9
    names = [f"P{number:03d}" for number in order]
    labeled, unlabeled, test = listed(download_of_112, "--seed", "7")
    assert (len(labeled), len(unlabeled), len(test)) == (9, 81, 20)
    assert labeled == sorted(names[:9])
    assert unlabeled == sorted(names[9:90])
    assert test == sorted(names[90:110])


def test_another_seed_draws_other_scans_and_the_same_seed_the_same(
    download_of_112: ScriptRun,
) -> None:
    first, again, default = (
        listed(download_of_112, *options) for options in (["--seed", "0"], ["--seed", "1"], [])
    )
    assert first == default != again


def test_the_draw_is_written_out_with_its_seed(run: ScriptRun) -> None:
    for number in range(1, 111):
        write_patient_of_2(run.download, f"P_{number:03d}")
    assert run.convert("--seed", "3", labeled="18", published=True) == 0
    split = run.json("conversion")["split"]
    assert split["source"].startswith("90 and 20 of 110 scans, drawn with seed 3")
    order = [f"P{number + 1:03d}" for number in np.random.RandomState(3).permutation(110)]
    assert split["labeled"] == order[:18]
    assert split["unlabeled"] == order[18:90] and split["test"] == order[90:]


def test_names_in_capitals_are_found(run: ScriptRun) -> None:
    run.lists.update(train=["P001", "P002"], test=["P003"])
    run.split_file.write_text(json.dumps(run.lists), encoding="utf-8")
    for number in (1, 2, 3):
        write_patient_of_2(run.download, f"P_{number:03d}")
    image = run.download / "imagesTr" / "ToothFairy2P_001_0000.mha"
    image.rename(image.with_suffix(".MHA"))
    assert run.convert() == 0
    check_written(run)


def test_the_organisers_lists_come_from_the_download(run: ScriptRun) -> None:
    """Their validation list is labeled, too, and becomes nnU-Net's only fold."""
    for patient in ("P1", "P2", "P10", "P95", "P37"):
        write_patient(dataset_folder(run), patient)
    lists = {"train": ["P10", "P2", "P1"], "val": ["P95"], "test": ["P37"], "synthetic": ["P500"]}
    (run.download / "ToothFairy_Dataset" / "splits.json").write_text(
        json.dumps(lists), encoding="utf-8"
    )
    assert run.convert("--split", "organisers", labeled="2", published=True) == 0
    assert run.cases("Tr") == ["P002", "P010", "P095"]
    assert run.cases("Un") == ["P001"] and run.cases("Ts") == ["P037"]
    assert run.json("splits_final") == [{"train": ["P010", "P002"], "val": ["P095"]}]


def test_odd_sizes_of_the_canal_and_missing_scans_are_warned_of(run: ScriptRun) -> None:
    """13 voxels of 0.3 mm are 0.000351 ml."""
    write_cases(run)
    assert run.convert() == 0
    warnings = run.json("conversion")["warnings"]
    assert warnings[0].startswith("3 scans of ToothFairy were found, known are 153")
    for phrase in (
        "a label of 0.000351 ml, known are 0.027 to 5.4 ml",
        "a size along x of 12 voxels, known are 312 to 463 voxels",
    ):
        assert all(f"{case} has {phrase}: look at it" in warnings for case in CASES)


def test_all_scans_of_a_release_are_nothing_to_warn_of(tmp_path: Path) -> None:
    for number in range(153):
        write_patient(tmp_path, f"P{number}")
    assert TOOTHFAIRY.find(tmp_path).warnings == ()


def test_scans_get_a_z_score() -> None:
    """No published crop is known, so that there is one protocol."""
    assert list(TOOTHFAIRY.protocols) == ["whole"]
    assert get_normalization_scheme(TOOTHFAIRY.protocols["whole"].channel) is ZScoreNormalization
