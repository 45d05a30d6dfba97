"""``ducisc evaluate``: folders in, numbers out."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from nnunetv2_ducisc.cli import main, parse
from nnunetv2_ducisc.evaluation.metrics.presets import PRESETS
from nnunetv2_ducisc.evaluation.metrics_file import Status, read_metrics
from tests.evaluating import SPACING, Evaluating, labels, write

pytestmark = pytest.mark.unit

VOXEL_ML = math.prod(SPACING) / 1000


@pytest.fixture
def folders(tmp_path: Path) -> Evaluating:
    """Cases a and b of two classes; in b, class 2 is missed.

    a: class 1 has 4 voxels in the reference, 6 in the prediction and 4 in both, in each of 3
    slices; class 2 has 2, 1 and 1.
    """
    made = Evaluating(tmp_path)
    reference, prediction = labels("00000 01122 01100", 3), labels("00000 11120 11100", 3)
    made.add("a", reference, prediction)
    made.add("b", reference, reference * (reference == 1))
    made.name_classes({"liver": 1, "tumour": 2})
    return made


def test_each_class_of_each_case_has_a_row_in_order(folders: Evaluating) -> None:
    """Dice 2 x 4 / (4 + 6) and 2 x 1 / (2 + 1)."""
    rows = folders.run().rows
    assert [(row.case, row.class_name) for row in rows] == [
        ("a", "liver"), ("a", "tumour"), ("b", "liver"), ("b", "tumour")
    ]  # fmt: skip
    assert [row.values["dice"] for row in rows] == [0.8, 2 / 3, 1, 0]
    assert [row.values["jaccard"] for row in rows] == [4 / 6, 1 / 2, 1, 0]
    assert rows[0].reference_ml == pytest.approx(12 * VOXEL_ML)
    assert rows[0].prediction_ml == pytest.approx(18 * VOXEL_ML)


def test_a_missed_class_is_as_far_away_as_the_volume_is_long(folders: Evaluating) -> None:
    """3 x 3 x 5 voxels of 3 x 1 x 0.5 mm."""
    in_mm = folders.rows()["b", "tumour"]
    assert in_mm.status is Status.MISSED
    diagonal = math.sqrt(9**2 + 3**2 + 2.5**2)
    assert in_mm.values == {"dice": 0, "jaccard": 0, "hd95_mm": diagonal, "assd_mm": diagonal}
    in_voxels = folders.rows(preset="published", output=folders.root / "out")["b", "tumour"]
    diagonal = math.sqrt(3**2 + 3**2 + 5**2)
    assert in_voxels.values["hd95_voxels"] == in_voxels.values["asd_voxels"] == diagonal


def test_an_absent_class_has_no_values_and_enters_no_mean(folders: Evaluating) -> None:
    folders.add("c", labels("00000 01100 01100", 3), labels("00000 01120 01100", 3))
    folders.add("d", labels("00000 01100 01100", 3), labels("00000 01100 01100", 3))
    evaluation = folders.run()
    rows = {(row.case, row.class_name): row for row in evaluation.rows}
    assert rows["c", "tumour"].status is Status.SPURIOUS
    assert rows["d", "tumour"].status is Status.ABSENT and rows["d", "tumour"].values == {}
    tumour = evaluation.summary.per_class["tumour"]
    assert (tumour.n, tumour.missed, tumour.spurious, tumour.absent) == (3, 1, 1, 1)
    assert tumour.metrics["dice"].mean == pytest.approx((2 / 3 + 0 + 0) / 3)


def test_the_mean_of_classes_is_over_the_cases_means(folders: Evaluating) -> None:
    """Means of a: (0.8 + 2/3) / 2 = 0.7333, of b: (1 + 0) / 2; their sd is 0.2333 / sqrt(2)."""
    dice = folders.run().summary.over_classes.metrics["dice"]
    assert (dice.mean, dice.median) == (pytest.approx(0.61667, abs=1e-5),) * 2
    assert dice.sd == pytest.approx(0.23333 / math.sqrt(2), abs=1e-5)


def test_regions_are_the_unions_of_their_labels(folders: Evaluating) -> None:
    """a: both classes together have 6 voxels in the reference, 7 in the prediction, 5 in both."""
    folders.name_classes({"whole": [1, 2], "core": [2]}, regions_class_order=[1, 2])
    rows = folders.rows()
    assert rows["a", "whole"].values["dice"] == 2 * 5 / 13
    assert rows["a", "core"].values["dice"] == 2 / 3


def test_a_region_may_hold_the_background(folders: Evaluating) -> None:
    """a: all but class 2 are 13 voxels a slice in the reference, 14 predicted, 13 in both."""
    folders.name_classes({"healthy": [0, 1], "tumour": [2]}, regions_class_order=[1, 2])
    assert folders.rows()["a", "healthy"].values["dice"] == 2 * 13 / 27


def test_ignored_voxels_belong_to_no_mask(tmp_path: Path) -> None:
    """Where the reference says 3, all is class 1; of the other two columns, one is found."""
    made = Evaluating(tmp_path)
    made.add("a", labels("1133 0000", 2), labels("1011 0000", 2))
    made.name_classes({"liver": 1, "tumour": 2, "ignore": 3})
    liver, tumour = made.run().rows
    assert liver.values["dice"] == 2 / 3
    assert liver.prediction_ml == 2 * VOXEL_ML
    assert tumour.status is Status.ABSENT


def test_without_a_dataset_json_every_label_is_a_class_of_every_case(tmp_path: Path) -> None:
    made = Evaluating(tmp_path)
    made.add("a", labels("10"), labels("10"))
    made.add("b", 3 * labels("04"), 3 * labels("34"))
    assert [(row.case, row.class_name, row.status) for row in made.run().rows] == [
        ("a", "1", Status.BOTH), ("a", "9", Status.ABSENT), ("a", "12", Status.ABSENT),
        ("b", "1", Status.ABSENT), ("b", "9", Status.SPURIOUS), ("b", "12", Status.BOTH),
    ]  # fmt: skip


def test_classes_come_from_the_dataset_that_is_named(
    folders: Evaluating, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "raw" / "Dataset007_Other"
    other.mkdir(parents=True)
    content = {"labels": {"background": 0, "x": 1, "y": 2}, "file_ending": ".nii.gz"}
    content["channel_names"] = {"0": "CT"}
    (other / "dataset.json").write_text(json.dumps(content), encoding="utf-8")
    monkeypatch.setenv("nnUNet_raw", str(tmp_path / "raw"))
    assert list(folders.run(dataset="7").summary.per_class) == ["x", "y"]


def test_a_dataset_json_with_the_predictions_comes_first(folders: Evaluating) -> None:
    """nnUNetv2_predict copies it there."""
    content = {"labels": {"background": 0, "x": 1, "y": 2}, "file_ending": ".nii.gz"}
    (folders.prediction / "dataset.json").write_text(json.dumps(content), encoding="utf-8")
    evaluation = folders.run()
    assert list(evaluation.summary.per_class) == ["x", "y"]
    assert evaluation.dataset_json == folders.prediction / "dataset.json"


@pytest.mark.parametrize("ending", [".nii.gz", ".nii", ".nrrd", ".mha", ".tif"])
def test_every_format_of_nnunet_gives_the_same_numbers(tmp_path: Path, ending: str) -> None:
    """A block of 6 x 4 x 4 mm moved by two voxels, which is 6 mm along z, 2 along y, 1 along x.

    The face in front is at least 16 of its 128 mm², more than 5 %.
    """
    made = Evaluating(tmp_path, ending)
    block = np.zeros((8, 10, 14), dtype=np.uint8)
    block[1:3, 1:5, 1:9] = 1
    for axis, case in enumerate("zyx"):
        made.add(case, block, np.roll(block, 2, axis))
    rows = {row.case: row for row in made.run().rows}
    found = {case: row.values["hd95_mm"] for case, row in rows.items()}
    assert found == pytest.approx({"z": 6, "y": 2, "x": 1})
    assert rows["x"].reference_ml == rows["z"].prediction_ml == pytest.approx(0.096)


def test_2d_images_are_measured_in_pixels(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A block of 4 x 4 pixels moved by 3 along x: one of its four sides is 3 pixels away."""
    made = Evaluating(tmp_path, ".png")
    made.add("a", labels("11110000 " * 4), labels("00011110 " * 4))
    row = made.run().rows[0]
    assert row.values["hd95_mm"] == pytest.approx(3)
    assert row.reference_ml == pytest.approx(16 / 1000)
    assert "no spacing: 1 mm" in capsys.readouterr().err


def test_files_with_a_single_slice_are_measured_as_2d_images(tmp_path: Path) -> None:
    """A pixel in the middle of a square of 5 x 5 is 2 pixels from its border.

    In 3D every voxel of a single slice is border, and the distance would be 0.
    """
    made, square, pixel = Evaluating(tmp_path), np.zeros((1, 7, 7)), np.zeros((1, 7, 7))
    square[:, 1:6, 1:6] = pixel[:, 3, 3] = 1
    made.add("a", square, pixel)
    (row,) = made.run(preset="published").rows
    assert row.values["asd_voxels"] == 2


def test_headers_may_differ_by_rounding(folders: Evaluating) -> None:
    spacing = tuple(length + 1e-6 for length in SPACING)
    folders.add("c", labels("11 00"), labels("11 00"), spacing=spacing, origin=(10, -20.00001, 30))
    assert folders.rows()["c", "liver"].values["hd95_mm"] == 0


def test_a_prediction_without_a_reference_is_named_and_left_out(
    folders: Evaluating, capsys: pytest.CaptureFixture[str]
) -> None:
    write(folders.prediction / "z.nii.gz", labels("11 00"))
    assert {row.case for row in folders.run().rows} == {"a", "b"}
    assert "z.nii.gz" in capsys.readouterr().err


def test_the_files_hold_what_the_command_prints(
    folders: Evaluating, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    typed = ["evaluate", "-gt", str(folders.reference), "-pred", str(folders.prediction)]
    assert main([*typed, "-o", str(tmp_path / "out"), "-np", "1"]) == 0
    printed = capsys.readouterr().out
    assert "95HD [mm]" in printed and "ASSD [mm]" in printed
    (tumour,) = (line.split() for line in printed.splitlines() if line.startswith("tumour"))
    assert tumour[1:6] == ["2", "0.3333", "±", "0.4714", "(0.3333)"]
    assert tumour[-3:] == ["1", "0", "0"]
    assert read_metrics(tmp_path / "out" / "metrics.csv") == (
        ("dice", "jaccard", "hd95_mm", "assd_mm"), folders.run().rows
    )  # fmt: skip
    record = json.loads((tmp_path / "out" / "metrics.json").read_text(encoding="utf-8"))
    assert record["per_class"]["tumour"]["missed"] == 1
    assert record["preset"] == "mm" and set(record["empty_masks"]) == {
        "absent", "missed", "spurious"
    }  # fmt: skip


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_can_be_typed(preset: str) -> None:
    assert parse(["evaluate", "-gt", "a", "-pred", "b", "--preset", preset]).preset == preset


def test_the_metrics_of_another_preset_are_not_replaced(folders: Evaluating) -> None:
    first = folders.run().rows
    assert folders.refusal(preset="published") == (
        f"{folders.prediction} holds the metrics of the preset mm, which those of published would "
        "replace: name another folder with -o."
    )
    assert folders.run().rows == read_metrics(folders.prediction / "metrics.csv")[1] == first


def test_classes_stay_in_the_order_of_dataset_json(folders: Evaluating) -> None:
    folders.name_classes({"tumour": 2, "liver": 1})
    folders.run()
    record = json.loads((folders.prediction / "metrics.json").read_text(encoding="utf-8"))
    assert list(record["per_class"]) == ["tumour", "liver"]
    assert record["spacing"] == "of the files"


def test_a_spacing_that_is_assumed_is_in_the_record(tmp_path: Path) -> None:
    made = Evaluating(tmp_path, ".png")
    made.add("a", labels("11110000 " * 4), labels("00011110 " * 4))
    made.run()
    record = json.loads((made.prediction / "metrics.json").read_text(encoding="utf-8"))
    assert "1 mm is assumed" in record["spacing"]
