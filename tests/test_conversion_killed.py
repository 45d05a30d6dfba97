"""A conversion that dies at the worst moments loses nothing and leaves nothing half written."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

from nnunetv2_ducisc.raw_dataset import staging as staging_module
from nnunetv2_ducisc.raw_dataset.downloads import case_job
from nnunetv2_ducisc.raw_dataset.downloads.folds import ValidationFold
from nnunetv2_ducisc.raw_dataset.downloads.script import main
from nnunetv2_ducisc.raw_dataset.staging import Staging
from tests.toy_download import TOY, write_case, write_download

pytestmark = pytest.mark.unit

CASES_OF_TOY = 6


class DeathError(Exception):
    """Stands in for kill -9: nobody catches it."""


@pytest.fixture
def options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setenv("nnUNet_raw", str(tmp_path / "raw"))
    monkeypatch.setenv("nnUNet_preprocessed", str(tmp_path / "preprocessed"))
    download = write_download(tmp_path / "download")
    return ["-i", str(download), "--labeled", "2", "--split", "plain", "-np", "1"]


def image_of(tmp_path: Path, case: str) -> np.ndarray:
    file = tmp_path / "raw/Dataset777_Toy/imagesUn" / f"{case}_0000.nii.gz"
    return sitk.GetArrayFromImage(sitk.ReadImage(str(file)))


def images(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "raw/Dataset777_Toy").glob("images*/*"))


def test_a_case_that_was_cut_off_while_it_was_written_is_written_again(
    tmp_path: Path, options: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def die_half_way(volume: case_job.Volume, job: case_job.CaseJob) -> None:
        job.image.parent.mkdir(exist_ok=True)
        job.image.write_bytes(b"half")
        raise DeathError

    with monkeypatch.context() as patched, pytest.raises(DeathError):
        patched.setattr(case_job, "_write", die_half_way)
        main(TOY, options)
    assert not (tmp_path / "raw/Dataset777_Toy").exists()
    assert main(TOY, options) == 0
    original = np.load(tmp_path / "download/p3_a.npy").astype(np.float32)
    assert np.array_equal(image_of(tmp_path, "p3_a"), original)


def test_death_between_the_two_renames_of_a_replacement_is_made_good(
    tmp_path: Path, options: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old dataset is away and the new one is whole: the next run puts it into place."""
    main(TOY, options)
    write_case(tmp_path / "download", "p3_a", seed=99)

    def die_in_between(staging: Staging) -> None:
        staging.final.rename(staging.folder / "replaced")
        raise DeathError

    with monkeypatch.context() as patched, pytest.raises(DeathError):
        patched.setattr(Staging, "install", die_in_between)
        main(TOY, [*options, "--overwrite"])
    assert main(TOY, options) == 0
    changed = np.load(tmp_path / "download/p3_a.npy").astype(np.float32)
    assert np.array_equal(image_of(tmp_path, "p3_a"), changed)
    assert [folder.name for folder in (tmp_path / "raw").iterdir()] == ["Dataset777_Toy"]


@pytest.mark.parametrize("removed", [[], ["replaced"], ["replaced", "dataset", "recipe.json"]])
def test_death_while_the_replaced_dataset_is_removed_is_made_good(
    tmp_path: Path, options: list[str], monkeypatch: pytest.MonkeyPatch, removed: list[str]
) -> None:
    """The new dataset is in its place; what is left of the old one and its records count nothing.

    Another --overwrite once took the records for work that was done, and put an empty dataset
    into place; and where the old one was left, it could not be moved over it.
    """
    main(TOY, options)

    def die_on_the_way(folder: Path, **_: object) -> None:
        for name in removed:
            shutil.rmtree(folder / name) if (folder / name).is_dir() else None
            (folder / name).unlink(missing_ok=True)
        raise DeathError

    with monkeypatch.context() as patched, pytest.raises(DeathError):
        patched.setattr(staging_module.shutil, "rmtree", die_on_the_way)
        main(TOY, [*options, "--overwrite"])
    assert len(images(tmp_path)) == CASES_OF_TOY
    assert main(TOY, [*options, "--overwrite"]) == 0
    assert len(images(tmp_path)) == CASES_OF_TOY
    assert [folder.name for folder in (tmp_path / "raw").iterdir()] == ["Dataset777_Toy"]


@pytest.mark.parametrize("name", ["imagesUn/p3_a_0000.nii.gz", "labelsUn/p3_a.nii.gz"])
def test_a_record_of_a_case_whose_files_are_gone_counts_for_nothing(
    tmp_path: Path, options: list[str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def die(staging: Staging) -> None:
        (staging.dataset / name).unlink()
        raise DeathError

    with monkeypatch.context() as patched, pytest.raises(DeathError):
        patched.setattr(Staging, "install", die)
        main(TOY, options)
    assert main(TOY, options) == 0
    assert (tmp_path / "raw/Dataset777_Toy" / name).is_file()


def test_without_its_validation_fold_no_dataset_appears(
    tmp_path: Path, options: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else nnU-Net would draw folds by itself, and train on validation cases."""

    def die(fold: ValidationFold, dataset: Path) -> None:
        raise DeathError

    options = [option.replace("plain", "published") for option in options]
    with monkeypatch.context() as patched, pytest.raises(DeathError):
        patched.setattr(ValidationFold, "write", die)
        main(TOY, options)
    assert not (tmp_path / "raw/Dataset777_Toy").exists()
    assert main(TOY, options) == 0
    assert (tmp_path / "preprocessed/Dataset777_Toy/splits_final.json").is_file()


def test_ctrl_c_says_how_to_go_on(
    options: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    def interrupted(volume: case_job.Volume, job: case_job.CaseJob) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(case_job, "_write", interrupted)
    assert main(TOY, options) == 130
    assert capsys.readouterr().err.endswith("repeat the command to go on, what is done is kept.\n")
