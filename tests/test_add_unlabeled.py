"""``ducisc add-unlabeled``: sound images of many kinds arrive in imagesUn as they were."""

import hashlib
import json
import os
from pathlib import Path

import nibabel
import numpy as np
import pytest

from nnunetv2_ducisc.nnunet.unlabeled import find_unlabeled_cases
from nnunetv2_ducisc.raw_dataset import links
from nnunetv2_ducisc.raw_dataset.adding import add_unlabeled as verb
from nnunetv2_ducisc.raw_dataset.links import SHARED
from tests.adding import Adding, l_shape, noise, read_points, write, written_points
from tests.dicom_series import write_series

pytestmark = pytest.mark.unit


@pytest.fixture(autouse=True)
def no_reflinks(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on most disks."""
    monkeypatch.setattr(links, "fcntl", None)


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def test_images_of_the_datasets_format_are_linked_under_its_names(adding: Adding) -> None:
    """Scans that are numbered with four digits are no channels; of folders inside nothing is read
    but DICOM."""
    for seed, name in enumerate(("x", "y_0000", "scan_0012", "deeper/z", ".hidden")):
        adding.give(f"{name}.nii.gz", seed + 50)
    (adding.inbox / "notes.txt").touch()
    printed = adding.add().splitlines()
    assert adding.names == ["scan_0012_0000.nii.gz", "x_0000.nii.gz", "y_0000.nii.gz"]
    assert (adding.unlabeled / "x_0000.nii.gz").samefile(adding.inbox / "x.nii.gz")
    assert printed == [
        f"Cases added to {adding.unlabeled}: 3 (3 files: 3 hard links).",
        SHARED,
        "Warning: skipped what is no image for this dataset (1): notes.txt.",
        "nnUNetv2_plan_and_preprocess -d 4 --verify_dataset_integrity",
    ]
    dataset_json = json.loads((adding.folder / "dataset.json").read_text(encoding="utf-8"))
    assert list(find_unlabeled_cases(adding.folder, dataset_json)) == ["scan_0012", "x", "y"]


@pytest.mark.parametrize("ending", [".nii", ".nrrd", ".nhdr", ".mha", ".mhd", ".NII", ".nii.gz"])
def test_every_format_arrives_with_its_voxels_where_they_were(adding: Adding, ending: str) -> None:
    file = write(adding.inbox / f"x{ending.lower()}", l_shape())
    file.rename(file.with_name(f"x{ending}"))
    adding.add()
    assert adding.names == ["x_0000.nii.gz"]
    assert read_points(adding.unlabeled / "x_0000.nii.gz") == written_points(l_shape())


def test_a_dicom_series_is_one_case_called_like_its_folder(adding: Adding) -> None:
    """From the first voxel, LPS (10, 20, 30): columns left by 0.5, rows to the front by 0.7, slices
    down by 2.5 mm; a number of its own for each voxel."""
    voxels = np.arange(1, 1 + 3 * 4 * 5, dtype=np.int16).reshape(3, 4, 5)
    write_series(adding.inbox / "patient.7", voxels, (0.5, 0.7, 2.5), (10, 20, 30))
    printed = adding.add(adding.inbox / "patient.7")
    assert "1 file: 1 conversion" in printed
    expected = {
        (-10 - 0.5 * x, -20 + 0.7 * y, 30 - 2.5 * z): float(voxels[z, y, x])
        for z, y, x in np.ndindex(3, 4, 5)
    }
    points = read_points(adding.unlabeled / "patient.7_0000.nii.gz")
    assert {tuple(np.round(point, 4)): value for point, value in expected.items()} == points
    assert len(adding.sources["patient.7"]) == 3


def test_slices_without_an_ending_are_known_by_their_content(adding: Adding) -> None:
    for file in write_series(adding.inbox / "p", noise(5), (1, 1, 1), (0, 0, 0)):
        file.rename(file.with_suffix(""))
    adding.add(adding.inbox / "p")
    assert adding.names == ["p_0000.nii.gz"]


def test_the_sources_are_on_record_with_their_hashes(adding: Adding) -> None:
    """The data of a header in two files count too."""
    files = [adding.give("x.nii.gz", 1), adding.give("y.mhd", 2), adding.inbox / "y.raw"]
    adding.add()
    found = {
        (case, name): entry["sha256"]
        for case, entries in adding.sources.items()
        for name, entry in entries.items()
    }
    assert found == {(file.name[0], file.name): sha256(file) for file in files}


def test_a_repeated_command_adds_what_is_new_and_opens_nothing_else(
    adding: Adding, monkeypatch: pytest.MonkeyPatch
) -> None:
    adding.give("x.nii.gz", 1)
    adding.give("y.mha", 2)
    adding.add()
    adding.give("z.nii.gz", 3)
    assert "1 (1 file: 1 hard link); there already: 2." in adding.add()
    monkeypatch.setattr(verb, "_Addition", None)
    assert adding.add() == f"Cases added to {adding.unlabeled}: 0; there already: 3.\n"
    assert set(adding.sources) == {"x", "y", "z"}


def test_a_case_that_came_without_a_record_is_known_by_its_voxels(adding: Adding) -> None:
    adding.give("x.nii.gz", 1)
    adding.give("y.mha", 2)
    adding.add()
    (adding.folder / "unlabeled_sources.json").unlink()
    os.utime(adding.inbox / "x.nii.gz")
    before = (adding.unlabeled / "y_0000.nii.gz").stat().st_mtime_ns
    assert "0; there already: 2." in adding.add()
    assert (adding.unlabeled / "y_0000.nii.gz").stat().st_mtime_ns == before
    assert set(adding.sources) == {"x", "y"}


def test_all_channels_of_a_case_arrive_together(
    adding: Adding, monkeypatch: pytest.MonkeyPatch
) -> None:
    adding = Adding(adding.root / "two", adding.capsys, channels=2)
    monkeypatch.setenv("nnUNet_raw", str(adding.root / "raw"))
    adding.give("x_0000.mha", 50)
    adding.give("x_0001.nii.gz", 51)
    assert "2 files: 1 hard link, 1 conversion" in adding.add()
    for channel in (0, 1):
        image = nibabel.load(adding.unlabeled / f"x_000{channel}.nii.gz")
        assert np.array_equal(np.asarray(image.dataobj).T, noise(channel + 50))


def test_several_workers_add_the_same(adding: Adding) -> None:
    for seed in range(4):
        adding.give(f"x{seed}.nrrd", seed + 50)
    adding.add(processes=2)
    assert adding.names == [f"x{seed}_0000.nii.gz" for seed in range(4)]


def test_the_users_file_need_not_be_shared(adding: Adding) -> None:
    file = adding.give("x.nii.gz", 1)
    before = file.read_bytes()
    printed = adding.add(hard_links=False)
    assert "1 file: 1 copy" in printed and SHARED not in printed
    file.write_bytes(b"changed")
    assert (adding.unlabeled / "x_0000.nii.gz").read_bytes() == before


def test_a_dry_run_lists_and_writes_nothing(adding: Adding) -> None:
    adding.give("x.nrrd")
    printed = adding.add(dry_run=True).splitlines()
    assert printed == [
        str(adding.unlabeled / "x_0000.nii.gz"),
        "Cases to be checked and added: 1.",
    ]
    assert not adding.unlabeled.exists()


def test_with_plans_the_next_step_is_training(adding: Adding) -> None:
    plans = adding.root / "preprocessed" / "Dataset004_Toy" / "nnUNetPlans.json"
    plans.parent.mkdir(parents=True)
    plans.touch()
    adding.give("x.nii.gz")
    assert "ducisc preprocess -d 4 -c CONFIGURATION" in adding.add()


def test_a_case_that_looks_like_another_kind_of_scan_is_pointed_out(adding: Adding) -> None:
    """Labeled: 10 x 8 x 6 voxels of 0.5 x 1 x 2 mm; beyond half and twice of that is far."""
    adding.give("just_fine.nii.gz", 1, shape=(12, 4, 20))
    adding.give("too_long.nii.gz", 2, shape=(13, 8, 10))
    write(adding.inbox / "coarse.nii.gz", noise(3), spacing=(1.1, 1.0, 2.0))
    warnings = [line for line in adding.add().splitlines() if line.startswith("Warning")]
    assert warnings == [
        "Warning: coarse has a spacing of 1.1 x 1 x 2 mm (labeled: 0.5 x 1 x 2): check that it is "
        "the same kind of scan.",
        "Warning: too_long has a size of 10 x 8 x 13 voxels (labeled: 10 x 8 x 6): check that it "
        "is the same kind of scan.",
    ]


def test_a_move_that_is_interrupted_is_undone(
    adding: Adding, monkeypatch: pytest.MonkeyPatch
) -> None:
    adding = Adding(adding.root / "two", adding.capsys, channels=2)
    monkeypatch.setenv("nnUNet_raw", str(adding.root / "raw"))
    for channel in (0, 1):
        adding.give(f"x_000{channel}.nii.gz", channel + 50)
    rename = Path.rename

    def interrupted(file: Path, target: Path) -> Path:
        if target.name == "x_0001.nii.gz":
            raise KeyboardInterrupt
        return rename(file, target)

    with monkeypatch.context() as interrupting, pytest.raises(KeyboardInterrupt):
        interrupting.setattr(Path, "rename", interrupted)
        adding.add()
    assert adding.names == []
    adding.add()
    assert adding.names == ["x_0000.nii.gz", "x_0001.nii.gz"]
