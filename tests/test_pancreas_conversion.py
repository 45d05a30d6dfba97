"""Pancreas-CT becomes what lies where in the patient, whichever form the download has."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import nibabel
import numpy as np
import pytest
from nnunetv2.preprocessing.normalization.default_normalization_schemes import (
    CTNormalization,
    ZScoreNormalization,
)
from nnunetv2.preprocessing.normalization.map_channel_name_to_normalization import (
    get_normalization_scheme,
)

from dataset_conversion.Dataset502_PancreasCT import PANCREAS
from nnunetv2_ducisc.raw_dataset.downloads.split import published
from tests.pancreas_download import (
    ORIGIN,
    SPACING,
    pancreas,
    scan,
    write_converted,
    write_dicom,
    write_label,
)
from tests.script_run import MakeScriptRun, ScriptRun

pytestmark = pytest.mark.unit

LABELED, UNLABELED, TEST = CASES = ("image0001", "image0002", "image0003")
LAYOUTS = {
    "current": "manifest-1/Pancreas-CT/PANCREAS_{0:04d}/11-24-2015-PANCREAS{0:04d}-Pancreas-1/x",
    "2016": "DOI/PANCREAS_{0:04d}/1.2.826.0.1/1.2.826.0.2",
    "by the tag": "1.2.826.{0}",
}
FLAT_AFFINE = np.diag([-SPACING[0], -SPACING[1], SPACING[2], 1.0])  # LPS in NIfTI's RAS
FLAT_AFFINE[:3, 3] = (-ORIGIN[0], -ORIGIN[1], ORIGIN[2])


@pytest.fixture
def run(script_run: MakeScriptRun) -> ScriptRun:
    return script_run(PANCREAS, {"train": [LABELED, UNLABELED], "test": [TEST]})


def labels(run: ScriptRun) -> Path:
    return run.root / "labels"


def write_cases(run: ScriptRun, layout: str = "current") -> None:
    for number in (1, 2, 3):
        write_dicom(run.download / LAYOUTS[layout].format(number), number)
        write_label(labels(run), number)


def convert(run: ScriptRun, *options: str, **arguments: object) -> int:
    return run.convert("-l", str(labels(run)), *options, **arguments)


def check_written(run: ScriptRun, case: str = LABELED, truth: np.ndarray | None = None) -> None:
    """Array and millimetres are the truth's, and the label marks just the bright voxels."""
    image, label = run.written(case)
    assert image.get_data_dtype() == np.int16 and label.get_data_dtype() == np.uint8
    np.testing.assert_array_equal(image.dataobj, scan() if truth is None else truth)
    np.testing.assert_array_equal(label.dataobj, pancreas())
    for file in (image, label):
        np.testing.assert_allclose(file.affine, FLAT_AFFINE, atol=1e-5)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("reverse", [False, True])
def test_every_layout_of_the_archive_gives_what_lies_in_the_patient(
    run: ScriptRun, layout: str, reverse: bool
) -> None:
    """And so it does whichever way InstanceNumber runs."""
    for number in (1, 2, 3):
        folder = run.download / LAYOUTS[layout].format(number)
        tags = {} if layout == "by the tag" else {"patient": "anonymous"}
        write_dicom(folder, number, reverse_numbers=reverse, **tags)
        write_label(labels(run), number, ending=".nii" if number == 2 else ".nii.gz")
    (run.download / "LICENSE").touch()
    assert convert(run) == 0
    for case in CASES:
        check_written(run, case)
    assert [run.cases(part) for part in ("Tr", "Un", "Ts")] == [[case] for case in CASES]
    record = run.json("conversion")
    assert record["version"] == "DICOM"
    names = record["cases"][LABELED]["files"]
    assert len(names) == 8 + 1 and names["label0001.nii.gz"]["sha256"]


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
def test_converted_images_in_another_orientation_are_turned(run: ScriptRun, ending: str) -> None:
    """Floats that are whole but for rounding are whole again."""
    for number in (1, 2, 3):
        write_converted(run.download, number, scan() - 1e-4, ending)
        write_label(labels(run), number, kind=np.float64)
    assert convert(run) == 0
    check_written(run)
    assert run.json("conversion")["version"] == "converted images"


def test_a_number_in_the_path_of_the_download_is_no_case(run: ScriptRun) -> None:
    elsewhere = run.root / "PANCREAS_0077"
    for number in (1, 2, 3):
        write_dicom(elsewhere / f"1.2.826.{number}", number)
        write_label(labels(run), number)
    assert convert(run, "-i", str(elsewhere)) == 0


def test_slope_and_intercept_give_hounsfield_units(run: ScriptRun) -> None:
    write_cases(run)
    even = scan() // 2 * 2
    write_dicom(run.download / LAYOUTS["current"].format(1), 1, even, _0028_1053="2")
    assert convert(run) == 0
    check_written(run, truth=even)


@pytest.mark.parametrize(
    ("variant", "split", "withdrawn", "parts"),
    [
        (None, "published", (), (12, 50, 20)),
        (None, "published", (25, 70), (11, 50, 19)),
        ("alternative_80_case_ccnet", "ccnet", (25, 70), (12, 48, 20)),
        ("alternative_80_case_coranet", "coranet", (25, 70), (12, 50, 18)),
    ],
)
def test_published_lists_are_followed_with_80_scans_and_with_82(
    run: ScriptRun, variant: str | None, split: str, withdrawn: tuple[int, ...], parts: tuple
) -> None:
    """0070 is among the first 12 of the published list, 0025 among its 20 test cases."""
    run.download.mkdir()
    labels(run).mkdir()
    for number in range(1, 83):
        if number not in withdrawn:
            (run.download / f"PANCREAS_{number:04d}.nii.gz").touch()
        (labels(run) / f"label{number:04d}.nii.gz").touch()
    assert convert(run, "--dry-run", "--split", split, labeled="12", published=True) == 0
    files = [Path(line) for line in run.capsys.readouterr().out.splitlines()]
    counts = Counter(file.parent.name for file in files)
    assert tuple(counts[f"images{part}"] for part in ("Tr", "Un", "Ts")) == parts
    labeled = [file.name[:9] for file in files if file.parent.name == "labelsTr"]
    gone = {f"image{number:04d}" for number in withdrawn}
    assert labeled == sorted(set(published("pancreas", variant).train[:12]) - gone)


def test_a_withdrawn_scan_is_left_out_with_a_warning(run: ScriptRun) -> None:
    """Its empty folder may be there, and its label is."""
    run.lists["test"].append("image0025")
    run.split_file.write_text(json.dumps(run.lists), encoding="utf-8")
    write_cases(run)
    write_label(labels(run), 25)
    (run.download / "manifest-1" / "Pancreas-CT" / "PANCREAS_0025" / "1").mkdir(parents=True)
    assert convert(run) == 0
    assert run.cases("Ts") == [TEST]
    warnings = run.json("conversion")["warnings"]
    assert "image0025 of the split is withdrawn by the provider: left out" in warnings


def test_copies_of_a_scan_are_warned_of(run: ScriptRun) -> None:
    write_cases(run)
    write_dicom(run.download / "PANCREAS_0070", 70)
    assert convert(run) == 0
    of_number, of_copy, *_ = run.json("conversion")["warnings"]
    assert of_number.startswith("4 scans were found, known are 80 or 82")
    assert of_copy.startswith("image0070 is the scan of image0002")


def test_scans_unlike_the_known_ones_are_warned_of(run: ScriptRun) -> None:
    """8 slices of 0.7 x 0.9 x 1.5 mm, 3 of them with label: z 1 to 3."""
    write_cases(run)
    write_dicom(run.download / LAYOUTS["current"].format(1), 1, np.where(pancreas(), 60, 3072))
    assert convert(run) == 0
    warnings = run.json("conversion")["warnings"]
    for phrase in (
        "a size along z of 8 voxels, known are 181 to 466 voxels",
        "a spacing along z of 1.5 mm, known are 0.5 to 1 mm",
        "a label of 3 slices, known are 46 to 145 slices",
        "a highest value of 3072, known are -2048 to 3071",
    ):
        assert f"{LABELED} has {phrase}: look at it" in warnings
    assert not any("along x of 0.7" in warning for warning in warnings)
    assert not any("lowest" in warning for warning in warnings)


def test_files_without_an_ending_and_endings_in_capitals_are_found(run: ScriptRun) -> None:
    write_cases(run)
    for number in (1, 2, 3):
        folder = run.download / LAYOUTS["current"].format(number)
        for file in folder.iterdir():
            file.rename(file.with_suffix(""))
        (folder / "DICOMDIR").write_bytes(bytes(128) + b"DICM")
        label = labels(run) / f"label{number:04d}.nii.gz"
        label.rename(label.with_name(label.name.upper()))
    assert convert(run) == 0
    check_written(run)


def test_a_converted_image_in_capitals_is_found(run: ScriptRun) -> None:
    for number in (1, 2, 3):
        write_converted(run.download, number, scan(), ".NII.GZ" if number == 1 else ".nii")
        write_label(labels(run), number)
    assert convert(run) == 0
    check_written(run)


def test_an_unlabeled_case_needs_no_label_where_none_is_written(run: ScriptRun) -> None:
    write_cases(run)
    (labels(run) / "label0002.nii.gz").unlink()
    assert convert(run, "--no-withheld-labels") == 0
    assert not (run.dataset / "labelsUn").exists()
    image = nibabel.load(run.dataset / "imagesUn" / f"{UNLABELED}_0000.nii.gz")
    np.testing.assert_array_equal(image.dataobj, scan())


def test_whole_scans_get_the_normalization_of_ct_and_windowed_ones_a_z_score() -> None:
    channels = {name: protocol.channel for name, protocol in PANCREAS.protocols.items()}
    assert next(iter(channels)) == "whole"
    assert get_normalization_scheme(channels["whole"]) is CTNormalization
    assert get_normalization_scheme(channels["published"]) is ZScoreNormalization
