"""What only a GPU can show: half precision, compiled graphs, pinned batches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch._dynamo import OptimizedModule

from nnunetv2_ducisc import variants
from tests.half_precision import batches_of, first_step
from tests.planned import PlannedDataset

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]
# Monte Carlo dropout's noise is drawn on the device: no two devices draw the same.
TRAINERS = [
    *("", "_paper", "_official", "_unlabeledConsistency", "_unlabeled", "_mixedConsistency"),
    *("_mixed", "_noPrototypes", "_noConfidence", "_fixedThreshold", "_entropy", "_anyClass"),
    *("_featureConsistency", "_cutMix", "_cutOut", "_copyPaste"),
]


@pytest.fixture(autouse=True)
def compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """As ``nnUNetv2_train -device cuda`` runs; a graph knows nothing of another trainer's hooks."""
    monkeypatch.setenv("nnUNet_compile", "t")
    torch._dynamo.reset()


def logged(trainer: Any) -> list[int]:
    return [row["epoch"] for row in trainer.progress.rows]


@pytest.mark.parametrize("low_memory", [False, True])
@pytest.mark.parametrize("name", TRAINERS)
def test_a_step_is_that_of_the_cpu_in_single_precision(
    tiny: PlannedDataset, name: str, low_memory: bool
):
    trainer_class = getattr(variants, f"nnUNetTrainerDuCiSC{name}")
    batches = batches_of(tiny)
    settings = {"warmup_fraction": 0.0, "low_memory": low_memory}
    expected = first_step(tiny.trainer(trainer_class, **settings), batches)
    trainer = tiny.trainer(trainer_class, device="cuda", **settings)
    found = first_step(trainer, batches)
    assert isinstance(trainer.network, OptimizedModule) and trainer.grad_scaler.is_enabled()
    torch.testing.assert_close(found["losses"], expected["losses"], rtol=0.02, atol=1e-3)
    torch.testing.assert_close(found["thresholds"], expected["thresholds"], rtol=0, atol=1e-3)
    assert torch.cosine_similarity(found["gradient"], expected["gradient"], 0) > 0.99


@pytest.mark.parametrize("name", ["", "_monteCarlo"])
def test_two_epochs_train_and_go_on_from_their_checkpoint(
    tiny: PlannedDataset, monkeypatch: pytest.MonkeyPatch, name: str
):
    """Batches come pinned from background workers."""
    monkeypatch.setenv("nnUNet_n_proc_DA", "2")
    trainer_class = getattr(variants, f"nnUNetTrainerDuCiSC{name}")
    trainer = tiny.trainer(trainer_class, device="cuda", num_epochs=3)
    trainer.num_epochs = 2
    trainer.run_training()
    assert logged(trainer) == [0, 1]
    resumed = tiny.trainer(trainer_class, device="cuda", num_epochs=3, continue_training=True)
    resumed.load_checkpoint(str(Path(trainer.output_folder) / "checkpoint_final.pth"))
    resumed.run_training()
    assert logged(resumed) == [0, 1, 2]


def test_temporal_ensembling_predicts_whole_cases_trains_and_validates(
    tiny: PlannedDataset, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("nnUNet_n_proc_DA", "2")
    trainer = tiny.trainer(variants.nnUNetTrainerDuCiSC_temporalEnsembling, device="cuda")
    trainer.run_training()
    assert trainer.progress.rows[-1]["loss_cs_ulb"] < float("inf")
    trainer.perform_actual_validation()
    assert (Path(trainer.output_folder) / "validation" / "summary.json").is_file()
