"""``ducisc add-unlabeled`` on a disk that does not take everything."""

import shutil
from pathlib import Path

import pytest
import SimpleITK

from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.raw_dataset import image_file, links
from nnunetv2_ducisc.raw_dataset.adding import unlabeled_folder
from tests.adding import Adding

pytestmark = pytest.mark.unit


def half_a_file(image: SimpleITK.Image, name: str, useCompression: bool) -> None:  # noqa: N803
    """As SimpleITK leaves a NIfTI file on a full disk, without a word."""
    whole = Path(name).with_name(f"whole{Path(name).name}")
    SimpleITK.WriteImage(image, str(whole), useCompression)
    Path(name).write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    whole.unlink()


class HalfWriter:
    WriteImage = staticmethod(half_a_file)


def test_a_converted_file_that_is_not_whole_is_not_taken(
    adding: Adding, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing is wrong with the user's file, which the sentence must not say."""
    monkeypatch.setattr(image_file, "sitk", HalfWriter)
    adding.give("x.mha")
    (sentence,) = adding.refusals()
    assert "x_0000.nii.gz cannot be written (it is cut off" in sentence
    assert "see to permissions and to the disk's space, then repeat the command" in sentence
    assert adding.names == []


def test_a_full_disk_ends_the_command_and_what_came_before_is_on_record(
    adding: Adding, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_at_y(source: Path, target: Path) -> None:
        if source.name == "y.nii.gz":
            raise OSError(28, "No space left on device")
        shutil.copyfile(source, target)

    monkeypatch.setattr(links, "fcntl", None)
    for seed, name in enumerate("xyz"):
        adding.give(f"{name}.nii.gz", seed + 50)
    with monkeypatch.context() as full:
        full.setattr(shutil, "copy2", full_at_y)
        (sentence,) = adding.refusals(hard_links=False)
    assert "cannot be written (No space left on device)" in sentence
    assert adding.names == ["x_0000.nii.gz"]
    assert set(adding.sources) == {"x"}
    assert "2 (2 files: 2 copies); there already: 1." in adding.add(hard_links=False)


def test_nothing_hidden_is_left_where_not_even_the_record_can_be_written(
    adding: Adding, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    adding.give("x.nii.gz")
    monkeypatch.setattr(unlabeled_folder, "write_json", full)
    (sentence,) = adding.refusals()
    assert "cannot be written (No space left on device)" in sentence
    assert adding.names == ["x_0000.nii.gz"]


def test_a_dataset_that_may_not_be_written_is_named(adding: Adding) -> None:
    adding.give("x.nii.gz")
    (adding.folder / ".imagesUn.partial").write_text(
        "a file where a folder has to be", encoding="utf-8"
    )
    with pytest.raises(DuCiSCError, match=r"\.imagesUn\.partial cannot be written \(Not a dir"):
        adding.add()
