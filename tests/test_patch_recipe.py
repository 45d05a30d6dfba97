"""docs/datasets.md: a 2d configuration with the literature's patch of 256 x 256."""

import json
import re
from pathlib import Path

import pytest
import torch

from nnunetv2_ducisc.trainer import nnUNetTrainerDuCiSC
from tests.planned import PlannedDataset

DOCS = Path(__file__).parent.parent / "docs" / "datasets.md"


def recipe() -> dict:
    """The entry as the page has it."""
    (entry,) = re.findall(r'^ +("2d_256": \{.*\})$', DOCS.read_text(encoding="utf-8"), re.MULTILINE)
    return json.loads(f"{{{entry}}}")


def test_the_entry_changes_the_patch_and_keeps_the_preprocessed_cases(
    planned_2d: PlannedDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in planned_2d.environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    plans = json.loads((planned_2d.preprocessed / "nnUNetPlans.json").read_text(encoding="utf-8"))
    before = plans["configurations"]["2d"]
    plans["configurations"] |= recipe()
    dataset_json = json.loads(
        (planned_2d.preprocessed / "dataset.json").read_text(encoding="utf-8")
    )
    plans["continue_training"] = False  # which nnU-Net's command adds
    trainer = nnUNetTrainerDuCiSC(plans, "2d_256", 0, dataset_json, torch.device("cpu"))
    manager = trainer.configuration_manager
    assert before["patch_size"] != [256, 256]
    assert manager.patch_size == [256, 256]
    assert manager.data_identifier == before["data_identifier"]
    assert manager.network_arch_init_kwargs == before["architecture"]["arch_kwargs"]
