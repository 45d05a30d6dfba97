"""Bad downloads of the left atrium get a sentence each, and nothing is half written."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from dataset_conversion.Dataset501_LeftAtrium import LEFT_ATRIUM
from tests.left_atrium_download import (
    IDS,
    LABELED,
    LISTS,
    TEST,
    UNLABELED,
    atrium,
    scan,
    write_h5,
    write_nrrd,
    write_raw,
)
from tests.script_run import MakeScriptRun, ScriptRun, cut_off

pytestmark = pytest.mark.unit


@pytest.fixture
def run(script_run: MakeScriptRun) -> ScriptRun:
    return script_run(LEFT_ATRIUM, LISTS)


def write_archive(file: Path, method: int) -> None:
    """Method 9, Deflate64, is 10 bytes into the entry of the central directory (PK 1 2)."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("Training Set/Unet.py", "import keras")
    content = bytearray(file.read_bytes())
    content[content.index(b"PK\x01\x02") + 10] = method
    file.write_bytes(content)


FLIPPED = "(-1,0,0) (0,1,0) (0,0,1)"
COARSE = "(1,0,0) (0,1,0) (0,0,2.5)"
BAD_RAW = {
    "it has no label": lambda case: (case / "laendo.nrrd").unlink(),
    "the mask holds [0, 2, 255], expected 0 and 255": lambda case: write_nrrd(
        case / "laendo.nrrd", np.where(scan() == 5, 2, atrium() * 255)
    ),
    "the image has (12, 10, 8) voxels, its label (11, 10, 8)": lambda case: write_nrrd(
        case / "laendo.nrrd", atrium()[1:] * 255
    ),
    "the label is empty": lambda case: write_nrrd(case / "laendo.nrrd", atrium() * 0),
    "lgemri.nrrd cannot be read: it is cut off": lambda case: cut_off(case / "lgemri.nrrd"),
    "laendo.nrrd cannot be read: it is cut off": lambda case: cut_off(case / "laendo.nrrd"),
    "its mask (-1.0, 0.0, 0.0": lambda case: write_nrrd(
        case / "laendo.nrrd", atrium() * 255, directions=FLIPPED
    ),
    "lgemri.nrrd states a spacing of (1.0, 1.0, 2.5)": lambda case: write_nrrd(
        case / "lgemri.nrrd", scan(), directions=COARSE
    ),
}


@pytest.mark.parametrize("reason", BAD_RAW)
def test_a_bad_case_is_named_with_the_reason_and_mended_without_starting_anew(
    run: ScriptRun, reason: str
) -> None:
    for case in IDS:
        write_raw(run.download, case)
    BAD_RAW[reason](run.download / TEST)
    said = run.refusal()
    assert said.startswith(f"{TEST} is not converted, ") and reason in said
    assert f"mend {run.download / TEST / 'lgemri.nrrd'}" in said
    write_raw(run.download, TEST)
    assert run.convert() == 0


def test_a_bad_h5_file_is_named(run: ScriptRun) -> None:
    for case in IDS:
        write_h5(run.download, case)
    with h5py.File(run.download / TEST / "mri_norm2.h5", "a") as file:
        del file["label"]
    assert f"{TEST} is not converted, " in run.refusal()
    cut_off(run.download / TEST / "mri_norm2.h5")
    assert "truncated file" in run.refusal()


def test_h5_without_its_reader_says_what_to_install(run: ScriptRun) -> None:
    write_h5(run.download, LABELED)
    run.monkeypatch.setitem(sys.modules, "h5py", None)
    assert "pip install h5py" in run.refusal()


def test_a_scan_of_the_lists_that_is_not_there_is_named(run: ScriptRun) -> None:
    for case in (LABELED, UNLABELED):
        write_raw(run.download, case)
    assert run.refusal().startswith(f"{TEST} of the split is not among the 2 cases found")


def test_an_unknown_scan_in_the_list_file_is_named(run: ScriptRun) -> None:
    for case in IDS:
        write_raw(run.download, case)
    (run.root / "labeled.txt").write_text(TEST, encoding="utf-8")
    said = run.refusal(labeled=str(run.root / "labeled.txt"))
    assert said.startswith(f"--labeled names {TEST}, which is not in the training list")


def test_a_folder_of_something_else_is_refused(run: ScriptRun) -> None:
    run.download.mkdir()
    assert "expected folders ID with lgemri.nrrd and laendo.nrrd" in run.refusal()


@pytest.mark.parametrize(("method", "hint"), [(8, False), (9, True)])
def test_the_archive_itself_is_refused_with_what_unpacks_it(
    run: ScriptRun, method: int, hint: bool
) -> None:
    write_archive(run.download, method)
    said = run.refusal()
    assert "is a zip archive: unpack it" in said and ("7-Zip" in said) == hint


@pytest.mark.parametrize(("method", "hint"), [(8, False), (9, True)])
def test_the_archive_in_an_otherwise_empty_folder_is_named(
    run: ScriptRun, method: int, hint: bool
) -> None:
    run.download.mkdir()
    file = run.download / "2018_UTAH_MICCAI.zip"
    write_archive(file, method)
    said = run.refusal()
    assert said.startswith(f"No case was found below {run.download}, but {file}: unpack it")
    assert ("7-Zip" in said) == hint


def test_a_seed_is_no_option_where_nothing_is_drawn(run: ScriptRun) -> None:
    with pytest.raises(SystemExit):
        run.convert("--seed", "1")
    assert "unrecognized arguments: --seed" in run.capsys.readouterr().err


def test_a_download_that_lies_there_twice_is_refused(run: ScriptRun) -> None:
    for case in IDS:
        write_raw(run.download / "Training Set", case)
    write_raw(run.download / "copy", TEST)
    assert run.refusal().startswith(f"{TEST} is there twice, ")
