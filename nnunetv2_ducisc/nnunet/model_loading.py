"""From the folder of a trained fold to a TrainedModel, or a sentence that says what is amiss."""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import torch
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

from nnunetv2_ducisc.alternatives import confidence_of
from nnunetv2_ducisc.errors import DuCiSCError, one_line
from nnunetv2_ducisc.method.teacher import ema_teacher
from nnunetv2_ducisc.nnunet.checkpoint import KEY
from nnunetv2_ducisc.nnunet.features import plain_network
from nnunetv2_ducisc.nnunet.labels import labeling_of
from nnunetv2_ducisc.nnunet.observed_network import ObservedNetwork
from nnunetv2_ducisc.nnunet.trained_model import SemiSupervision, TrainedModel
from nnunetv2_ducisc.settings import DuCiSCSettings

# The ways of confidence that hold a voxel's probability against its class's threshold.
WITH_THRESHOLDS = ("self_aware", "none", "probability", "any_class")


def load_model(folder: Path, fold: str, checkpoint: str, device: torch.device) -> TrainedModel:
    """Load a fold.

    Args:
        folder: ``.../TRAINER__PLANS__CONFIGURATION``.
        fold: like ``0`` or ``all``.
        checkpoint: the name of the file, which has the student's weights.
        device: where the networks run.

    Raises:
        DuCiSCError: no such file, a file of teacher's weights alone, or a network that cannot be
            built or looked into.
    """
    file = folder / f"fold_{fold}" / checkpoint
    _check_is_there(file)
    predictor = _predictor(folder, fold, checkpoint, device)
    if predictor.configuration_manager.previous_stage_name is not None:
        raise DuCiSCError(
            f"{folder.name} is a cascade's second stage, whose input is another model's "
            "prediction: analyze the first stage (-c 3d_lowres), or 3d_fullres."
        )
    state = torch.load(file, map_location="cpu", weights_only=False, mmap=True).get(KEY, {})
    student = plain_network(predictor.network)
    if "teacher" not in state:
        return TrainedModel(
            file, fold, predictor, {"network": ObservedNetwork(student, device)}, None
        )
    networks = {"student": student}
    if state["settings"]["ensembling"] == "mean_teacher":
        teacher = ema_teacher(student, decay=0)  # it follows nobody any more
        teacher.load_state_dict(state["teacher"])
        networks["teacher"] = teacher.module
    observed = {name: ObservedNetwork(network, device) for name, network in networks.items()}
    return TrainedModel(file, fold, predictor, observed, _semi_supervision(state, predictor))


def _check_is_there(file: Path) -> None:
    folder = file.parent
    if not folder.is_dir():
        trainer, plans, configuration = file.parents[1].name.split("__")
        others = sorted(fold.name[5:] for fold in folder.parent.glob("fold_*"))
        raise DuCiSCError(
            f"There is no model {folder}: train it with nnUNetv2_train "
            f"{file.parents[2].name[7:10]} {configuration} {folder.name[5:]} -tr {trainer} -p "
            f"{plans}, or name another one with -tr, -c, -p or -f"
            + (f" (folds that are there: {', '.join(others)})." if others else ".")
        )
    if not file.is_file():
        there = ", ".join(sorted(other.name for other in folder.glob("*.pth"))) or "none"
        raise DuCiSCError(
            f"There is no {file}, but of checkpoints {there}: train to the end, or name another "
            "one with -chk."
        )
    if file.stem.endswith("_teacher"):
        raise DuCiSCError(
            f"{file.name} has the teacher in the place of the student: name the checkpoint of "
            "both with -chk, like checkpoint_final.pth."
        )


def _predictor(folder: Path, fold: str, checkpoint: str, device: torch.device) -> nnUNetPredictor:
    """nnU-Net's own way to a trained network, without its prints and tuning."""
    try:
        with redirect_stdout(io.StringIO()):
            predictor = nnUNetPredictor(device=device, allow_tqdm=False)
            predictor.initialize_from_trained_model_folder(str(folder), (fold,), checkpoint)
    except Exception as error:
        raise DuCiSCError(
            f"nnU-Net cannot load {folder / f'fold_{fold}' / checkpoint} ({one_line(error)}): try "
            "nnUNetv2_predict with it, which has to work first."
        ) from error
    torch.backends.cudnn.benchmark = False  # it would choose algorithms by their time
    torch.backends.cudnn.deterministic = True
    return predictor


def _semi_supervision(state: dict[str, Any], predictor: nnUNetPredictor) -> SemiSupervision | None:
    """What a checkpoint's state says; None where all lambdas were zero."""
    settings = DuCiSCSettings().overridden_by(state["settings"], "the checkpoint")
    if settings.is_supervised:
        return None
    if settings.confidence not in WITH_THRESHOLDS:
        raise DuCiSCError(
            f"This model was trained with confidence {settings.confidence!r}, which is not a "
            "threshold for every class, so that the report cannot say which pseudo labels "
            f"counted: analyze a model trained with {', '.join(WITH_THRESHOLDS)}, or measure this "
            "one with ducisc evaluate."
        )
    labeling, values = labeling_of(predictor.label_manager), state["thresholds"]["values"]
    confidence = confidence_of(settings, labeling, len(values), 1, predictor.device)
    confidence.load_state_dict(state["thresholds"])
    return SemiSupervision(settings, confidence, state["progress"]["rows"], state["iteration"])
