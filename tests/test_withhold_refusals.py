"""``ducisc withhold`` refuses what would give a wrong copy, in one sentence, and writes nothing."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.raw_dataset import links
from nnunetv2_ducisc.raw_dataset.withholding.withhold import plan_copy
from tests.labeled_raw import LabeledRaw, tree

pytestmark = pytest.mark.unit


@pytest.fixture
def raw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LabeledRaw:
    monkeypatch.setenv("nnUNet_raw", str(tmp_path / "raw"))
    monkeypatch.setenv("nnUNet_preprocessed", str(tmp_path / "preprocessed"))
    monkeypatch.setenv("nnUNet_results", str(tmp_path / "results"))
    monkeypatch.setattr(links, "fcntl", None)  # as on most disks, which have no reflinks
    return LabeledRaw(tmp_path / "raw")


@pytest.mark.parametrize(
    ("labeled", "sentence"),
    [
        (0, "--labeled 0 is not possible with 6 cases: at least one has to be labeled"),
        (-1, "--labeled -1 is not possible with 6 cases"),
        (6, "--labeled 6 is not possible with 6 cases"),
        (list("abcdef"), "name a number from 1 to 5."),
        (["a", "zebra"], "--labeled names zebra, which is none of the 6 cases: name some of them"),
    ],
)
def test_a_draw_that_is_not_possible(raw: LabeledRaw, labeled: int | list[str], sentence: str):
    assert sentence in raw.refusal(labeled)


def second_channel_of_one(raw: LabeledRaw) -> None:
    raw.write("imagesTr/b_0001.nii.gz")


def gap_in_channels(raw: LabeledRaw) -> None:
    image = raw.folder / "imagesTr" / "b_0000.nii.gz"
    image.rename(image.with_name("b_0001.nii.gz"))


def no_ending(raw: LabeledRaw) -> None:
    del raw.dataset_json["file_ending"]
    raw.write_json()


def no_channels(raw: LabeledRaw) -> None:
    del raw.dataset_json["channel_names"]
    raw.write_json()


def explicit_without_file(raw: LabeledRaw) -> None:
    raw.write_json(dataset={"x": {"images": ["gone.nii.gz"], "label": "labelsTr/a.nii.gz"}})


def explicit_of_another_ending(raw: LabeledRaw) -> None:
    raw.write("elsewhere/x.mha")
    raw.write_json(dataset={"x": {"images": ["elsewhere/x.mha"], "label": "labelsTr/a.nii.gz"}})


def link_to_nothing(raw: LabeledRaw) -> None:
    (raw.folder / "imagesTs" / "u_0000.nii.gz").symlink_to("gone")


def no_case(raw: LabeledRaw) -> None:
    shutil.rmtree(raw.folder / "imagesTr")


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda raw: raw.add("g", "Un"), "Dataset004_Toy already has unlabeled images, in image"),
        (lambda raw: (raw.folder / "labelsTr/b.nii.gz").unlink(), "Case b has no label, expected"),
        (lambda raw: raw.write("labelsTr/g.nii.gz"), "g.nii.gz has no image in imagesTr: add it"),
        (lambda raw: raw.write("imagesTr/g.nii.gz"), "g.nii.gz is not named like CASE_0000.nii.gz"),
        (second_channel_of_one, "Case b has 2 image file(s), but case a has 1: give every case"),
        (gap_in_channels, "Case b has the images b_0001.nii.gz: number the channels from 0000"),
        (lambda raw: raw.add("t"), "Case t is in imagesTs too: rename it or take it away."),
        (lambda raw: raw.add("b_seg"), "Case b_seg ends in _seg, which nnU-Net keeps: rename"),
        (explicit_without_file, "gone.nii.gz of case x is not there: add it."),
        (explicit_of_another_ending, "x.mha does not end in .nii.gz, the file_ending in dataset"),
        (link_to_nothing, "u_0000.nii.gz leads to no file: mend the link or take it away."),
        (no_case, "Dataset004_Toy has no labeled case: expected images named CASE_0000.nii.gz"),
        (no_channels, "dataset.json has no channel_names, which nnU-Net requires: add it."),
        (no_ending, "dataset.json has no file_ending, which nnU-Net requires: add it."),
        (lambda raw: raw.write("dataset.json"), "dataset.json cannot be read (Expecting value"),
        (lambda raw: (raw.folder / "dataset.json").unlink(), "There is no "),
    ],
)
def test_a_source_that_is_not_a_whole_labeled_dataset(
    raw: LabeledRaw, damage: Callable[[LabeledRaw], object], sentence: str
) -> None:
    damage(raw)
    assert sentence in raw.refusal()


def test_an_unknown_dataset(raw: LabeledRaw) -> None:
    with pytest.raises(DuCiSCError, match="Could not find a dataset with the ID 5: name the"):
        plan_copy("5", 604, 2)


def test_a_folder_variable_that_is_not_set(
    raw: LabeledRaw, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("nnUNet_raw")
    assert raw.refusal() == "nnUNet_raw is not set: run export nnUNet_raw=/folder/of/raw/datasets."


@pytest.mark.parametrize("folder", ["raw", "preprocessed", "results"])
def test_a_number_that_another_dataset_has_anywhere(raw: LabeledRaw, folder: str) -> None:
    """nnU-Net's commands look into all three folders for a number, and stop at two names."""
    (raw.root.parent / folder / "Dataset604_Other").mkdir(parents=True)
    expected = "Number 604 is taken by Dataset604_Other: name another with --to."
    assert raw.refusal() == expected
    assert raw.refusal(overwrite=True) == expected


@pytest.mark.parametrize("record", [None, "[]", '{"method": "withhold", "source": {"dataset": 1}}'])
def test_a_dataset_of_that_name_which_is_no_copy_is_never_replaced(
    raw: LabeledRaw, record: str | None
) -> None:
    raw.copy.mkdir()
    if record:
        (raw.copy / "conversion.json").write_text(record, encoding="utf-8")
    assert "is not an earlier copy of Dataset004_Toy" in raw.refusal(overwrite=True)


def test_the_number_of_the_source_itself(raw: LabeledRaw) -> None:
    with pytest.raises(DuCiSCError, match="is not an earlier copy of Dataset004_Toy"):
        plan_copy("4", 4, 2, overwrite=True)


def test_an_earlier_copy_is_replaced_on_demand_only(raw: LabeledRaw) -> None:
    """The files of the source are shared with the copy, and survive its removal."""
    raw.withhold(2)
    expected = "is an earlier copy of Dataset004_Toy: name another number with --to, or replace it"
    assert expected in raw.refusal(3)
    before = {name: (raw.folder / name).read_text(encoding="utf-8") for name in tree(raw.folder)}
    raw.withhold(3, overwrite=True)
    assert tree(raw.copy / "imagesTr") == [f"{case}_0000.nii.gz" for case in "bcf"]
    assert {
        name: (raw.folder / name).read_text(encoding="utf-8") for name in tree(raw.folder)
    } == before


def test_scans_that_were_added_to_a_copy_are_never_deleted(raw: LabeledRaw) -> None:
    raw.withhold(2)
    (raw.copy / "imagesUn" / "new_0000.nii.gz").touch()
    (raw.copy / "unlabeled_sources.json").write_text('{"new": {}}', encoding="utf-8")
    sentence = raw.refusal(3, overwrite=True)
    assert "holds scans of ducisc add-unlabeled, which --overwrite would delete" in sentence
    assert (raw.copy / "imagesUn" / "new_0000.nii.gz").is_file()


def test_a_copy_that_was_begun_with_hard_links_does_not_end_as_one_without(
    raw: LabeledRaw, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as full, pytest.raises(DuCiSCError):
        full.setattr(links, "_hard_link", refuse_space)
        raw.withhold(2)
    assert "was begun with other options" in raw.refusal(2, hard_links=False)


def refuse_space(*_: object) -> None:
    raise OSError(28, "No space left on device")


def test_a_full_disk_is_told_in_a_sentence_and_nothing_appears(
    raw: LabeledRaw, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(links, "_hard_link", refuse_space)
    with pytest.raises(DuCiSCError, match=r"cannot be brought to .* \(No space left on device\)"):
        raw.withhold(2)
    assert not raw.copy.exists()
