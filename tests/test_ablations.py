"""The paper's alternatives in the trainer: Tables VI to X."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from nnunetv2_ducisc import ablations
from nnunetv2_ducisc.ablations import (
    nnUNetTrainerDuCiSC_featureConsistency,
    nnUNetTrainerDuCiSC_mixed,
    nnUNetTrainerDuCiSC_mixedConsistency,
    nnUNetTrainerDuCiSC_noPrototypes,
    nnUNetTrainerDuCiSC_unlabeled,
    nnUNetTrainerDuCiSC_unlabeledConsistency,
)
from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.method.confidence import (
    AnyClassPerOutput,
    FixedThreshold,
    LowEntropy,
    MonteCarlo,
    SelfAware,
)
from nnunetv2_ducisc.method.mixing import CopyPaste, CutMix, CutOut, Mixup
from nnunetv2_ducisc.method.targets import FeatureConsistency, PrototypeAlignment
from nnunetv2_ducisc.nnunet.labeler import MeanTeacher, TemporalEnsemble
from nnunetv2_ducisc.settings import DuCiSCSettings
from nnunetv2_ducisc.trainer import nnUNetTrainerDuCiSC
from nnunetv2_ducisc.variants import nnUNetTrainerDuCiSC_official
from tests.conftest import repeatable
from tests.planned import PlannedDataset, plan, started

ABLATIONS = [getattr(ablations, name) for name in ablations.__all__]
# A network that has learned nothing is above chance everywhere, and seldom above 0.3.
SHORT = {"warmup_fraction": 0.0, "num_epochs": 4, "monte_carlo_passes": 2, "threshold_min": 0.3}
LAMBDAS = ("lambda_cs_ulb", "lambda_proto_ulb", "lambda_cs_mix", "lambda_proto_mix")


def named(trainer_class: type) -> str:
    return trainer_class.__name__.removeprefix("nnUNetTrainerDuCiSC_")


def step(trainer: Any) -> float:
    return float(trainer.train_step(next(trainer.dataloader_train))["loss"])


def weights(trainer: Any) -> dict[str, torch.Tensor]:
    return {name: weight.clone() for name, weight in trainer.network.state_dict().items()}


@pytest.fixture(scope="module")
def weights_of_the_default(
    planned_3d: PlannedDataset, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, torch.Tensor]:
    """After one step."""
    results = tmp_path_factory.mktemp("results")
    with pytest.MonkeyPatch.context() as patch, repeatable(planned_3d, results, patch):
        trainer = started(planned_3d.trainer(**SHORT))
        step(trainer)
    return weights(trainer)


def test_the_default_trains_like_the_default(tiny, weights_of_the_default):
    """So that what differs from it below is not the rounding of another moment."""
    trainer = started(tiny.trainer(**SHORT))
    step(trainer)
    now = weights(trainer)
    assert all(torch.equal(now[name], weights_of_the_default[name]) for name in now)


# What stands in the trainer of each name: confidence, target, mixing, labeler.
PARTS = {
    "cutMix": (SelfAware, PrototypeAlignment, CutMix, MeanTeacher),
    "cutOut": (SelfAware, PrototypeAlignment, CutOut, MeanTeacher),
    "copyPaste": (SelfAware, PrototypeAlignment, CopyPaste, MeanTeacher),
    "noConfidence": (FixedThreshold, PrototypeAlignment, Mixup, MeanTeacher),
    "fixedThreshold": (FixedThreshold, PrototypeAlignment, Mixup, MeanTeacher),
    "entropy": (LowEntropy, PrototypeAlignment, Mixup, MeanTeacher),
    "monteCarlo": (MonteCarlo, PrototypeAlignment, Mixup, MeanTeacher),
    "anyClass": (AnyClassPerOutput, PrototypeAlignment, Mixup, MeanTeacher),
    "featureConsistency": (SelfAware, FeatureConsistency, Mixup, MeanTeacher),
    "temporalEnsembling": (SelfAware, PrototypeAlignment, Mixup, TemporalEnsemble),
}
PARTS |= dict.fromkeys(
    ["noPrototypes", "unlabeled", "unlabeledConsistency", "mixed", "mixedConsistency"],
    (SelfAware, PrototypeAlignment, Mixup, MeanTeacher),
)


@pytest.mark.parametrize("trainer_class", ABLATIONS, ids=named)
def test_the_trainer_of_a_name_is_made_of_the_parts_that_it_names(tiny, trainer_class):
    """Confidence none is a threshold of 0, FixMatch's 0.95; the authors' are 0.5 to 0.95."""
    name = named(trainer_class)
    trainer = tiny.trainer(trainer_class)
    trainer.initialize()
    parts = trainer.confidence, trainer.objective.target, trainer.mixing, trainer.labeler
    assert tuple(map(type, parts)) == PARTS[name]
    thresholds = {"noConfidence": 0.0, "fixedThreshold": 0.95, "anyClass": 0.5}
    if name in thresholds:
        assert trainer.confidence.in_use.tolist() == pytest.approx([thresholds[name]] * 4)
    if name == "anyClass":
        assert {(own.minimum, own.maximum) for own in trainer.confidence.of_output} == {(0.5, 0.95)}


def test_what_an_ablation_fixes_is_said_where_the_plans_ask_for_something_else(tiny):
    """Also where what the plans ask for does not go with what the name means."""
    trainer = started(
        tiny.trainer(
            ablations.nnUNetTrainerDuCiSC_noConfidence,
            confidence="monte_carlo",
            ensembling="temporal",
        )
    )
    assert trainer.settings.confidence == "none" and trainer.settings.ensembling == "temporal"
    log = Path(trainer.log_file).read_text(encoding="utf-8")
    assert (
        "nnUNetTrainerDuCiSC_noConfidence fixes confidence at 'none': 'monte_carlo', which the "
        "plans ask for, is not used" in log
    )


def test_a_combination_with_what_the_trainer_fixes_is_refused_by_its_name(tiny):
    with pytest.raises(
        DuCiSCError,
        match=r"In \"ducisc\" in configuration 3d_fullres of tiny\.json, with what "
        r"nnUNetTrainerDuCiSC_monteCarlo fixes: .*'monte_carlo' does not go with ensembling",
    ):
        tiny.trainer(ablations.nnUNetTrainerDuCiSC_monteCarlo, ensembling="temporal")


@pytest.mark.unit
@pytest.mark.parametrize("trainer_class", ABLATIONS, ids=named)
def test_an_ablation_differs_from_the_default_in_what_it_fixes_alone(trainer_class):
    fixed = trainer_class.fixed_settings
    assert trainer_class.settings == DuCiSCSettings() and fixed
    assert trainer_class.settings_from({}, "here") == DuCiSCSettings(**fixed)
    other = {name: getattr(DuCiSCSettings(), name) for name in fixed}
    assert trainer_class.settings_from(other, "here") == DuCiSCSettings(**fixed)


@pytest.mark.unit
@pytest.mark.parametrize(
    ("trainer_class", "terms"),
    [
        (nnUNetTrainerDuCiSC_unlabeledConsistency, "1000"),
        (nnUNetTrainerDuCiSC_unlabeled, "1100"),
        (nnUNetTrainerDuCiSC_mixedConsistency, "0010"),
        (nnUNetTrainerDuCiSC_mixed, "0011"),
        (nnUNetTrainerDuCiSC, "1111"),
        (nnUNetTrainerDuCiSC_noPrototypes, "1010"),
    ],
)
def test_the_rows_of_table_vi_have_the_terms_that_it_ticks(trainer_class, terms):
    """In its order: L_cs^ulb, L_proto^ulb, L_cs^mix, L_proto^mix."""
    settings = trainer_class.settings_from({}, "here")
    assert "".join("01"[getattr(settings, name) > 0] for name in LAMBDAS) == terms


@pytest.mark.parametrize("trainer_class", [*ABLATIONS, nnUNetTrainerDuCiSC_official], ids=named)
def test_an_ablation_trains_otherwise_and_goes_on_from_its_checkpoint(
    tiny, trainer_class, weights_of_the_default, tmp_path
):
    """Saved after a step and loaded into another trainer: the next step is the same to the bit."""
    trainer = started(tiny.trainer(trainer_class, **SHORT))
    step(trainer)
    now = weights(trainer)
    assert any(not torch.equal(now[name], weights_of_the_default[name]) for name in now)
    trainer.save_checkpoint(str(tmp_path / "checkpoint_latest.pth"))
    batches = [next(trainer.dataloader_train)], [next(trainer.dataloader_unlabeled)]

    resumed = tiny.trainer(trainer_class, **SHORT)
    resumed.load_checkpoint(str(tmp_path / "checkpoint_latest.pth"))
    for side in (trainer, resumed):
        side.on_train_start()
        side.dataloader_train, side.dataloader_unlabeled = map(iter, batches)
        torch.manual_seed(1)  # of the mix
        assert np.isfinite(step(side))
    assert resumed.iteration == trainer.iteration == 2
    for name, weight in trainer.network.state_dict().items():
        assert torch.equal(resumed.network.state_dict()[name], weight)
    mine, theirs = (side.confidence.state_dict() for side in (trainer, resumed))
    assert mine.keys() == theirs.keys() and all(torch.equal(mine[k], theirs[k]) for k in mine)


def images_seen(trainer: Any) -> tuple[list[int], list[int]]:
    """How many images student and teacher see in a step, pass for pass."""
    seen: tuple[list[int], list[int]] = ([], [])
    for network, counts in zip((trainer.network, trainer.teacher.module), seen, strict=True):
        network.register_forward_pre_hook(lambda _, inputs, c=counts: c.append(len(inputs[0])))
    step(trainer)
    return seen


@pytest.mark.parametrize(
    ("trainer_class", "student", "teacher"),
    [
        (nnUNetTrainerDuCiSC, [6], [2]),
        (nnUNetTrainerDuCiSC_unlabeled, [4], [2]),
        (nnUNetTrainerDuCiSC_mixed, [2, 4], [2]),
        (nnUNetTrainerDuCiSC_featureConsistency, [6], [2, 2]),
        (ablations.nnUNetTrainerDuCiSC_monteCarlo, [6], [2, 2, 2]),
        (ablations.nnUNetTrainerDuCiSC_temporalEnsembling, [6], []),
    ],
)
def test_what_is_switched_off_is_not_computed(tiny, trainer_class, student, teacher):
    """Batches of two images of each kind; Eq. 13 and the two noisy looks ask the teacher again.

    Without a term of the unlabeled images the student looks at them for its thresholds (Eq. 9).
    """
    trainer = started(tiny.trainer(trainer_class, **SHORT))
    assert images_seen(trainer) == (student, teacher)


def test_without_thresholds_that_learn_the_student_never_sees_an_unlabeled_image(tiny):
    trainer = started(tiny.trainer(nnUNetTrainerDuCiSC_mixed, **SHORT, confidence="none"))
    assert images_seen(trainer) == ([4], [2])


def test_thresholds_follow_the_same_whether_the_student_learns_from_unlabeled_images_or_looks(tiny):
    """In the first step, from the same weights and images, to the precision of a batch's size."""
    looks, learns = (
        started(tiny.trainer(trainer_class, **SHORT, seed=1))
        for trainer_class in (nnUNetTrainerDuCiSC_mixed, nnUNetTrainerDuCiSC)
    )
    learns.network.load_state_dict(looks.network.state_dict())
    learns.teacher.load_state_dict(looks.teacher.state_dict())
    learns.dataloader_unlabeled, looks.dataloader_unlabeled = map(
        iter, ([batch := next(looks.dataloader_unlabeled)], [batch])
    )
    start = looks.confidence.values.clone()
    for trainer in (looks, learns):
        step(trainer)
    assert (looks.confidence.values != start).any()
    torch.testing.assert_close(looks.confidence.values, learns.confidence.values)


def test_feature_consistency_without_its_mixed_term_asks_the_teacher_once(tiny):
    trainer = started(
        tiny.trainer(nnUNetTrainerDuCiSC_featureConsistency, **SHORT, lambda_proto_mix=0.0)
    )
    assert images_seen(trainer) == ([6], [2])


def test_nothing_is_mixed_and_low_memory_learns_the_same(tiny):
    """With and without low_memory the unlabeled terms alone move the weights alike."""
    ends = []
    for low_memory in (False, True):
        trainer = started(
            tiny.trainer(nnUNetTrainerDuCiSC_unlabeled, **SHORT, low_memory=low_memory)
        )
        step(trainer)
        ends.append(weights(trainer))
    for name, weight in ends[0].items():
        torch.testing.assert_close(ends[1][name], weight, rtol=1e-3, atol=1e-5)


@pytest.fixture(scope="module")
def planned_regions(tmp_path_factory: pytest.TempPathFactory) -> PlannedDataset:
    return plan(tmp_path_factory.mktemp("planned"), 2, "regions and ignore")


@pytest.fixture
def regions(
    planned_regions: PlannedDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> PlannedDataset:
    """In 2D."""
    for name, value in planned_regions.environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    return planned_regions


@pytest.mark.parametrize("trainer_class", ABLATIONS, ids=named)
def test_an_ablation_trains_regions_with_an_ignore_label(regions, trainer_class):
    trainer = started(regions.trainer(trainer_class, **SHORT))
    assert np.isfinite([step(trainer), step(trainer)]).all()
