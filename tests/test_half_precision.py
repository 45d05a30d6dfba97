"""The step in float16, as CUDA's autocast computes it, beside float32: here on the CPU."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch

from nnunetv2_ducisc import variants
from nnunetv2_ducisc.nnunet import streams
from nnunetv2_ducisc.nnunet.checkpoint import seed_everything
from tests.planned import PlannedDataset, started

TRAINERS = ["", "_paper", "_official", "_featureConsistency", "_mixedConsistency"]


@pytest.fixture
def batches(tiny: PlannedDataset) -> dict[str, Any]:
    """One batch of each kind, and the weights of a network that has begun to learn."""
    trainer = started(tiny.trainer(warmup_fraction=1.0))
    for _ in range(20):
        trainer.train_step(next(trainer.dataloader_train))
    return {
        "weights": trainer.network.state_dict(),
        "labeled": next(trainer.dataloader_train),
        "unlabeled": next(trainer.dataloader_unlabeled),
    }


def step(trainer: Any, batches: dict[str, Any]) -> dict[str, torch.Tensor]:
    """The losses, thresholds and the gradient of the first step after warm-up."""
    trainer.initialize()
    trainer.network.load_state_dict(batches["weights"])
    trainer.teacher.module.load_state_dict(batches["weights"])
    trainer.network.train()
    trainer.dataloader_unlabeled = iter([batches["unlabeled"]])
    seed_everything(5)
    trainer.train_step(batches["labeled"])
    gradients = [w.grad.flatten() for w in trainer.network.parameters() if w.grad is not None]
    return {
        "losses": torch.stack([*trainer.progress._losses[0].values()]),
        "thresholds": trainer.confidence.in_use,
        "gradient": torch.cat(gradients),
    }


@pytest.mark.parametrize("name", TRAINERS)
def test_losses_thresholds_and_gradient_are_those_of_single_precision(
    tiny: PlannedDataset, batches: dict[str, Any], monkeypatch: pytest.MonkeyPatch, name: str
):
    trainer_class = getattr(variants, f"nnUNetTrainerDuCiSC{name}")
    single = step(tiny.trainer(trainer_class, warmup_fraction=0.0), batches)
    half = partial(torch.autocast, "cpu", dtype=torch.float16)
    monkeypatch.setattr("nnunetv2.training.nnUNetTrainer.nnUNetTrainer.dummy_context", half)
    monkeypatch.setattr(streams, "nullcontext", half)
    trainer = tiny.trainer(trainer_class, warmup_fraction=0.0)
    trainer.grad_scaler = torch.amp.GradScaler("cpu", init_scale=65536.0)
    mixed = step(trainer, batches)
    assert mixed["losses"].dtype == torch.float32
    assert not torch.equal(mixed["gradient"], single["gradient"])  # it was another precision
    torch.testing.assert_close(mixed["losses"], single["losses"], rtol=0.01, atol=1e-4)
    torch.testing.assert_close(mixed["thresholds"], single["thresholds"], rtol=0, atol=1e-4)
    assert torch.cosine_similarity(mixed["gradient"], single["gradient"], 0) > 0.999
