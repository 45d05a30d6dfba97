"""A plans file of the demo's own: the planned one with a network and a run that a CPU can carry.

This is what a user does by hand: copy ``nnUNetPlans.json`` under a new name, edit it, and name it
with ``-p``. The preprocessed images stay valid, since nothing that shapes them is changed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

CONFIGURATION = "3d_fullres"
PLANS = "nnUNetPlans_demo"
FEATURES = [8, 16, 32, 64]
EPOCHS = 20
ITERATIONS_PER_EPOCH = 40
SETTINGS = {
    "num_epochs": EPOCHS,
    "num_iterations_per_epoch": ITERATIONS_PER_EPOCH,
    "num_val_iterations_per_epoch": 2,
    # nnU-Net's momentum of 0.99 is for long runs; with these numbers the supervised twin fits its
    # own four labels in about half of this one. Both methods get them.
    "initial_lr": 0.1,
    "momentum": 0.9,
    # An immature teacher holds the student back, so half of the run is plain supervised training.
    "warmup_fraction": 0.5,
    "seed": 0,
}


def write_demo_plans(preprocessed: Path) -> Path:
    """Write ``nnUNetPlans_demo.json`` beside the ``nnUNetPlans.json`` of a planned data set.

    Args:
        preprocessed: ``nnUNet_preprocessed/DatasetXXX_Name``.

    Returns:
        The new file.
    """
    plans = json.loads((preprocessed / "nnUNetPlans.json").read_text(encoding="utf-8"))
    plans["plans_name"] = PLANS
    _shrink(plans["configurations"][CONFIGURATION])
    plans["configurations"][CONFIGURATION]["ducisc"] = SETTINGS
    path = preprocessed / f"{PLANS}.json"
    path.write_text(json.dumps(plans, indent=4), encoding="utf-8")
    return path


def _shrink(configuration: dict[str, Any]) -> None:
    """A smaller patch, and a U-Net of four stages that starts with 8 features instead of 32.

    With one convolution where the resolution is highest a step takes about half as long.
    """
    stages = len(FEATURES)
    configuration["batch_size"] = 2
    configuration["patch_size"] = [32, 32, 32]
    network = configuration["architecture"]["arch_kwargs"]
    network["n_stages"] = stages
    network["features_per_stage"] = FEATURES
    for key in ("kernel_sizes", "strides"):
        network[key] = network[key][:stages]
    network["n_conv_per_stage"] = [1] + [2] * (stages - 1)
    network["n_conv_per_stage_decoder"] = [1] * (stages - 1)
