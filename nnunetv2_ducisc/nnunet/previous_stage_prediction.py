"""Unlabeled cases, predicted by the previous stage's model for a cascade's second stage."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from pickle import UnpicklingError

import torch
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
from nnunetv2.inference.sliding_window_prediction import compute_gaussian
from nnunetv2.training.dataloading.nnunet_dataset import infer_dataset_class, nnUNetBaseDataset
from tqdm import tqdm

from nnunetv2_ducisc.errors import DuCiSCError, one_line
from nnunetv2_ducisc.nnunet.checkpoint import random_state, restore_random_state
from nnunetv2_ducisc.nnunet.fingerprint import Source
from nnunetv2_ducisc.nnunet.preprocessing import locked, prepare_unlabeled
from nnunetv2_ducisc.nnunet.previous_stage import CHECKPOINT, PreviousStage
from nnunetv2_ducisc.nnunet.previous_stage_case import ResamplingJob, install, resample
from nnunetv2_ducisc.nnunet.unlabeled_data import UnlabeledData
from nnunetv2_ducisc.workers import as_they_finish, processes


def prepare_predictions(
    stage: PreviousStage, device: torch.device, num_processes: int, may_predict: bool = True
) -> Path:
    """Predict the unlabeled cases whose prediction is missing, or of another model or image.

    The cases have to be preprocessed for the second stage; for the previous one it is done here. A
    prediction appears whole or not at all, and two processes may do this at once. What a training
    draws afterwards does not depend on whether anything was predicted.

    Args:
        stage: the model, and the cases.
        device: where the network runs.
        num_processes: worker processes that resample; 1 means none but this one.
        may_predict: whether a missing prediction is made, or is an error (under several GPUs, where
            the other processes would wait until they time out).

    Returns:
        The folder of the predictions, in the format that nnU-Net's dataset class reads.

    Raises:
        DuCiSCError: the model is not trained or cannot be loaded, or a case cannot be predicted.
    """
    stage.check_trained()
    cases = stage.data.cases()
    missing = stage.missing(cases)
    if missing and not may_predict:
        raise DuCiSCError(
            f"{len(missing)} of {len(cases)} unlabeled cases have no prediction of {stage.name} "
            f"from its present model and their present images, {next(iter(missing))} among them: "
            f"run {stage.command()} before you train on several GPUs."
        )
    if missing:
        prepare_unlabeled(stage.input, num_processes)
        with locked(stage.folder), _nothing_drawn():
            _predict(stage, stage.missing(cases), device, num_processes)
    return stage.folder


@contextmanager
def _nothing_drawn() -> Iterator[None]:
    """Leave every random generator as it was: building a network draws its weights."""
    state = random_state()
    try:
        yield
    finally:
        restore_random_state(state)


def _predict(
    stage: PreviousStage, missing: dict[str, Source], device: torch.device, num_processes: int
) -> None:
    """Predict one case after the other, while worker processes resample and write the others."""
    workers = max(1, min(num_processes, len(missing)))
    in_flight = 1 if workers == 1 else workers + 2  # nnU-Net lets two wait too
    description = f"Predicting unlabeled cases with {stage.name}"
    with (
        tempfile.TemporaryDirectory(
            prefix=f"{stage.folder.name}.tmp-",
            dir=stage.folder.parent,
            ignore_cleanup_errors=True,
        ) as temporary,
        tqdm(desc=description, total=len(missing)) as progress,
        processes(workers) as executor,
    ):
        jobs = _predicted(stage, missing, device, Path(temporary))
        try:
            for finished in as_they_finish(executor, resample, jobs, in_flight):
                install(finished.result(), stage.folder)
                progress.update()
        except BrokenProcessPool as error:
            raise DuCiSCError(
                f"One of {workers} worker processes was killed while resampling predictions, most "
                f"likely because memory ran out: run {stage.command(f' -np {workers // 2}')}, "
                "which has fewer workers."
            ) from error


def _predicted(
    stage: PreviousStage, missing: dict[str, Source], device: torch.device, temporary: Path
) -> Iterator[ResamplingJob]:
    """Logits of each case, by nnU-Net's sliding window, when they are asked for."""
    predictor = _predictor(stage, device)
    given, wanted = _reader(stage.input, list(missing)), _reader(stage.data, list(missing))
    for case, source in missing.items():
        image, _, _, properties = given.load_case(case)
        logits = predictor.predict_sliding_window_return_logits(torch.from_numpy(image[:]))
        yield ResamplingJob(
            logits.cpu().numpy(),
            tuple(wanted.load_case(case)[0].shape[1:]),
            properties,
            source,
            temporary / case,
            type(wanted),
            predictor.plans_manager,
            stage.name,
            predictor.dataset_json,
        )
    compute_gaussian.cache_clear()  # it lies on the device


def _reader(data: UnlabeledData, cases: list[str]) -> nnUNetBaseDataset:
    """nnU-Net's reader of preprocessed cases."""
    return infer_dataset_class(str(data.folder))(str(data.folder), cases)


def _predictor(stage: PreviousStage, device: torch.device) -> nnUNetPredictor:
    """nnU-Net's own way to a trained network, set as for the labeled cases, without its prints."""
    try:
        with redirect_stdout(io.StringIO()):
            predictor = nnUNetPredictor(device=device, allow_tqdm=False)
            predictor.initialize_from_trained_model_folder(
                str(stage.model), (stage.fold,), CHECKPOINT
            )
    except (RuntimeError, OSError, EOFError, UnpicklingError, KeyError, ValueError) as error:
        raise DuCiSCError(
            f"nnU-Net cannot load {stage.checkpoint} ({one_line(error)}): train it again with "
            f"{stage.train_command()}."
        ) from error
    if predictor.configuration_manager.previous_stage_name is not None:
        raise DuCiSCError(
            f"{stage.name} has a previous stage of its own: cascades of two stages are supported."
        )
    return predictor
