"""One case's prediction, from logits to a file; what a worker process runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from nnunetv2.inference.export_prediction import resample_and_save
from nnunetv2.training.dataloading.nnunet_dataset import nnUNetBaseDataset
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

from nnunetv2_ducisc.errors import DuCiSCError, one_line
from nnunetv2_ducisc.nnunet.fingerprint import Source
from nnunetv2_ducisc.nnunet.previous_stage import write_stamp


@dataclass(frozen=True)
class ResamplingJob:
    """A prediction on the previous stage's grid, to be written on the second stage's.

    Attributes:
        logits: shape (C, *spatial).
        shape: spatial, of the second stage's image.
        properties: what nnU-Net's preprocessing for the previous stage has kept of the case.
        source: what the prediction is made of.
        folder: where to write, named like the case; it is made.
        dataset_class: nnU-Net's format of the second stage's cases.
        plans: that the previous stage was trained by.
        configuration_name: of the previous stage.
        dataset_json: content of the dataset's dataset.json.
    """

    logits: np.ndarray
    shape: tuple[int, ...]
    properties: dict[str, Any]
    source: Source
    folder: Path
    dataset_class: type[nnUNetBaseDataset]
    plans: PlansManager
    configuration_name: str
    dataset_json: dict[str, Any]


def resample(job: ResamplingJob) -> Path:
    """Write a prediction as nnU-Net does those of labeled cases.

    Returns:
        The folder, which holds the prediction and nothing else.

    Raises:
        DuCiSCError: it could not be written.
    """
    case, configuration = job.folder.name, job.plans.get_configuration(job.configuration_name)
    try:
        job.folder.mkdir()
        resample_and_save(
            job.logits,
            list(job.shape),
            str(job.folder / case),
            job.plans,
            configuration,
            job.properties,
            job.dataset_json,
            dataset_class=job.dataset_class,
        )
        write_stamp(job.folder, case, job.source)
    except (OSError, RuntimeError) as error:  # of a full disk blosc2 says RuntimeError
        raise DuCiSCError(
            f"The prediction of {case} cannot be written into {job.folder.parents[1]} "
            f"({one_line(error)}): make room there, then repeat the command."
        ) from error
    return job.folder


def install(written: Path, folder: Path) -> None:
    """Move a prediction into place, its stamp last: it is there once that is."""
    stamp = folder / f"{written.name}.json"
    stamp.unlink(missing_ok=True)
    for file in sorted(written.iterdir(), key=lambda file: file.name == stamp.name):
        file.replace(folder / file.name)
    written.rmdir()
