"""What of nnU-Net's many set-ups the method can train on, checked before anything starts."""

from __future__ import annotations

from nnunetv2.utilities.label_handling.label_handling import LabelManager
from nnunetv2.utilities.plans_handling.plans_handler import ConfigurationManager

from nnunetv2_ducisc.errors import DuCiSCError


def check_supported(configuration: ConfigurationManager, labels: LabelManager) -> None:
    """Refuse what would train wrongly.

    Raises:
        DuCiSCError: regions, an ignore label or a second cascade stage, with the way out.
    """
    found = {
        "region-based labels": labels.has_regions,
        "an ignore label": labels.has_ignore_label,
        "a cascade's second stage": configuration.previous_stage_name is not None,
    }
    for what, is_there in found.items():
        if is_there:
            raise DuCiSCError(
                f"This configuration has {what}, which semi-supervised training cannot use yet: "
                "train with -tr nnUNetTrainerDuCiSC_supervised or nnUNetTrainer, or choose plain "
                "labels and a configuration without a previous stage."
            )


def class_names(dataset_json: dict, labels: LabelManager) -> list[str]:
    """The names of the network's outputs, in their order."""
    names = {name: value for name, value in dataset_json["labels"].items() if name != "ignore"}
    if labels.has_regions:
        return [name for name in names if name != "background"]
    return sorted(names, key=lambda name: int(names[name]))
