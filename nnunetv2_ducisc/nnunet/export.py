"""Export: a model that stock nnU-Net predicts with, on a machine without this package."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nnunetv2_ducisc import __version__
from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.nnunet import checkpoint_file
from nnunetv2_ducisc.nnunet.checkpoint import KEY
from nnunetv2_ducisc.whole import beside

MODEL_FILES = ("plans.json", "dataset.json", "dataset_fingerprint.json")


def export_model(
    source: Path, folds: Sequence[str], checkpoint_name: str, destination: Path
) -> None:
    """Write a model folder whose checkpoints name ``nnUNetTrainer``.

    The architecture is nnU-Net's own, so that the weights need nothing else.

    Args:
        source: a trained model, ``.../nnUNetTrainerDuCiSC__nnUNetPlans__3d_fullres``.
        folds: the folds to export, as in ``fold_0``.
        checkpoint_name: the student's ``checkpoint_final.pth`` or the teacher's
            ``checkpoint_final_teacher.pth``.
        destination: the new model folder, for ``nnUNetv2_predict_from_modelfolder -m``; every
            fold's checkpoint is called ``checkpoint_final.pth`` there.

    Raises:
        DuCiSCError: the destination exists, or a file of the model is missing or cut off.
    """
    files = {fold: source / f"fold_{fold}" / checkpoint_name for fold in folds}
    for file in [source / name for name in MODEL_FILES[:2]] + list(files.values()):
        if not file.is_file():
            raise DuCiSCError(
                f"{file} does not exist: train this model to its end first, or name another fold "
                "(-f), trainer (-tr) or checkpoint (-chk)."
            )
    if destination.exists():
        raise DuCiSCError(f"{destination} exists already: name a new folder with -o.")
    unfinished = beside(destination)
    shutil.rmtree(unfinished, ignore_errors=True)
    for fold, file in files.items():
        new = unfinished / f"fold_{fold}" / "checkpoint_final.pth"
        new.parent.mkdir(parents=True)
        checkpoint_file.write_whole(_stock_checkpoint(file), new)
    for name in MODEL_FILES:
        if (source / name).is_file():
            shutil.copyfile(source / name, unfinished / name)
    unfinished.rename(destination)


def _stock_checkpoint(file: Path) -> dict[str, Any]:
    """A checkpoint under stock nnU-Net's name, which says in one more key where it is from."""
    checkpoint = checkpoint_file.read(file)
    checkpoint.pop(KEY, None)
    origin = {
        "trainer_name": checkpoint["trainer_name"],
        "checkpoint": file.name,
        "nnunetv2_ducisc": __version__,
    }
    return {**checkpoint, "trainer_name": "nnUNetTrainer", "exported_from": origin}
