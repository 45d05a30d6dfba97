"""From a download to a raw dataset: what is written and refused."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

from tests.toy_download import CASES, SPACING, Convert, names, write_case

pytestmark = pytest.mark.unit


def test_every_case_lies_where_its_part_belongs(convert: Convert, dataset: Path) -> None:
    assert convert() == 0
    labeled, unlabeled, test = {"p1_a", "p1_b", "p2_a", "v1_a"}, {"p3_a"}, {"t1_a"}
    for part, cases in (("Tr", labeled), ("Un", unlabeled), ("Ts", test)):
        assert names(dataset / f"images{part}") == {f"{case}_0000.nii.gz" for case in cases}
        assert names(dataset / f"labels{part}") == {f"{case}.nii.gz" for case in cases}
    assert json.loads((dataset / "dataset.json").read_text(encoding="utf-8"))["numTraining"] == 4


def test_values_and_spacing_are_those_of_the_download(
    convert: Convert, dataset: Path, download: Path
) -> None:
    convert()
    image = sitk.ReadImage(str(dataset / "imagesUn" / "p3_a_0000.nii.gz"))
    label = sitk.ReadImage(str(dataset / "labelsUn" / "p3_a.nii.gz"))
    assert image.GetSpacing() == SPACING == label.GetSpacing()
    original = np.load(download / "p3_a.npy").astype(np.float32)
    assert np.array_equal(sitk.GetArrayFromImage(image), original)
    assert np.array_equal(sitk.GetArrayFromImage(label), np.load(download / "p3_a_label.npy"))
    assert label.GetPixelID() == sitk.sitkUInt8


def test_a_validation_list_becomes_nnunets_fold(
    convert: Convert, dataset: Path, tmp_path: Path
) -> None:
    convert()
    fold = [{"train": ["p1_a", "p1_b", "p2_a"], "val": ["v1_a"]}]
    assert json.loads((dataset / "splits_final.json").read_text(encoding="utf-8")) == fold
    used = tmp_path / "preprocessed" / "Dataset777_Toy" / "splits_final.json"
    assert json.loads(used.read_text(encoding="utf-8")) == fold


def test_without_a_validation_list_there_is_no_fold(
    convert: Convert, dataset: Path, tmp_path: Path
) -> None:
    assert convert("--split", "plain") == 0
    assert not (dataset / "splits_final.json").exists()
    assert not (tmp_path / "preprocessed").exists()


@pytest.mark.parametrize("content", ["[]", "not JSON"])
def test_folds_of_somebody_else_are_not_replaced(
    convert: Convert, dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture, content: str
) -> None:
    used = tmp_path / "preprocessed" / "Dataset777_Toy" / "splits_final.json"
    used.parent.mkdir(parents=True)
    used.write_text(content, encoding="utf-8")
    assert convert() == 1
    assert "holds other folds" in capsys.readouterr().err
    assert used.read_text(encoding="utf-8") == content and not dataset.exists()
    assert convert("--overwrite") == 0


def test_withheld_labels_may_be_left_out_and_are_not_even_read(
    convert: Convert, dataset: Path, download: Path
) -> None:
    (download / "p3_a_label.npy").write_bytes(b"garbage")
    assert convert("--no-withheld-labels") == 0
    assert not (dataset / "labelsUn").exists()
    assert names(dataset / "imagesUn") == {"p3_a_0000.nii.gz"}


def test_the_record_says_what_came_from_where(
    convert: Convert, dataset: Path, download: Path
) -> None:
    """30 label voxels of 0.5 x 1 x 2 mm are 0.03 ml."""
    convert()
    record = json.loads((dataset / "conversion.json").read_text(encoding="utf-8"))
    assert record["split"]["source"] == "made up"
    assert record["split"]["unlabeled"] == ["p3_a"] and record["split"]["validation"] == ["v1_a"]
    case = record["cases"]["p3_a"]
    hashes = {name: entry["sha256"] for name, entry in case["files"].items()}
    assert hashes == {
        name: hashlib.sha256((download / name).read_bytes()).hexdigest()
        for name in ("p3_a.npy", "p3_a_label.npy")
    }
    assert case["label_ml"] == {"thing": 0.03} and case["size"] == [8, 6, 4]
    assert str(download) not in (dataset / "conversion.json").read_text(encoding="utf-8")


def test_a_protocol_shapes_image_and_label_and_chooses_the_normalization(
    convert: Convert, dataset: Path
) -> None:
    convert("--protocol", "published")
    image = sitk.ReadImage(str(dataset / "imagesTs" / "t1_a_0000.nii.gz"))
    assert image.GetSize() == (4, 6, 4)
    content = json.loads((dataset / "dataset.json").read_text(encoding="utf-8"))
    assert content["channel_names"] == {"0": "CT"}


def test_a_dry_run_lists_and_writes_nothing(
    convert: Convert, dataset: Path, capsys: pytest.CaptureFixture
) -> None:
    assert convert("--dry-run") == 0
    listed = {Path(line) for line in capsys.readouterr().out.splitlines()}
    assert not dataset.parent.exists()
    convert()
    assert listed == {file for file in dataset.rglob("*") if file.is_file()}


def test_the_table_and_its_warnings_are_printed(
    convert: Convert, download: Path, capsys: pytest.CaptureFixture
) -> None:
    """4 of 6 cases have 0.03 ml; 1 voxel, 0.001 ml, and all 192 are not in the known 0.01-0.05."""
    label = np.zeros((4, 6, 8), dtype=np.uint8)
    label[0, 0, 0] = 1
    np.save(download / "p3_a_label.npy", label)
    np.save(download / "t1_a_label.npy", np.ones_like(label))
    write_case(download, "stranger")
    convert()
    printed = capsys.readouterr().out
    assert "labeled    4      8 x 6 x 4       0.5 x 1 x 2    thing 0.03 (0.03)" in printed
    assert "p3_a has a label of 0.001 ml, known are 0.01 to 0.05 ml" in printed
    assert "t1_a has a label of 0.192 ml, known are 0.01 to 0.05 ml" in printed
    assert printed.count("has a label of") == 2
    assert "1 case(s) are in no list and left out: stranger" in printed


def test_a_dataset_that_is_there_is_replaced_only_on_demand_and_only_by_a_whole_one(
    convert: Convert, dataset: Path, download: Path, capsys: pytest.CaptureFixture
) -> None:
    convert()
    assert convert() == 1
    assert f"{dataset} is an earlier conversion of Toy" in capsys.readouterr().err
    (download / "p3_a.npy").write_bytes(b"garbage")
    assert convert("--overwrite") == 1
    assert names(dataset / "imagesUn") == {"p3_a_0000.nii.gz"}
    write_case(download, "p3_a")
    assert convert("--overwrite", "--no-withheld-labels") == 0
    assert not (dataset / "labelsUn").exists()


@pytest.mark.parametrize("case", CASES)
def test_a_case_of_the_split_that_is_not_there_is_an_error(
    convert: Convert, download: Path, capsys: pytest.CaptureFixture, case: str
) -> None:
    """p1 has two scans: as long as one is there, so is p1."""
    (download / f"{case}.npy").unlink()
    absent = case.partition("_")[0]
    if absent == "p1":
        assert convert() == 0
    else:
        assert convert() == 1
        assert f"{absent} of the split is not among the 4 cases" in capsys.readouterr().err


def test_nnunets_variables_are_needed(
    convert: Convert, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.delenv("nnUNet_preprocessed")
    assert convert() == 1
    assert "nnUNet_preprocessed is not set: the validation list" in capsys.readouterr().err
    monkeypatch.delenv("nnUNet_raw")
    assert convert() == 1
    assert "nnUNet_raw is not set" in capsys.readouterr().err
