"""A conversion that dies at the worst moments loses nothing and leaves nothing half written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

from nnunetv2_ducisc.raw_dataset.downloads import case_job
from nnunetv2_ducisc.raw_dataset.downloads.script import main
from nnunetv2_ducisc.raw_dataset.staging import Staging
from tests.toy_download import TOY, write_case, write_download

pytestmark = pytest.mark.unit


class DeathError(Exception):
    """Stands in for kill -9: nobody catches it."""


@pytest.fixture
def options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setenv("nnUNet_raw", str(tmp_path / "raw"))
    download = write_download(tmp_path / "download")
    return ["-i", str(download), "--labeled", "2", "--split", "plain", "-np", "1"]


def image_of(tmp_path: Path, case: str) -> np.ndarray:
    file = tmp_path / "raw/Dataset777_Toy/imagesUn" / f"{case}_0000.nii.gz"
    return sitk.GetArrayFromImage(sitk.ReadImage(str(file)))


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
