"""A cascade on the planned phantoms: its plans, written by hand, and its trainers."""

from __future__ import annotations

import json
from typing import Any

import torch

from nnunetv2_ducisc.trainer import nnUNetTrainerDuCiSC
from tests.planned import PlannedDataset

FIRST, SECOND = "3d_lowres", "3d_cascade_fullres"


def write_cascade_plans(dataset: PlannedDataset, plans_name: str, **settings: Any) -> str:
    """What nnU-Net plans for large images: a first stage of coarser voxels, and the second."""
    dataset.write_plans(plans_name, **settings)
    file = dataset.preprocessed / f"{plans_name}.json"
    plans = json.loads(file.read_text(encoding="utf-8"))
    configurations = plans["configurations"]
    configurations[FIRST] = {
        "inherits_from": "3d_fullres",
        "data_identifier": f"{plans_name}_{FIRST}",
        "spacing": [1.5 * mm for mm in configurations["3d_fullres"]["spacing"]],
        "next_stage": SECOND,
    }
    configurations[SECOND] = {"inherits_from": "3d_fullres", "previous_stage": FIRST}
    file.write_text(json.dumps(plans), encoding="utf-8")
    return plans_name


def trainer_of(
    dataset: PlannedDataset,
    plans_name: str,
    configuration: str,
    trainer_class: type = nnUNetTrainerDuCiSC,
) -> Any:
    """A trainer in this process, for fold ``all``."""
    plans = json.loads((dataset.preprocessed / f"{plans_name}.json").read_text(encoding="utf-8"))
    return trainer_class(
        plans=plans | {"continue_training": False},
        configuration=configuration,
        fold="all",
        dataset_json=json.loads(
            (dataset.preprocessed / "dataset.json").read_text(encoding="utf-8")
        ),
        device=torch.device("cpu"),
    )
