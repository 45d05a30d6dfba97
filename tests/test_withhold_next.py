"""``ducisc withhold`` says what comes next, and what of an earlier copy would be in the way."""

import json
from pathlib import Path

import pytest

from nnunetv2_ducisc.raw_dataset.withholding.withhold import commands_after
from tests.labeled_raw import LabeledRaw

pytestmark = pytest.mark.unit


@pytest.fixture
def raw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LabeledRaw:
    for name in ("raw", "preprocessed", "results"):
        monkeypatch.setenv(f"nnUNet_{name}", str(tmp_path / name))
    return LabeledRaw(tmp_path / "raw")


def test_the_commands_that_come_now_train_on_every_labeled_case(raw: LabeledRaw) -> None:
    assert commands_after(raw.plan(5)).splitlines() == [
        "nnUNetv2_plan_and_preprocess -d 604 --verify_dataset_integrity",
        "nnUNetv2_train 604 CONFIGURATION all -tr nnUNetTrainerDuCiSC",
    ]


def test_the_check_that_wants_channel_names_is_left_out_for_modality(raw: LabeledRaw) -> None:
    raw.dataset_json["modality"] = raw.dataset_json.pop("channel_names")
    raw.write_json()
    raw.withhold(2)
    assert "modality" in json.loads((raw.copy / "dataset.json").read_text(encoding="utf-8"))
    assert "verify" not in commands_after(raw.plan(2, overwrite=True))


def test_what_an_earlier_copy_has_left_preprocessed_is_made_anew(
    raw: LabeledRaw, tmp_path: Path
) -> None:
    """nnU-Net keeps a fingerprint without --clean, and folds in any case."""
    earlier = tmp_path / "preprocessed" / "Dataset604_Toy"
    earlier.mkdir(parents=True)
    (earlier / "dataset_fingerprint.json").touch()
    folds = earlier / "splits_final.json"
    folds.write_text(json.dumps([{"train": ["c"], "val": ["f"]}]), encoding="utf-8")
    (plan, _) = commands_after(raw.plan(2)).splitlines()
    assert plan == "nnUNetv2_plan_and_preprocess -d 604 --verify_dataset_integrity --clean"
    (remove, plan, _) = commands_after(raw.plan(3)).splitlines()
    assert remove.startswith(f"rm {folds} ")


@pytest.mark.parametrize("content", ["{", "[1]", '[{"train": []}]', "{}x", "\x00"])
def test_folds_that_cannot_be_read_are_in_the_way_too(
    raw: LabeledRaw, tmp_path: Path, content: str
) -> None:
    folds = tmp_path / "preprocessed" / "Dataset604_Toy" / "splits_final.json"
    folds.parent.mkdir(parents=True)
    folds.write_text(content, encoding="utf-8")
    assert commands_after(raw.withhold(2)).startswith(f"rm {folds} ")
