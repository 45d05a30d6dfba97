"""nnUNetTrainer_seeded is stock nnU-Net, whose length and seed are in the plans."""

import json
from typing import Any

import pytest
import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.nnunet.checkpoint import seed_everything
from nnunetv2_ducisc.nnunet.seeded_trainer import LENGTH, nnUNetTrainer_seeded
from tests.planned import PlannedDataset

pytestmark = pytest.mark.e2e

SHORT = {
    "num_epochs": 3,
    "num_iterations_per_epoch": 2,
    "num_val_iterations_per_epoch": 1,
    "save_every": 1,
}


def trainer(dataset: PlannedDataset, of: type = nnUNetTrainer_seeded, **settings: Any) -> Any:
    name = dataset.write_plans(f"{of.__name__}_{settings.get('seed')}")
    plans = json.loads((dataset.preprocessed / f"{name}.json").read_text(encoding="utf-8"))
    plans["configurations"][dataset.configuration]["ducisc"] = settings
    dataset_json = json.loads((dataset.preprocessed / "dataset.json").read_text(encoding="utf-8"))
    plans["continue_training"] = False
    return of(plans, dataset.configuration, "all", dataset_json, torch.device("cpu"))


def weights(of: Any) -> dict[str, torch.Tensor]:
    return {name: weight.clone() for name, weight in of.network.state_dict().items()}


def are_same(ours: dict[str, torch.Tensor], theirs: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(weight, theirs[name]) for name, weight in ours.items())


def test_it_trains_exactly_as_stock_and_another_seed_trains_otherwise(tiny):
    stock = trainer(tiny, nnUNetTrainer)
    for name, value in SHORT.items():
        setattr(stock, name, value)
    seed_everything(1)
    stock.run_training()
    seeded = trainer(tiny, **SHORT, seed=1)
    seeded.run_training()
    assert are_same(weights(seeded), weights(stock))
    other = trainer(tiny, **SHORT, seed=2)
    other.run_training()
    assert not are_same(weights(other), weights(stock))


def test_a_training_that_was_stopped_ends_as_if_it_had_not_been(tiny, monkeypatch):
    straight = trainer(tiny, **SHORT, seed=3)
    straight.run_training()
    stopped = trainer(tiny, **SHORT, seed=3)
    monkeypatch.setattr(stopped, "on_train_epoch_start", fail_in_epoch(2, stopped))
    with pytest.raises(InterruptedError):
        stopped.run_training()
    resumed = trainer(tiny, **SHORT, seed=3)
    resumed.load_checkpoint(f"{stopped.output_folder}/checkpoint_latest.pth")
    assert resumed.current_epoch == 2
    resumed.run_training()
    assert are_same(weights(resumed), weights(straight))


def fail_in_epoch(epoch: int, of: Any) -> Any:
    def start() -> None:
        if of.current_epoch == epoch:
            raise InterruptedError
        type(of).on_train_epoch_start(of)

    return start


def test_without_settings_it_has_nnunets_length(tiny):
    stock, seeded = trainer(tiny, nnUNetTrainer), trainer(tiny)
    assert {n: getattr(seeded, n) for n in LENGTH} == {n: getattr(stock, n) for n in LENGTH}


def test_another_length_does_not_go_on_with_a_training(tiny):
    first = trainer(tiny, **(SHORT | {"num_epochs": 2}), seed=4)
    first.run_training()
    second = trainer(tiny, **SHORT, seed=4)
    second.load_checkpoint(f"{first.output_folder}/checkpoint_final.pth")
    with pytest.raises(DuCiSCError, match="num_epochs was 2 and is now 3"):
        second.run_training()


def test_numbers_of_the_method_are_refused(tiny):
    with pytest.raises(DuCiSCError, match="sets lambda_cs_ulb, which nnUNetTrainer_seeded does"):
        trainer(tiny, lambda_cs_ulb=1.0)
