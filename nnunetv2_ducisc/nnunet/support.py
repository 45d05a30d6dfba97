"""What of nnU-Net's many set-ups the method can train on, checked before anything starts."""

from __future__ import annotations

from nnunetv2.utilities.plans_handling.plans_handler import ConfigurationManager

from nnunetv2_ducisc.errors import DuCiSCError


def check_supported(configuration: ConfigurationManager) -> None:
    """Refuse what would train wrongly.

    Raises:
        DuCiSCError: a second cascade stage, with the way out.
    """
    if configuration.previous_stage_name is not None:
        raise DuCiSCError(
            "This configuration is a cascade's second stage, which semi-supervised training cannot "
            "use yet: train with -tr nnUNetTrainerDuCiSC_supervised or nnUNetTrainer, or choose a "
            "configuration without a previous stage."
        )
