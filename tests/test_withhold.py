"""``ducisc withhold``: every file of a labeled dataset finds its place in the copy."""

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from nnunetv2_ducisc import __version__
from nnunetv2_ducisc.nnunet.unlabeled import find_unlabeled_cases
from nnunetv2_ducisc.raw_dataset import links
from nnunetv2_ducisc.raw_dataset.links import Way
from nnunetv2_ducisc.raw_dataset.withholding import semi_supervised_copy
from tests.labeled_raw import LabeledRaw, tree

pytestmark = pytest.mark.unit

# RandomState(0).permutation(6) is 5 2 1 3 0 4.
ORDER = ["f", "c", "b", "d", "a", "e"]


@pytest.fixture
def raw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LabeledRaw:
    monkeypatch.setenv("nnUNet_raw", str(tmp_path / "raw"))
    monkeypatch.setenv("nnUNet_preprocessed", str(tmp_path / "preprocessed"))
    monkeypatch.setenv("nnUNet_results", str(tmp_path / "results"))
    monkeypatch.setattr(links, "fcntl", None)  # as on most disks, which have no reflinks
    return LabeledRaw(tmp_path / "raw")


def read(file: Path) -> dict:
    return json.loads(file.read_text(encoding="utf-8"))


def test_every_file_has_one_place_and_keeps_its_content(raw: LabeledRaw) -> None:
    raw.withhold(2)
    moved = {"imagesTr": "imagesUn", "labelsTr": "labelsUn"}
    expected = {"dataset.json", "conversion.json"}
    for name in tree(raw.folder):
        folder, _, file = name.partition("/")
        if file:
            place = folder if file[0] in "fc" else moved.get(folder, folder)
            assert (raw.copy / place / file).read_text(encoding="utf-8") == name
            assert (raw.copy / place / file).samefile(raw.folder / name)
            expected.add(f"{place}/{file}")
    assert set(tree(raw.copy)) == expected
    assert {entry.name for entry in raw.root.iterdir()} == {raw.folder.name, raw.copy.name}


def test_training_finds_exactly_the_withheld_cases(raw: LabeledRaw) -> None:
    raw.withhold(2)
    cases = find_unlabeled_cases(raw.copy, read(raw.copy / "dataset.json"))
    assert list(cases) == ["a", "b", "d", "e"]


def test_the_order_of_the_draw_is_the_documented_one(raw: LabeledRaw) -> None:
    assert list(np.random.RandomState(0).permutation(6)) == [5, 2, 1, 3, 0, 4]
    draw = raw.plan(2).draw
    assert [*draw.labeled, *draw.unlabeled] == ORDER


@pytest.mark.parametrize("seed", [0, 1, 7])
def test_the_draw_of_k_is_part_of_the_draw_of_one_more(raw: LabeledRaw, seed: int) -> None:
    draws = [raw.plan(k, seed=seed).draw.labeled for k in range(1, 6)]
    assert [len(draw) for draw in draws] == [1, 2, 3, 4, 5]
    assert all(fewer == more[:-1] for fewer, more in pairwise(draws))


def test_another_seed_is_another_draw(raw: LabeledRaw) -> None:
    assert raw.plan(3, seed=0).draw.labeled != raw.plan(3, seed=1).draw.labeled


def test_a_list_names_the_labeled_cases(raw: LabeledRaw) -> None:
    draw = raw.plan(["e", "a", "e"]).draw
    assert draw.labeled == ("e", "a")
    assert draw.unlabeled == ("f", "c", "b", "d")


def test_conversion_json_tells_all_that_a_repetition_needs(raw: LabeledRaw) -> None:
    raw.withhold(2, seed=0)
    record = read(raw.copy / "conversion.json")
    assert record["method"] == "withhold"
    assert record["source"]["dataset"] == "Dataset004_Toy"
    assert record["nnunetv2_ducisc"] == __version__
    assert record["options"] == {
        "labeled": 2,
        "seed": 0,
        "groups": None,
        "withheld_labels": True,
        "copy": False,
    }
    assert record["split"]["labeled"] + record["split"]["unlabeled"] == ORDER
    assert record["split"]["test"] == ["t"]


def test_dataset_json_changes_in_nothing_but_the_number(raw: LabeledRaw) -> None:
    """The order of the regions belongs to regions_class_order, so it must stay too."""
    raw.write_json(
        labels={"background": 0, "whole": [1, 2], "core": 2, "ignore": 3},
        regions_class_order=[1, 2],
        overwrite_image_reader_writer="NibabelIO",
        licence="mine",
    )
    raw.withhold(2)
    written = read(raw.copy / "dataset.json")
    assert written == raw.dataset_json | {"numTraining": 2}
    assert list(written["labels"]) == ["background", "whole", "core", "ignore"]


def test_withheld_labels_can_be_left_out(raw: LabeledRaw, capsys: pytest.CaptureFixture) -> None:
    raw.withhold(2, withheld_labels=False)
    assert not (raw.copy / "labelsUn").exists()
    assert (raw.copy / "labelsTs" / "t.nii.gz").is_file()
    assert "4 unlabeled without their truth" in capsys.readouterr().out


@pytest.mark.parametrize("ending", [".png", ".tif", ".nrrd"])
def test_every_channel_and_any_format_goes_along(tmp_path: Path, raw: LabeledRaw, ending: str):
    for file in raw.folder.rglob("*.nii.gz"):
        file.unlink()
    raw = LabeledRaw(raw.root, ending, channels=2)
    raw.withhold(4)
    assert tree(raw.copy / "imagesUn") == [f"{c}_000{i}{ending}" for c in "ae" for i in (0, 1)]
    assert tree(raw.copy / "labelsUn") == [f"a{ending}", f"e{ending}"]


def test_sidecars_with_the_spacing_of_tiff_go_along(raw: LabeledRaw) -> None:
    for file in raw.folder.rglob("*.nii.gz"):
        file.unlink()
    raw = LabeledRaw(raw.root, ".tif")
    names = [f"{kind}Tr/{c}.json" for kind in ("images", "labels") for c in "af"]
    for name in [*names, "imagesTs/t.json"]:
        raw.write(name)
    raw.withhold(2)
    found = {
        name: (raw.copy / name).read_text(encoding="utf-8")
        for name in tree(raw.copy)
        if "/" in name
    }
    assert {name: text for name, text in found.items() if name.endswith(".json")} == {
        "imagesTr/f.json": "imagesTr/f.json",
        "labelsTr/f.json": "labelsTr/f.json",
        "imagesUn/a.json": "imagesTr/a.json",
        "labelsUn/a.json": "labelsTr/a.json",
        "imagesTs/t.json": "imagesTs/t.json",
    }


def test_cases_that_dataset_json_keeps_elsewhere_get_plain_names(
    raw: LabeledRaw, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Absolute, relative to the dataset, and with a variable, as nnU-Net allows."""
    monkeypatch.setenv("SCANS", str(tmp_path / "scans"))
    (tmp_path / "scans").mkdir()
    for name in ("one.nii.gz", "two.nii.gz", "three.nii.gz"):
        (tmp_path / "scans" / name).write_text(f"image {name}", encoding="utf-8")
        (tmp_path / "scans" / f"label_{name}").write_text(f"label {name}", encoding="utf-8")
    where = {"x": tmp_path / "scans", "y": "../../scans", "z": "$SCANS"}
    files = {"x": "one.nii.gz", "y": "two.nii.gz", "z": "three.nii.gz"}
    cases = {
        case: {"images": [f"{folder}/{files[case]}"], "label": f"{folder}/label_{files[case]}"}
        for case, folder in where.items()
    }
    raw.write_json(dataset=cases, numTraining=3)
    raw.withhold(["y"])
    assert (raw.copy / "imagesTr" / "y_0000.nii.gz").read_text(
        encoding="utf-8"
    ) == "image two.nii.gz"
    assert tree(raw.copy / "imagesUn") == ["x_0000.nii.gz", "z_0000.nii.gz"]
    assert (raw.copy / "labelsUn" / "z.nii.gz").read_text(encoding="utf-8") == "label three.nii.gz"
    assert "dataset" not in read(raw.copy / "dataset.json")


def test_symbolic_links_in_the_source_become_files(raw: LabeledRaw, tmp_path: Path) -> None:
    image = raw.folder / "imagesTr" / "f_0000.nii.gz"
    image.rename(tmp_path / "elsewhere")
    image.symlink_to(tmp_path / "elsewhere")
    raw.withhold(2)
    placed = raw.copy / "imagesTr" / "f_0000.nii.gz"
    assert not placed.is_symlink()
    assert placed.samefile(tmp_path / "elsewhere")


def test_hidden_files_of_other_systems_stay_behind(raw: LabeledRaw) -> None:
    raw.write("imagesTr/._a_0000.nii.gz")
    raw.write("labelsTr/._a.nii.gz")
    raw.write("imagesTs/.DS_Store")
    assert not [name for name in raw.withhold(2).files if "/." in name]


def test_what_was_stopped_goes_on_where_it_was(
    raw: LabeledRaw, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    """2 x 6 files for training and 2 for test; five of them were brought."""
    ways: list[Way] = []

    def stop_after_five(source: Path, target: Path, _: bool) -> Way:
        if len(ways) == 5:
            raise KeyboardInterrupt
        ways.append(Way.HARD_LINK)
        target.hardlink_to(source)
        return ways[-1]

    with monkeypatch.context() as stopping, pytest.raises(KeyboardInterrupt):
        stopping.setattr(semi_supervised_copy, "place", stop_after_five)
        raw.withhold(2)
    assert not raw.copy.exists()
    raw.withhold(2)
    printed = capsys.readouterr().out
    assert "9 files: 9 hard links, and 5 were there from a run that was stopped." in printed
    assert len(tree(raw.copy)) == 14 + 2


def test_a_dry_run_lists_and_writes_nothing(raw: LabeledRaw) -> None:
    before = tree(raw.root)
    lines = raw.plan(5).listing.splitlines()
    assert tree(raw.root) == before
    assert lines[-1] == (
        "Dataset604_Toy: 5 labeled cases, 1 unlabeled with their truth in labelsUn, 1 for test."
    )
    raw.withhold(5)
    assert sorted(lines[:-1]) == [str(raw.copy / name) for name in tree(raw.copy)]


def test_hard_links_are_pointed_out(raw: LabeledRaw, capsys: pytest.CaptureFixture) -> None:
    raw.withhold(2)
    assert "14 files: 14 hard links.\nA hard link is one file" in capsys.readouterr().out


def test_a_copy_can_have_files_of_its_own(raw: LabeledRaw, capsys: pytest.CaptureFixture) -> None:
    raw.withhold(2, hard_links=False)
    assert capsys.readouterr().out.splitlines()[1:] == ["14 files: 14 copies."]
    (raw.copy / "imagesTr" / "f_0000.nii.gz").write_text("changed", encoding="utf-8")
    assert (raw.folder / "imagesTr" / "f_0000.nii.gz").read_text(
        encoding="utf-8"
    ) == "imagesTr/f_0000.nii.gz"
    assert read(raw.copy / "conversion.json")["options"]["copy"] is True
