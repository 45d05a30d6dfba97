"""The first step after warm-up, of trainers that differ in precision or device alone."""

from __future__ import annotations

from typing import Any

import torch

from nnunetv2_ducisc.nnunet.checkpoint import seed_everything
from tests.planned import PlannedDataset, started


def batches_of(tiny: PlannedDataset) -> dict[str, Any]:
    """One batch of each kind, and the weights of a network that has begun to learn."""
    trainer = started(tiny.trainer(warmup_fraction=1.0))
    for _ in range(20):
        trainer.train_step(next(trainer.dataloader_train))
    return {
        "weights": trainer.network.state_dict(),
        "labeled": next(trainer.dataloader_train),
        "unlabeled": next(trainer.dataloader_unlabeled),
    }


def first_step(trainer: Any, batches: dict[str, Any]) -> dict[str, torch.Tensor]:
    """The losses, the thresholds and the gradient, on the CPU."""
    trainer.initialize()
    plain = getattr(trainer.network, "_orig_mod", trainer.network)
    for network in (plain, trainer.teacher.module):
        network.load_state_dict(batches["weights"])
    trainer.network.train()
    trainer.dataloader_unlabeled = iter([batches["unlabeled"]])
    seed_everything(5)
    trainer.train_step(batches["labeled"])
    # An output of weight zero has no gradient, or in a compiled graph one of zeros.
    gradients = [
        (torch.zeros_like(w) if w.grad is None else w.grad).flatten()
        for w in trainer.network.parameters()
    ]
    step = {
        "losses": torch.stack([*trainer.progress._losses[0].values()]),
        "thresholds": trainer.confidence.in_use,
        "gradient": torch.cat(gradients),
    }
    return {name: values.cpu() for name, values in step.items()}
