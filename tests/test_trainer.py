"""The trainer in one process, on three labeled and four unlabeled phantoms."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.nnunet.checkpoint import seed_everything
from nnunetv2_ducisc.trainer import nnUNetTrainerDuCiSC
from nnunetv2_ducisc.variants import (
    nnUNetTrainerDuCiSC_5epochs,
    nnUNetTrainerDuCiSC_official,
    nnUNetTrainerDuCiSC_paper,
    nnUNetTrainerDuCiSC_supervised,
)
from tests.planned import GARBAGE, PlannedDataset, started


def step(trainer):
    return trainer.train_step(next(trainer.dataloader_train))["loss"]


def weights(module):
    return {name: w.clone() for name, w in module.state_dict().items()}


def losses_from_seed(tiny: PlannedDataset, trainer_class: type, steps: int) -> list[float]:
    seed_everything(1)
    trainer = tiny.trainer(trainer_class, seed=None)
    trainer.num_epochs = 2
    started(trainer)
    return [float(step(trainer)) for _ in range(steps)]


def test_the_supervised_twin_has_the_losses_of_stock_nnunet(tiny):
    stock = losses_from_seed(tiny, nnUNetTrainer, 4)
    twin = losses_from_seed(tiny, nnUNetTrainerDuCiSC_supervised, 4)
    assert twin == stock
    assert len(set(stock)) == 4


def test_no_plans_entry_makes_the_supervised_twin_semi_supervised(tiny):
    trainer = tiny.trainer(nnUNetTrainerDuCiSC_supervised, lambda_cs_ulb=3.0)
    assert trainer.settings.is_supervised


def test_the_supervised_twin_needs_no_unlabeled_image(tiny, monkeypatch):
    monkeypatch.setenv("nnUNet_raw", "/nowhere")
    trainer = started(tiny.trainer(nnUNetTrainerDuCiSC_supervised))
    assert np.isfinite(step(trainer))


def test_without_unlabeled_images_training_is_refused_with_the_way_out(tiny, monkeypatch, tmp_path):
    (tmp_path / tiny.name / "imagesTr").mkdir(parents=True)
    monkeypatch.setenv("nnUNet_raw", str(tmp_path))
    with pytest.raises(DuCiSCError, match=r"imagesUn.*nnUNetTrainerDuCiSC_supervised"):
        tiny.trainer().on_train_start()


def test_plans_settings_go_on_top_of_the_variant(tiny):
    trainer = tiny.trainer(nnUNetTrainerDuCiSC_5epochs, num_iterations_per_epoch=7)
    assert trainer.num_iterations_per_epoch == 7
    assert trainer.settings.lambda_cs_ulb == nnUNetTrainerDuCiSC.settings.lambda_cs_ulb


def test_an_unknown_setting_names_the_plans_file_and_the_nearest_key(tiny):
    with pytest.raises(DuCiSCError, match=r"'lambda_cs_ulp' in .*tiny\.json.*'lambda_cs_ulb'"):
        tiny.trainer(lambda_cs_ulp=1.0)


def test_the_paper_preset_trains_with_the_papers_optimizer(tiny):
    trainer = tiny.trainer(nnUNetTrainerDuCiSC_paper)
    trainer.initialize()
    group = trainer.optimizer.param_groups[0]
    trainer.lr_scheduler.step(1)
    assert (group["lr"], group["momentum"], group["weight_decay"]) == (1e-2, 0.9, 5e-4)
    assert group["nesterov"] is False


def test_the_default_preset_has_stock_nnunets_optimizer_and_schedule(tiny):
    ours, stock = tiny.trainer(), tiny.trainer(nnUNetTrainer)
    stock.num_epochs = ours.num_epochs
    for trainer in (ours, stock):
        trainer.initialize()
        trainer.lr_scheduler.step(1)
    same = ("lr", "momentum", "weight_decay", "nesterov")
    assert [ours.optimizer.param_groups[0][k] for k in same] == [
        stock.optimizer.param_groups[0][k] for k in same
    ]


def test_warm_up_draws_no_unlabeled_batch(tiny):
    trainer = started(tiny.trainer(warmup_fraction=0.25))  # one of four iterations
    trainer.dataloader_unlabeled = iter(())
    assert trainer.is_warming_up
    step(trainer)
    assert not trainer.is_warming_up
    with pytest.raises(StopIteration):
        step(trainer)


def test_a_warm_up_step_is_stocks_step_to_the_last_bit(tiny):
    """The same weights and the same batch: the same loss and the same weights after it."""
    ours, stock = tiny.trainer(warmup_fraction=1.0), tiny.trainer(nnUNetTrainer)
    for trainer in (ours, stock):
        started(trainer)
    stock.network.load_state_dict(ours.network.state_dict())
    batch = next(ours.dataloader_train)
    assert ours.train_step(batch)["loss"] == stock.train_step(batch)["loss"]
    for name, weight in stock.network.state_dict().items():
        assert torch.equal(ours.network.state_dict()[name], weight)


def test_a_semi_supervised_step_moves_student_teacher_and_thresholds(tiny):
    trainer = started(tiny.trainer(warmup_fraction=0.0))
    student, teacher = weights(trainer.network), weights(trainer.teacher.module)
    step(trainer)
    assert trainer.iteration == 1
    assert not torch.equal(trainer.confidence.values, torch.full((4,), 0.25))
    for before, after in ((student, trainer.network), (teacher, trainer.teacher.module)):
        moved = [n for n, w in after.state_dict().items() if not torch.equal(w, before[n])]
        assert len(moved) > len(before) / 2


def test_the_student_never_sees_the_features_of_an_earlier_pass(tiny):
    trainer = started(tiny.trainer(warmup_fraction=0.0))
    step(trainer)
    assert trainer.features._outputs == {}


def test_the_loss_object_is_nnunets_own_again_after_a_step(tiny):
    trainer = started(tiny.trainer(warmup_fraction=0.0))
    before = trainer.loss
    step(trainer)
    assert trainer.loss is before


@pytest.mark.parametrize(
    "term", ["lambda_proto_ulb", "lambda_proto_mix", "lambda_cs_ulb", "lambda_cs_mix"]
)
def test_every_lambda_alone_changes_the_step(tiny, term):
    """The same step from the same seed, with and without one term, ends in other weights."""
    alone = {f"lambda_{n}": 0.0 for n in ("proto_ulb", "proto_mix", "cs_ulb", "cs_mix")}
    ends = []
    for value in (0.5, 1.0, 1.0):
        trainer = started(tiny.trainer(warmup_fraction=0.0, **(alone | {term: value})))
        step(trainer)
        ends.append(weights(trainer.network))
    half, one, again = ends
    assert all(torch.equal(one[name], again[name]) for name in one)
    assert any(not torch.equal(half[name], one[name]) for name in one)


@pytest.mark.parametrize("preset", ["paper", "official"])
def test_the_other_presets_train(tiny, preset):
    from nnunetv2_ducisc import variants

    trainer_class = getattr(variants, f"nnUNetTrainerDuCiSC_{preset}")
    trainer = started(tiny.trainer(trainer_class, warmup_fraction=0.0))
    assert np.isfinite([step(trainer), step(trainer)]).all()


@pytest.mark.parametrize("preset", [nnUNetTrainerDuCiSC, nnUNetTrainerDuCiSC_official])
def test_training_works_without_deep_supervision(tiny, preset):
    class WithoutDeepSupervision(preset):
        def __init__(
            self,
            plans,
            configuration,
            fold,
            dataset_json,
            device=torch.device("cpu"),  # noqa: B008
        ):
            super().__init__(plans, configuration, fold, dataset_json, device)
            self.enable_deep_supervision = False

    trainer = started(tiny.trainer(WithoutDeepSupervision, warmup_fraction=0.0))
    assert np.isfinite(step(trainer))


@pytest.mark.parametrize("warmup_fraction", [0.0, 1.0])
def test_a_loss_that_is_not_finite_stops_the_run_by_name(tiny, warmup_fraction):
    trainer = started(tiny.trainer(warmup_fraction=warmup_fraction))
    batch = next(trainer.dataloader_train)
    batch["data"][:] = float("nan")
    with pytest.raises(DuCiSCError, match=r"term sup is nan at iteration 0 .*phantom_00"):
        trainer.train_step(batch)


def test_a_run_leaves_a_log_and_a_figure_for_every_class(finished_run):
    folder = Path(finished_run.output_folder)
    with (folder / "ducisc_log.csv").open() as file:
        warmup, semi = csv.DictReader(file)
    assert warmup["iteration"] == "2" and semi["iteration"] == "4"
    assert warmup["loss_cs_ulb"] == "" and float(semi["loss_cs_ulb"]) > 0
    for name in ("background", "chamber", "wall", "vessel"):
        assert 0 <= float(semi[f"pass_rate_{name}"]) <= 1
        assert 0.25 <= float(semi[f"threshold_{name}"]) <= 0.95
    shares = [float(semi[f"share_{n}"]) for n in ("background", "chamber", "wall", "vessel")]
    assert sum(shares) == pytest.approx(1)
    assert (folder / "ducisc_progress.png").stat().st_size > 10_000
    assert (folder / "progress.png").is_file()


def test_labels_of_unlabeled_cases_are_never_opened(finished_run, planned_3d):
    """Garbage lay in their place from planning to the end of the run; no reader reads it."""
    labels = list((planned_3d.raw / "labelsUn").iterdir())
    assert len(labels) == 4 and all(label.read_bytes() == GARBAGE for label in labels)
    preprocessed = planned_3d.preprocessed.glob("*_unlabeled/*.pkl")
    assert {file.stem for file in preprocessed} == {label.name[:11] for label in labels}
    assert (Path(finished_run.output_folder) / "checkpoint_final.pth").is_file()


def test_w_and_b_gets_the_columns_of_an_epoch(tiny):
    """nnU-Net's logger keeps its W&B logger, where that is switched on, in ``loggers``."""

    class Recorder:
        def __init__(self):
            self.seen = {}

        def log(self, key, value, step):
            self.seen[key] = (value, step)

        def update_config(self, config):
            pass

    trainer = started(tiny.trainer(warmup_fraction=0.0))
    recorder = Recorder()
    trainer.logger.loggers.append(recorder)
    trainer.on_train_epoch_end([{"loss": step(trainer)}])
    assert recorder.seen["ducisc/iteration"] == (1, 0)
    assert "ducisc/threshold_vessel" in recorder.seen
    assert "ducisc/loss_proto_mix" in recorder.seen


def test_a_term_that_is_not_finite_is_named_with_the_unlabeled_cases(tiny):
    """InstanceNorm keeps images apart: NaN in the unlabeled ones leaves L_sup a number."""
    trainer = started(tiny.trainer(warmup_fraction=0.0, lambda_proto_ulb=0.0))
    batch = next(trainer.dataloader_unlabeled)
    batch["data"][:, 1:] = float("nan")  # the student's view
    trainer.dataloader_unlabeled = iter([batch])
    with pytest.raises(DuCiSCError, match=rf"term \w+ is nan at iteration 0 .*{batch['keys'][0]}"):
        step(trainer)


def test_the_teacher_starts_from_the_weights_that_the_student_was_given_meanwhile(tiny):
    """-pretrained_weights come after ``initialize``, and the paper's preset has no warm-up."""
    trainer = tiny.trainer(warmup_fraction=0.0)
    trainer.initialize()
    with torch.no_grad():
        for weight in trainer.network.parameters():
            weight.add_(1)
    trainer.on_train_start()
    for name, weight in trainer.network.state_dict().items():
        assert torch.equal(trainer.teacher.module.state_dict()[name], weight)
