"""The step in float16, as CUDA's autocast computes it, beside float32: here on the CPU."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch

from nnunetv2_ducisc import variants
from nnunetv2_ducisc.nnunet import streams
from tests.half_precision import batches_of, first_step
from tests.planned import PlannedDataset

TRAINERS = ["", "_paper", "_official", "_featureConsistency", "_mixedConsistency"]


@pytest.fixture
def batches(tiny: PlannedDataset) -> dict[str, Any]:
    return batches_of(tiny)


@pytest.mark.parametrize("name", TRAINERS)
def test_losses_thresholds_and_gradient_are_those_of_single_precision(
    tiny: PlannedDataset, batches: dict[str, Any], monkeypatch: pytest.MonkeyPatch, name: str
):
    trainer_class = getattr(variants, f"nnUNetTrainerDuCiSC{name}")
    single = first_step(tiny.trainer(trainer_class, warmup_fraction=0.0), batches)
    half = partial(torch.autocast, "cpu", dtype=torch.float16)
    monkeypatch.setattr("nnunetv2.training.nnUNetTrainer.nnUNetTrainer.dummy_context", half)
    monkeypatch.setattr(streams, "nullcontext", half)
    trainer = tiny.trainer(trainer_class, warmup_fraction=0.0)
    trainer.grad_scaler = torch.amp.GradScaler("cpu", init_scale=65536.0)
    mixed = first_step(trainer, batches)
    assert mixed["losses"].dtype == torch.float32
    assert not torch.equal(mixed["gradient"], single["gradient"])  # it was another precision
    torch.testing.assert_close(mixed["losses"], single["losses"], rtol=0.01, atol=1e-4)
    torch.testing.assert_close(mixed["thresholds"], single["thresholds"], rtol=0, atol=1e-4)
    assert torch.cosine_similarity(mixed["gradient"], single["gradient"], 0) > 0.999
