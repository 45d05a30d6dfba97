"""``ducisc doctor``: one line a check, and what to do about each that fails.

This module is imported where torch or nnU-Net may be broken or absent: it imports neither.
"""

from __future__ import annotations

from nnunetv2_ducisc.doctor import installation
from nnunetv2_ducisc.doctor.check import Check, Report
from nnunetv2_ducisc.doctor.folders import existing_folder, writable_folder

_INSTALLATION = [
    Check("Python", installation.python_version),
    Check("packages", installation.package_versions),
    Check("torch", installation.torch_pair),
    Check("nnUNet_raw", lambda: existing_folder("nnUNet_raw")),
    Check("nnUNet_preprocessed", lambda: writable_folder("nnUNet_preprocessed")),
    Check("nnUNet_results", lambda: writable_folder("nnUNet_results")),
    Check("trainer", installation.trainer_lookup),
]


def diagnose(dataset: str | None, configuration: str | None, plans: str) -> bool:
    """Print the report.

    Args:
        dataset: number or name of a dataset to look at too.
        configuration: its configuration, to look at plans, preprocessed cases and images too.
        plans: the name of its plans.

    Returns:
        Whether everything is in order.
    """
    report = Report()
    report.look_at_all(_INSTALLATION)
    if dataset is not None and not report.failed:
        from nnunetv2_ducisc.doctor.dataset import dataset_checks

        report.look_in_turn(dataset_checks(dataset, configuration, plans))
    elif dataset is not None:
        report.skip("dataset")
    return report.conclude()
