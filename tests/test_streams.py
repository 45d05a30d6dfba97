"""Saving memory changes nothing but memory and time."""

from __future__ import annotations

import weakref
from typing import Any

import pytest
import torch

from nnunetv2_ducisc.nnunet.features import DecoderFeatures
from nnunetv2_ducisc.nnunet.streams import OneAtATime, Together
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


def kept_bytes(passes: type[Together], network: torch.nn.Module, images: torch.Tensor) -> int:
    """What a pass holds for its gradient and in its results."""
    storages: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storages[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    features = DecoderFeatures(network, 4)
    parameters = {p.untyped_storage().data_ptr() for p in network.parameters()}
    with features.recording(), torch.autograd.graph.saved_tensors_hooks(keep, lambda t: t):
        views = passes(network, features, ("labeled", "unlabeled", "mixed"))(images)
    for view in views.values():
        for tensor in (*view.logits, *view.features):
            keep(tensor)
    return sum(size for place, size in storages.items() if place not in parameters)


def test_one_kind_at_a_time_keeps_less_than_half(tiny):
    trainer = tiny.trainer()
    trainer.initialize()
    images = torch.randn(6, 1, 16, 16, 16)
    together = kept_bytes(Together, trainer.network, images)
    assert kept_bytes(OneAtATime, trainer.network, images) < together / 2


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
        views = OneAtATime(trainer.network, features, ("labeled",))(torch.randn(2, 1, 16, 16, 16))
        sum(scale.sum() for scale in views["labeled"].logits).backward()
        del views
        hook.remove()
        assert len(computed) == 2 and not any(tensor() is not None for tensor in computed)


def test_low_memory_may_be_switched_on_for_a_training_that_is_continued(tiny, tmp_path):
    trainer = started(tiny.trainer())
    trainer.save_checkpoint(str(tmp_path / "checkpoint_latest.pth"))
    saving = tiny.trainer(low_memory=True)
    saving.load_checkpoint(str(tmp_path / "checkpoint_latest.pth"))
    saving.on_train_start()
    assert saving.settings.low_memory
