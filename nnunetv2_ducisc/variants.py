"""Presets and training lengths, each a class that ``-tr`` finds by its name."""

from __future__ import annotations

from typing import Any, ClassVar

from nnunetv2_ducisc import ablations
from nnunetv2_ducisc.ablations import *  # noqa: F403 (what -tr finds)
from nnunetv2_ducisc.nnunet.seeded_trainer import nnUNetTrainer_seeded
from nnunetv2_ducisc.settings import DuCiSCSettings
from nnunetv2_ducisc.trainer import nnUNetTrainerDuCiSC

__all__ = [  # what nnU-Net's lookup finds; see nnunet/registration
    "nnUNetTrainerDuCiSC",
    "nnUNetTrainerDuCiSC_5epochs",
    "nnUNetTrainerDuCiSC_60epochs",
    "nnUNetTrainerDuCiSC_250epochs",
    "nnUNetTrainerDuCiSC_official",
    "nnUNetTrainerDuCiSC_official_5epochs",
    "nnUNetTrainerDuCiSC_official_60epochs",
    "nnUNetTrainerDuCiSC_official_250epochs",
    "nnUNetTrainerDuCiSC_paper",
    "nnUNetTrainerDuCiSC_paper_5epochs",
    "nnUNetTrainerDuCiSC_paper_60epochs",
    "nnUNetTrainerDuCiSC_paper_250epochs",
    "nnUNetTrainerDuCiSC_supervised",
    "nnUNetTrainerDuCiSC_supervised_5epochs",
    "nnUNetTrainerDuCiSC_supervised_60epochs",
    "nnUNetTrainerDuCiSC_supervised_250epochs",
    "nnUNetTrainer_seeded",
    *ablations.__all__,
]

ALL_LAMBDAS_ZERO = {
    "lambda_proto_ulb": 0.0,
    "lambda_proto_mix": 0.0,
    "lambda_cs_ulb": 0.0,
    "lambda_cs_mix": 0.0,
}


class nnUNetTrainerDuCiSC_supervised(nnUNetTrainerDuCiSC):
    """The supervised twin: the same trainer and length, no unlabeled image, losses as stock's."""

    fixed_settings: ClassVar[dict[str, Any]] = ALL_LAMBDAS_ZERO


class nnUNetTrainerDuCiSC_paper(nnUNetTrainerDuCiSC):
    """The paper's numbers: its distance, thresholds, views, lambdas and optimizer."""

    settings = DuCiSCSettings(
        lambda_proto_ulb=0.1,
        lambda_proto_mix=0.1,
        lambda_cs_ulb=0.3,
        lambda_cs_mix=0.1,
        prototype_norm="sum",
        threshold_min=0.0,
        threshold_max=1.0,
        warmup_fraction=0.0,
        teacher_view="same",
        student_intensity_passes=1,
        lr_schedule="constant",
        weight_decay=5e-4,
        momentum=0.9,
        nesterov=False,
    )


class nnUNetTrainerDuCiSC_official(nnUNetTrainerDuCiSC):
    """As near to the authors' code as nnU-Net allows; docs/method.md lists what stays apart."""

    settings = nnUNetTrainerDuCiSC_paper.settings.replace(
        term_weighting="self_divided",
        confidence="any_class",
        prototype_norm="mean",
        prototype_pairs="batch_mean",
        threshold_min=0.5,
        threshold_max=0.95,
        warmup_fraction=2 / 15,
        weight_decay=1e-4,
    )


class nnUNetTrainerDuCiSC_5epochs(nnUNetTrainerDuCiSC):
    """The default preset for 5 epochs, to see that everything runs."""

    settings = nnUNetTrainerDuCiSC.settings.replace(num_epochs=5)


class nnUNetTrainerDuCiSC_60epochs(nnUNetTrainerDuCiSC):
    """The default preset for 60 epochs, the paper's 15,000 iterations."""

    settings = nnUNetTrainerDuCiSC.settings.replace(num_epochs=60)


class nnUNetTrainerDuCiSC_250epochs(nnUNetTrainerDuCiSC):
    """The default preset for 250 epochs."""

    settings = nnUNetTrainerDuCiSC.settings.replace(num_epochs=250)


class nnUNetTrainerDuCiSC_supervised_5epochs(nnUNetTrainerDuCiSC_supervised):
    """The supervised twin for 5 epochs, to see that everything runs."""

    settings = nnUNetTrainerDuCiSC_supervised.settings.replace(num_epochs=5)


class nnUNetTrainerDuCiSC_supervised_60epochs(nnUNetTrainerDuCiSC_supervised):
    """The supervised twin for 60 epochs, the paper's 15,000 iterations."""

    settings = nnUNetTrainerDuCiSC_supervised.settings.replace(num_epochs=60)


class nnUNetTrainerDuCiSC_supervised_250epochs(nnUNetTrainerDuCiSC_supervised):
    """The supervised twin for 250 epochs."""

    settings = nnUNetTrainerDuCiSC_supervised.settings.replace(num_epochs=250)


class nnUNetTrainerDuCiSC_paper_5epochs(nnUNetTrainerDuCiSC_paper):
    """The paper's preset for 5 epochs, to see that everything runs."""

    settings = nnUNetTrainerDuCiSC_paper.settings.replace(num_epochs=5)


class nnUNetTrainerDuCiSC_paper_60epochs(nnUNetTrainerDuCiSC_paper):
    """The paper's preset for 60 epochs, the paper's 15,000 iterations."""

    settings = nnUNetTrainerDuCiSC_paper.settings.replace(num_epochs=60)


class nnUNetTrainerDuCiSC_paper_250epochs(nnUNetTrainerDuCiSC_paper):
    """The paper's preset for 250 epochs."""

    settings = nnUNetTrainerDuCiSC_paper.settings.replace(num_epochs=250)


class nnUNetTrainerDuCiSC_official_5epochs(nnUNetTrainerDuCiSC_official):
    """The official code's preset for 5 epochs, to see that everything runs."""

    settings = nnUNetTrainerDuCiSC_official.settings.replace(num_epochs=5)


class nnUNetTrainerDuCiSC_official_60epochs(nnUNetTrainerDuCiSC_official):
    """The official code's preset for 60 epochs, the paper's 15,000 iterations."""

    settings = nnUNetTrainerDuCiSC_official.settings.replace(num_epochs=60)


class nnUNetTrainerDuCiSC_official_250epochs(nnUNetTrainerDuCiSC_official):
    """The official code's preset for 250 epochs."""

    settings = nnUNetTrainerDuCiSC_official.settings.replace(num_epochs=250)
