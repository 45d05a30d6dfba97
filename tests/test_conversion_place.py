"""Where a conversion writes: numbers, other datasets, what earlier ones have left, full disks."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import SimpleITK as sitk  # noqa: N813

from nnunetv2_ducisc.raw_dataset.downloads.script import main
from tests.toy_download import CASES, TOY, write_case, write_download

pytestmark = pytest.mark.unit

Convert = Callable[..., int]


@pytest.fixture
def convert(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Convert:
    """Run the script on the toy download, which has no validation list by default."""
    for name in ("raw", "preprocessed", "results"):
        monkeypatch.setenv(f"nnUNet_{name}", str(tmp_path / name))
    download = write_download(tmp_path / "download")

    def run(*options: str, split: str = "plain") -> int:
        lists = ("--split", split)
        return main(TOY, ["-i", str(download), "--labeled", "2", "-np", "1", *lists, *options])

    return run


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    return tmp_path / "raw" / "Dataset777_Toy"


@pytest.fixture
def said(capsys: pytest.CaptureFixture) -> Callable[[], str]:
    """The sentence on stderr, and the commands on stdout, since the last call."""
    return lambda: "\n".join(capsys.readouterr())


def test_conversions_lie_side_by_side_under_numbers_of_their_own(
    convert: Convert, dataset: Path, said: Callable[[], str]
) -> None:
    assert convert() == 0
    assert convert("--to", "7") == 0
    other = dataset.with_name("Dataset007_Toy")
    assert (
        json.loads((other / "dataset.json").read_text(encoding="utf-8"))["name"] == "Dataset007_Toy"
    )
    assert "nnUNetv2_train 7 CONFIGURATION all" in said()
    assert dataset.is_dir()


@pytest.mark.parametrize("folder", ["raw", "preprocessed", "results"])
def test_a_number_that_another_dataset_has_is_refused(
    convert: Convert, tmp_path: Path, said: Callable[[], str], folder: str
) -> None:
    """nnU-Net's commands stop at two names for one number."""
    (tmp_path / folder / "Dataset777_Mine").mkdir(parents=True)
    assert convert("--overwrite") == 1
    assert "Number 777 is taken by Dataset777_Mine: name another with --to." in said()
    assert not (tmp_path / "raw" / "Dataset777_Toy").exists()


@pytest.mark.parametrize("record", [None, "[]", '{"data set": "Another"}', '{"method": "x"}'])
def test_a_dataset_of_that_name_from_elsewhere_is_never_replaced(
    convert: Convert, dataset: Path, said: Callable[[], str], record: str | None
) -> None:
    dataset.mkdir(parents=True)
    if record:
        (dataset / "conversion.json").write_text(record, encoding="utf-8")
    assert convert("--overwrite") == 1
    assert f"{dataset} exists and is not an earlier conversion of Toy" in said()
    assert convert("--overwrite", "--dry-run") == 1


def test_scans_that_were_added_to_it_are_not_deleted(
    convert: Convert, dataset: Path, said: Callable[[], str]
) -> None:
    convert()
    (dataset / "unlabeled_sources.json").write_text("{}", encoding="utf-8")
    assert convert("--overwrite") == 1
    assert "holds scans of ducisc add-unlabeled, which --overwrite would delete" in said()


def test_the_commands_that_come_next_are_those_of_the_lists(
    convert: Convert, said: Callable[[], str]
) -> None:
    """With a validation list "all" would train on it."""
    convert(split="published")
    assert "nnUNetv2_train 777 CONFIGURATION 0 -tr nnUNetTrainerDuCiSC" in said()
    convert("--overwrite")
    assert "nnUNetv2_train 777 CONFIGURATION all -tr nnUNetTrainerDuCiSC" in said()


def test_what_an_earlier_conversion_has_left_preprocessed_is_made_anew(
    convert: Convert, tmp_path: Path, said: Callable[[], str]
) -> None:
    """nnU-Net keeps a fingerprint without --clean, and folds in any case."""
    convert(split="published")
    folds = tmp_path / "preprocessed" / "Dataset777_Toy" / "splits_final.json"
    printed = said()
    assert "--clean" not in printed and "rm " not in printed
    folds.with_name("dataset_fingerprint.json").write_text("{}", encoding="utf-8")
    folds.write_text("cut of", encoding="utf-8")
    convert("--overwrite")
    printed = said()
    assert "nnUNetv2_plan_and_preprocess -d 777 --verify_dataset_integrity --clean" in printed
    assert f"rm {folds} " in printed


def test_a_dry_run_tells_what_is_odd_and_what_would_be_refused(
    convert: Convert, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    """Beside the list of files, which other programs may read."""
    write_case(tmp_path / "download", "stranger")
    assert convert("--dry-run") == 0
    printed = capsys.readouterr()
    assert printed.err == "Warning: 1 case(s) are in no list and left out: stranger.\n"
    assert all(line.startswith("/") for line in printed.out.splitlines())
    convert()
    capsys.readouterr()
    assert convert("--dry-run") == 1
    printed = capsys.readouterr()
    assert "is an earlier conversion of Toy" in printed.err and not printed.out


def test_a_full_disk_is_told_once_and_not_as_a_fault_of_the_case(
    convert: Convert, dataset: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    """SimpleITK writes as much as there is room for, and raises nothing."""

    def write_as_much_as_there_is_room(image: sitk.Image, file: str, **options: bool) -> None:
        original(image, file, **options)
        Path(file).write_bytes(Path(file).read_bytes()[:-12])

    original = sitk.WriteImage
    with monkeypatch.context() as patched:
        patched.setattr(sitk, "WriteImage", write_as_much_as_there_is_room)
        assert convert() == 1
    assert not dataset.exists()
    (sentence,) = (line for line in capsys.readouterr().err.splitlines() if line.endswith("."))
    assert f"{CASES[0]}_0000.nii.gz cannot be written (it is cut off" in sentence
    assert "mend" not in sentence and "disk's space" in sentence
    assert convert() == 0


def test_a_folder_that_cannot_be_written_is_told_in_a_sentence(
    convert: Convert, tmp_path: Path, said: Callable[[], str]
) -> None:
    (tmp_path / "raw").write_text("", encoding="utf-8")
    assert convert() == 1
    assert "cannot be written (Not a directory)" in said()


def test_a_place_for_folds_that_cannot_be_written_leaves_no_dataset(
    convert: Convert, tmp_path: Path, dataset: Path, said: Callable[[], str]
) -> None:
    (tmp_path / "preprocessed").write_text("", encoding="utf-8")
    assert convert(split="published") == 1
    assert "cannot be written" in said() and not dataset.exists()
