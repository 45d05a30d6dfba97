"""``ducisc withhold`` and ``add-unlabeled`` as commands: their options reach what they are for."""

from pathlib import Path

import pytest

from nnunetv2_ducisc.cli import main
from nnunetv2_ducisc.raw_dataset import links
from tests.adding import Adding
from tests.labeled_raw import LabeledRaw, tree

pytestmark = pytest.mark.unit


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("raw", "preprocessed", "results"):
        monkeypatch.setenv(f"nnUNet_{name}", str(tmp_path / name))
    monkeypatch.setattr(links, "fcntl", None)


@pytest.mark.parametrize(("option", "is_shared"), [((), True), (("--copy",), False)])
def test_withhold_shares_files_unless_told_otherwise(
    tmp_path: Path, option: tuple[str, ...], is_shared: bool
) -> None:
    raw = LabeledRaw(tmp_path / "raw")
    assert main(["withhold", "-d", "4", "--labeled", "2", "--to", "604", *option]) == 0
    image = "imagesTr/f_0000.nii.gz"
    assert (raw.copy / image).samefile(raw.folder / image) is is_shared


@pytest.mark.parametrize(("option", "is_shared"), [((), True), (("--copy",), False)])
def test_add_unlabeled_shares_files_unless_told_otherwise(
    adding: Adding, option: tuple[str, ...], is_shared: bool
) -> None:
    file = adding.give("x.nii.gz")
    assert main(["add-unlabeled", "-d", "4", str(file), "-np", "1", *option]) == 0
    assert (adding.unlabeled / "x_0000.nii.gz").samefile(file) is is_shared


def test_withhold_takes_names_with_blanks_from_a_file(tmp_path: Path) -> None:
    raw = LabeledRaw(tmp_path / "raw")
    raw.add("patient A")
    names = tmp_path / "names.txt"
    names.write_text("patient A\n\nb\n", encoding="utf-8")
    assert main(["withhold", "-d", "4", "--labeled", str(names), "--to", "604"]) == 0
    assert tree(raw.copy / "labelsTr") == ["b.nii.gz", "patient A.nii.gz"]


def test_withhold_ends_with_the_commands_that_come_next(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    LabeledRaw(tmp_path / "raw")
    main(["withhold", "-d", "4", "--labeled", "2", "--to", "604"])
    printed = capsys.readouterr().out.splitlines()
    assert printed[-1] == "nnUNetv2_train 604 CONFIGURATION all -tr nnUNetTrainerDuCiSC"
