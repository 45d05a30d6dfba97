"""``ducisc add-unlabeled``: which files are one case, and what it is called."""

from pathlib import Path

import pytest

from tests.adding import Adding, noise
from tests.dicom_series import write_series

pytestmark = pytest.mark.unit


def series(folder: Path, seed: int) -> None:
    write_series(folder, noise(seed), (1, 1, 1), (0, 0, 0))


def test_scans_that_are_numbered_from_0000_are_scans(adding: Adding) -> None:
    """Where the dataset has one channel, and no second name is numbered beside them."""
    for seed in range(7):
        adding.give(f"scan_{seed:04d}.nii.gz", seed + 50)
    adding.give("other.nii.gz", 60)
    assert adding.warnings() == [
        "Warning: scan_0000.nii.gz to scan_0006.nii.gz are taken for 7 scans: if they are channels "
        "of one, take all but one out of imagesUn."
    ]
    scans = [f"scan_{seed:04d}_0000.nii.gz" for seed in range(7)]
    assert adding.names == ["other_0000.nii.gz", *scans]


def test_two_names_that_are_numbered_are_cases_with_channels(adding: Adding) -> None:
    for seed in range(7):
        adding.give(f"x_{seed:04d}.nii.gz", seed + 50)
        adding.give(f"y_{seed:04d}.mha", seed + 60)
    (x, y) = adding.refusals()
    assert x == (
        "Case x is not added, it has 7 channel file(s), x_0000.nii.gz, x_0001.nii.gz, "
        "x_0002.nii.gz, x_0003.nii.gz, x_0004.nii.gz, ...: expected x_0000.nii.gz in one folder, "
        "or, if they are scans and not channels, names like x_0006_0000.nii.gz."
    )
    assert y.startswith("Case y is not added, it has 7 channel file(s), y_0000.mha, ")
    assert adding.names == []


def test_one_name_alone_is_no_reason_where_cases_have_channels(
    adding: Adding, monkeypatch: pytest.MonkeyPatch
) -> None:
    two = Adding(adding.root / "two", adding.capsys, channels=2)
    monkeypatch.setenv("nnUNet_raw", str(two.root / "raw"))
    for channel in range(3):
        two.give(f"x_000{channel}.nii.gz", channel + 50)
    (sentence,) = two.refusals()
    assert "Case x is not added, it has 3 channel file(s)" in sentence


def test_series_at_any_depth_are_called_by_the_folders_to_them(adding: Adding) -> None:
    """A folder with slices of its own may have folders with others in it."""
    series(adding.inbox / "p1" / "study" / "CT thorax", 1)
    series(adding.inbox / "p2" / "study", 2)
    series(adding.inbox / "p2" / "study" / "late", 3)
    adding.add()
    names = ["inbox_p1_study_CT thorax", "inbox_p2_study", "inbox_p2_study_late"]
    assert adding.names == [f"{name}_0000.nii.gz" for name in names]


def test_folders_of_patients_that_are_named_one_by_one_give_their_names(adding: Adding) -> None:
    """So that two exports with equal names inside do not clash."""
    series(adding.inbox / "p1" / "s", 1)
    series(adding.inbox / "p2" / "s", 2)
    adding.add(adding.inbox / "p1", adding.inbox / "p2")
    assert adding.names == ["p1_s_0000.nii.gz", "p2_s_0000.nii.gz"]


def test_a_broken_series_in_a_tree_does_not_keep_the_others_away(adding: Adding) -> None:
    series(adding.inbox / "p1", 1)
    series(adding.inbox / "p2", 2)
    for file in list((adding.inbox / "p2").iterdir())[1:]:
        file.unlink()
    (sentence,) = adding.refusals()
    assert "Case inbox_p2 is not added, its series has 1 slice, expected a volume" in sentence
    assert adding.names == ["inbox_p1_0000.nii.gz"]


def test_a_link_to_a_series_has_the_name_of_the_link(adding: Adding, tmp_path: Path) -> None:
    series(tmp_path / "1.2.840.7", 1)
    series(tmp_path / "1.2.840.8", 2)
    adding.inbox.mkdir()
    (adding.inbox / "p1").symlink_to(tmp_path / "1.2.840.7")
    (adding.inbox / "p2").symlink_to(tmp_path / "1.2.840.8")
    adding.add(adding.inbox / "p1")
    assert adding.names == ["p1_0000.nii.gz"]
    (tmp_path / "1.2.840.7").rename(tmp_path / "elsewhere")
    (adding.inbox / "p1").unlink()
    adding.add(adding.inbox)
    assert adding.names == ["inbox_p2_0000.nii.gz", "p1_0000.nii.gz"]


def test_the_folder_one_is_in_has_a_name_too(
    adding: Adding, monkeypatch: pytest.MonkeyPatch
) -> None:
    series(adding.inbox / "p1", 1)
    monkeypatch.chdir(adding.inbox / "p1")
    adding.add(Path())
    assert adding.names == ["p1_0000.nii.gz"]
    assert "there already: 1." in adding.add(Path("../p1"))
