"""Saving memory changes nothing but memory and time."""

from __future__ import annotations

import weakref
from typing import Any

import pytest
import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from benchmarks.live_memory import peak_bytes
from nnunetv2_ducisc.nnunet.streams import OneAtATime
from nnunetv2_ducisc.variants import nnUNetTrainerDuCiSC_official
from tests.planned import PlannedDataset, started


def doubled(trainer: Any) -> Any:
    """A trainer whose network, teacher and batches are float64."""
    started(trainer)
    trainer.network.double()
    trainer.teacher.module.double()
    for loader in ("dataloader_train", "dataloader_unlabeled"):
        batch = next(getattr(trainer, loader))
        batch["data"] = batch["data"].double()
        setattr(trainer, loader, iter([batch] * 4))
    return trainer


def learned(tiny: PlannedDataset, low_memory: bool, **options: Any) -> dict[str, Any]:
    """The losses of three steps, and the weights after them."""
    trainer = doubled(tiny.trainer(warmup_fraction=0.0, low_memory=low_memory, **options))
    start = {name: weight.clone() for name, weight in trainer.network.state_dict().items()}
    losses = []
    for _ in range(3):
        losses.append(float(trainer.train_step(next(trainer.dataloader_train))["loss"]))
    return {"start": start, "losses": losses, "weights": trainer.network.state_dict()}


@pytest.mark.parametrize("options", [{}, {"trainer_class": nnUNetTrainerDuCiSC_official}])
def test_one_kind_at_a_time_learns_the_same(tiny, options):
    plain, saving = (learned(tiny, low_memory, **options) for low_memory in (False, True))
    assert saving["losses"] == pytest.approx(plain["losses"], rel=1e-10)
    for name, weight in plain["weights"].items():
        has_weight = "seg_layers.0" not in name  # the coarsest output has none in nnU-Net's loss
        assert torch.equal(weight, plain["start"][name]) != has_weight
        torch.testing.assert_close(saving["weights"][name], weight, rtol=1e-8, atol=1e-12)


def peak_of_a_step(tiny: PlannedDataset, **options: Any) -> int:
    """Weights, momentum, teacher and all that the third step holds at its peak, in bytes."""
    trainer = started(tiny.trainer(**options))
    batches = [next(trainer.dataloader_train) for _ in range(3)]
    for batch in batches[:2]:
        trainer.train_step(batch)
    networks = 2 + hasattr(trainer, "teacher")
    weights = sum(w.numel() * w.element_size() for w in trainer.network.parameters())
    return networks * weights + peak_bytes(lambda: trainer.train_step(batches[2]))


def test_it_takes_less_than_1_4_times_the_memory_of_stock(tiny):
    """On a network of 4 features, beside which the maps of three kinds of images are large.

    The plain mode holds three batches, which shows that the measure sees them.
    """
    stock = peak_of_a_step(tiny, trainer_class=nnUNetTrainer)
    plain, saving = (
        peak_of_a_step(tiny, warmup_fraction=0.0, low_memory=low_memory)
        for low_memory in (False, True)
    )
    assert saving < 1.4 * stock
    assert plain > 2.5 * stock


def test_what_was_computed_again_is_let_go_with_its_gradient(tiny):
    """A feature that the hooks kept would keep everything that it was computed from."""
    trainer = tiny.trainer()
    trainer.initialize()
    features, computed = trainer.features, []

    def note(tensor: torch.Tensor) -> torch.Tensor:
        computed.append(weakref.ref(tensor))
        return tensor

    hook = trainer.network.decoder.stages[-1].register_forward_hook(lambda *call: note(call[-1]))
    with features.recording():
        student = OneAtATime(trainer.network, features, ["labeled"])(torch.randn(2, 1, 16, 16, 16))
        student("labeled", lambda view: sum(scale.sum() for scale in view.logits)).backward()
        hook.remove()
        assert len(computed) == 2 and not any(tensor() is not None for tensor in computed)


def test_low_memory_may_be_switched_on_for_a_training_that_is_continued(tiny, tmp_path):
    trainer = started(tiny.trainer())
    trainer.save_checkpoint(str(tmp_path / "checkpoint_latest.pth"))
    saving = tiny.trainer(low_memory=True)
    saving.load_checkpoint(str(tmp_path / "checkpoint_latest.pth"))
    saving.on_train_start()
    assert saving.settings.low_memory
