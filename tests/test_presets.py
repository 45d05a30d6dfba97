"""What the presets amount to: the numbers of the paper, of its authors' code and of ours."""

import pytest

from nnunetv2_ducisc.settings import DuCiSCSettings
from nnunetv2_ducisc.variants import (
    nnUNetTrainerDuCiSC,
    nnUNetTrainerDuCiSC_5epochs,
    nnUNetTrainerDuCiSC_60epochs,
    nnUNetTrainerDuCiSC_250epochs,
    nnUNetTrainerDuCiSC_official,
    nnUNetTrainerDuCiSC_paper,
    nnUNetTrainerDuCiSC_paper_60epochs,
    nnUNetTrainerDuCiSC_supervised,
)

pytestmark = pytest.mark.unit

LAMBDAS = ("lambda_proto_ulb", "lambda_proto_mix", "lambda_cs_ulb", "lambda_cs_mix")


def test_the_default_preset_has_its_numbers():
    """Mean, weak view, two passes, lambdas 0.1 0.1 1 0.5, bounds 1/C and 0.95, warm-up 2/15."""
    settings = nnUNetTrainerDuCiSC.settings
    assert settings == DuCiSCSettings()
    assert [getattr(settings, name) for name in LAMBDAS] == [0.1, 0.1, 1.0, 0.5]
    assert (settings.prototype_norm, settings.teacher_view) == ("mean", "weak")
    assert settings.student_intensity_passes == 2
    assert (settings.threshold_min, settings.threshold_max) == (None, 0.95)
    assert (settings.mix_low, settings.mix_high) == (0.25, 0.75)
    assert (settings.num_epochs, settings.num_iterations_per_epoch) == (1000, 250)
    assert settings.warmup_iterations == 33_333


def test_the_papers_preset_has_the_papers_numbers():
    """No bounds, no warm-up, the same view; lambdas and SGD of the paper's Section IV."""
    settings = nnUNetTrainerDuCiSC_paper.settings
    assert [getattr(settings, name) for name in LAMBDAS] == [0.1, 0.1, 0.3, 0.1]
    assert (settings.prototype_norm, settings.prototype_pairs) == ("sum", "each")
    assert (settings.threshold_min, settings.threshold_max) == (0.0, 1.0)
    assert (settings.teacher_view, settings.student_intensity_passes) == ("same", 1)
    assert settings.warmup_iterations == 0
    assert settings.term_weighting == "plain"
    assert (settings.weight_decay, settings.momentum, settings.nesterov) == (5e-4, 0.9, False)
    assert settings.lr_schedule == "constant"


def test_the_official_codes_preset_has_its_numbers():
    """Self-divided terms, bounds 0.5 to 0.95, 2,000 of 15,000 iterations supervised."""
    settings = nnUNetTrainerDuCiSC_official.settings
    assert [getattr(settings, name) for name in LAMBDAS] == [0.1, 0.1, 0.3, 0.1]
    assert (settings.prototype_norm, settings.prototype_pairs) == ("mean", "batch_mean")
    assert (settings.threshold_min, settings.threshold_max) == (0.5, 0.95)
    assert (settings.teacher_view, settings.student_intensity_passes) == ("same", 1)
    assert settings.warmup_fraction == 2 / 15
    assert settings.confidence == "any_class"
    assert settings.term_weighting == "self_divided"
    assert (settings.weight_decay, settings.momentum, settings.nesterov) == (1e-4, 0.9, False)


@pytest.mark.parametrize(
    ("trainer", "epochs", "warmup"),
    [
        (nnUNetTrainerDuCiSC_5epochs, 5, 167),
        (nnUNetTrainerDuCiSC_60epochs, 60, 2000),
        (nnUNetTrainerDuCiSC_250epochs, 250, 8333),
    ],
)
def test_a_length_changes_the_epochs_and_the_warm_up_with_them(trainer, epochs, warmup):
    """2/15 of 1,250 is 166.7; of 15,000, the paper's run, the official 2,000; of 62,500 8,333.3."""
    assert trainer.settings == nnUNetTrainerDuCiSC.settings.replace(num_epochs=epochs)
    assert trainer.settings.warmup_iterations == warmup


def test_the_papers_run_is_its_preset_for_fifteen_thousand_iterations():
    settings = nnUNetTrainerDuCiSC_paper_60epochs.settings
    assert settings == nnUNetTrainerDuCiSC_paper.settings.replace(num_epochs=60)
    assert settings.num_epochs * settings.num_iterations_per_epoch == 15_000


def test_no_entry_makes_the_supervised_twin_semi_supervised():
    settings = nnUNetTrainerDuCiSC_supervised.settings.overridden_by(
        {"lambda_cs_ulb": 2.0}, where="here"
    )
    assert settings.replace(**nnUNetTrainerDuCiSC_supervised.fixed_settings).is_supervised
