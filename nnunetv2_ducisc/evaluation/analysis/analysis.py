"""Analyze a trained fold: what the verb calls."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from nnunetv2_ducisc.evaluation.analysis.report.section import Section
from nnunetv2_ducisc.evaluation.analysis.report.style import style
from nnunetv2_ducisc.evaluation.analysis.report.write import (
    check_replaceable,
    check_writable,
    write_report,
)
from nnunetv2_ducisc.evaluation.analysis.sections.calibration import calibration_section
from nnunetv2_ducisc.evaluation.analysis.sections.density import density_section
from nnunetv2_ducisc.evaluation.analysis.sections.matching import matching_section
from nnunetv2_ducisc.evaluation.analysis.sections.mixed_images import mixed_image_section
from nnunetv2_ducisc.evaluation.analysis.sections.overlays import overlay_section
from nnunetv2_ducisc.evaluation.analysis.sections.pseudo_labels import pseudo_label_section
from nnunetv2_ducisc.evaluation.analysis.sections.training import training_section
from nnunetv2_ducisc.evaluation.analysis.subject import Subject
from nnunetv2_ducisc.nnunet.model_loading import load_model

SECTIONS: tuple[Callable[[Subject], Section], ...] = (
    matching_section,
    density_section,
    pseudo_label_section,
    calibration_section,
    training_section,
    mixed_image_section,
    overlay_section,
)


def analyze(
    model_folder: Path,
    fold: str,
    checkpoint: str,
    output: Path | None,
    predictions: Path | None,
    device: torch.device,
    max_cases: int,
    seed: int,
) -> Path:
    """Analyze a fold and write the report.

    Args:
        model_folder: ``.../TRAINER__PLANS__CONFIGURATION``.
        fold: like ``0`` or ``all``.
        checkpoint: the name of the file.
        output: folder to write; None for ``analysis`` in the fold's.
        predictions: folder of predicted test cases; None predicts a few.
        device: where the networks run.
        max_cases: the most labeled cases, and the most unlabeled ones.
        seed: of all draws; the same one gives the same report.

    Returns:
        The folder.

    Raises:
        DuCiSCError: there is no such model, its cases cannot be used, or the folder is taken.
    """
    output = output or model_folder / f"fold_{fold}" / "analysis"
    check_replaceable(output)
    model = load_model(model_folder, fold, checkpoint, device)
    check_writable(output)
    subject = Subject.of(model, max_cases, seed, predictions)
    with style():
        sections = [section(subject) for section in SECTIONS]
        write_report(output, *_heading(subject), sections)
    return output


def _heading(subject: Subject) -> tuple[str, dict[str, str]]:
    """The title, and what was looked at."""
    model = subject.model
    trainer = model.checkpoint.parents[1].name.split("__")[0]
    seen = subject.seen_unlabeled
    unlabeled = (
        f"{len(seen.cases)} of {len(subject.unlabeled.names)}"
        if seen and subject.unlabeled
        else "none"
    )
    return f"{trainer} on {model.plans.dataset_name}", {
        "configuration": model.configuration_name,
        "plans": model.plans.plans_name,
        "fold": model.fold,
        "checkpoint": model.checkpoint.name,
        "labeled cases": f"{len(subject.seen_labeled.cases)} of {len(subject.labeled.names)}",
        "unlabeled cases": unlabeled,
        "seed": str(subject.seed),
    }
