"""In a whole step of the trainer a voxel that nobody has annotated guides nothing."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from nnunetv2_ducisc import ablations, trainer, variants
from nnunetv2_ducisc.method.mixing import Shares
from nnunetv2_ducisc.method.pyramid import finest, rescale
from nnunetv2_ducisc.nnunet.step import StepLoss
from tests.planned import PlannedDataset, plan, started

TRAINERS = [
    variants.nnUNetTrainerDuCiSC,
    variants.nnUNetTrainerDuCiSC_official,  # a label of its own for every output
    ablations.nnUNetTrainerDuCiSC_cutMix,
    ablations.nnUNetTrainerDuCiSC_copyPaste,
]


@pytest.fixture(scope="module", params=["ignore", "regions and ignore"])
def dataset(request: pytest.FixtureRequest, tmp_path_factory: Any) -> PlannedDataset:
    return plan(tmp_path_factory.mktemp("ignored"), 3, request.param)


@pytest.fixture
def losses(monkeypatch: pytest.MonkeyPatch) -> list[StepLoss]:
    """The loss of every step."""
    made: list[StepLoss] = []

    class Noted(StepLoss):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            made.append(self)

    monkeypatch.setattr(trainer, "StepLoss", Noted)
    return made


def ignored_in(target: torch.Tensor) -> torch.Tensor:
    """Where nnU-Net's target has the ignore label, 4, or its channel behind the three regions."""
    return target == 4 if target.shape[1] == 1 else target[:, 3:] > 0


@pytest.mark.parametrize("trainer_class", TRAINERS)
def test_it_has_no_label_and_no_mixed_label_and_does_not_count(
    dataset, losses, tmp_path, monkeypatch, trainer_class
):
    for name, value in dataset.environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    training = started(dataset.trainer(trainer_class, warmup_fraction=0.0))
    shares: list[Shares] = []
    apply = training.mixing.shares
    monkeypatch.setattr(
        type(training.mixing),
        "shares",
        lambda self, *drawn: (shares.append(apply(*drawn)), shares[-1])[1],
    )
    batch = next(training.dataloader_train)
    training.train_step(batch)

    ignored = ignored_in(batch["target"][0])
    assert ignored.any() and not ignored.all()
    assert not losses[0].y_i[ignored.expand_as(losses[0].y_i)].any()
    owned = ignored & (shares[0].labeled > 0)  # what the mixed image has of the labeled one
    assert owned.any() == (trainer_class is not ablations.nnUNetTrainerDuCiSC_copyPaste)
    guide = losses[0].guides["mixed"]
    for maps in (guide.maps, guide.reliable):
        for scale in getattr(maps, "scales", [maps]):
            at_scale = rescale(owned, scale.shape[2:]).bool()
            assert not scale[at_scale.expand_as(scale)].any()
            assert scale.any()
    assert finest(guide.maps).shape == losses[0].y_i.shape
