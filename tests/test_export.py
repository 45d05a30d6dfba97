"""Export, on the model folder of a finished run; its logits are compared in test_end_to_end."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from nnunetv2_ducisc import __version__
from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.nnunet.export import export_model


@pytest.fixture
def model(finished_run) -> Path:
    return Path(finished_run.output_folder_base)


def test_an_export_names_stock_nnunet_and_says_where_it_is_from(model, tmp_path):
    export_model(model, ["all"], "checkpoint_final_teacher.pth", tmp_path / "out")
    exported = torch.load(tmp_path / "out/fold_all/checkpoint_final.pth", weights_only=False)
    teacher = torch.load(model / "fold_all/checkpoint_final_teacher.pth", weights_only=False)
    assert exported["trainer_name"] == "nnUNetTrainer" and "ducisc" not in exported
    assert exported["exported_from"] == {
        "trainer_name": "nnUNetTrainerDuCiSC",
        "checkpoint": "checkpoint_final_teacher.pth",
        "nnunetv2_ducisc": __version__,
    }
    for name, weight in teacher["network_weights"].items():
        assert torch.equal(exported["network_weights"][name], weight)
    assert (tmp_path / "out/plans.json").read_text(encoding="utf-8") == (
        model / "plans.json"
    ).read_text(encoding="utf-8")
    assert [file.name for file in tmp_path.iterdir()] == ["out"]


def test_a_checkpoint_that_is_not_there_is_named_and_nothing_is_written(model, tmp_path):
    with pytest.raises(DuCiSCError, match=r"fold_3/checkpoint_final\.pth does not exist: train"):
        export_model(model, ["all", "3"], "checkpoint_final.pth", tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_a_checkpoint_that_is_cut_off_is_refused(model, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(model, copy)
    final = copy / "fold_all/checkpoint_final.pth"
    final.write_bytes(final.read_bytes()[:1000])
    with pytest.raises(DuCiSCError, match=r"checkpoint_final\.pth is cut off or no checkpoint"):
        export_model(copy, ["all"], "checkpoint_final.pth", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_there_is_left_alone(model, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mine").write_text("mine", encoding="utf-8")
    with pytest.raises(DuCiSCError, match="exists already: name a new folder with -o"):
        export_model(model, ["all"], "checkpoint_final.pth", tmp_path / "out")
    assert (tmp_path / "out/mine").read_text(encoding="utf-8") == "mine"
