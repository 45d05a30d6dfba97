"""Phantoms like brain MRI: two channels, thick slices, zeros around the body; ResEnc plans."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK
from nnunetv2.dataset_conversion.generate_dataset_json import generate_dataset_json

from benchmarks.demo.phantoms import LABELS, phantom
from tests.commands import run
from tests.planned import SETTINGS, PlannedDataset, console

PLANS = "resenc"
STOCK_PLANS = "nnUNetResEncUNetMPlans"
CONFIGURATIONS = ("2d", "3d_fullres")
CASES = {"Tr": 3, "Un": 3, "Ts": 1}
SHAPE, MARGIN = (8, 28, 28), 6  # voxels; 28 of 40 rows and columns are 49 % of a slice
SPACING_MM = (1.0, 1.0, 4.0)
# Of thick slices nnU-Net plans flat patches: 32 / 8 is more than 3, hence pseudo-2D augmentation.
PATCH = {"2d": [32, 32], "3d_fullres": [8, 32, 32]}
FLAT = [1, 2, 2]


def body(shape: tuple[int, ...]) -> np.ndarray:
    """A cylinder: its corners are zeros that no cropping takes away."""
    row, column = np.ogrid[: shape[1], : shape[2]]
    inside = (row - 13.5) ** 2 + (column - 13.5) ** 2 < 14**2
    return np.broadcast_to(inside, shape)


def write_raw(raw: Path) -> None:
    """Cases of both channels; the second has its contrast turned round."""
    index = 0
    for part, count in CASES.items():
        for _ in range(count):
            case = phantom(seed=0, index=index, shape=SHAPE)
            inside = body(SHAPE)
            for channel, values in enumerate((case.image + 0.1, 1.2 - case.image)):
                _write(values * inside, raw / f"images{part}" / f"mri_{index}_{channel:04d}.nii.gz")
            if part != "Un":
                _write(case.label * inside, raw / f"labels{part}" / f"mri_{index}.nii.gz")
            index += 1
    generate_dataset_json(str(raw), {0: "T1", 1: "T2"}, LABELS, CASES["Tr"], ".nii.gz")


def _write(values: np.ndarray, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    image = SimpleITK.GetImageFromArray(np.pad(values, [(0, 0), (MARGIN,) * 2, (MARGIN,) * 2]))
    image.SetSpacing(SPACING_MM)
    SimpleITK.WriteImage(image, str(file))


def plan_mri(root: Path) -> dict[str, PlannedDataset]:
    """Write the phantoms, let nnU-Net plan a ResEnc preset, and shrink its networks.

    Returns:
        The data set as each configuration sees it. Of the three labeled cases fold 0 validates on
        the last.
    """
    name = "Dataset904_Mri"
    views = {c: PlannedDataset(root, name, c) for c in CONFIGURATIONS}
    dataset = views["2d"]
    write_raw(dataset.raw)
    run(
        *(console("nnUNetv2_plan_and_preprocess"), "-d", "904", "-pl", "nnUNetPlannerResEncM"),
        *("-c", *CONFIGURATIONS, "-np", "1", "1", "-npfp", "1", "--no_pbar"),
        environment=dataset.environment(root / "results") | {"nnUNet_n_proc_DA": "1"},
    )
    write_plans(dataset.preprocessed)
    split = [{"train": ["mri_0", "mri_1"], "val": ["mri_2"]}]
    (dataset.preprocessed / "splits_final.json").write_text(json.dumps(split), encoding="utf-8")
    return views


def write_plans(preprocessed: Path) -> None:
    """The preset's plans with four stages of one block and at most eight features."""
    plans = read_plans(preprocessed, STOCK_PLANS)
    plans["plans_name"] = PLANS
    for name in CONFIGURATIONS:
        configuration = plans["configurations"][name]
        dimensions = len(configuration["spacing"])
        configuration |= {"batch_size": 2, "patch_size": PATCH[name]}
        configuration["architecture"]["arch_kwargs"] |= {
            "n_stages": 4,
            "features_per_stage": [4, 8, 8, 8],
            "kernel_sizes": [[1, 3, 3][-dimensions:]] + [[3] * dimensions] * 3,
            "strides": [[1] * dimensions, FLAT[-dimensions:]] + [[2] * dimensions] * 2,
            "n_blocks_per_stage": [1] * 4,
            "n_conv_per_stage_decoder": [1] * 3,
        }
        configuration["ducisc"] = SETTINGS | {"num_epochs": 3, "warmup_fraction": 0.3}
    (preprocessed / f"{PLANS}.json").write_text(json.dumps(plans), encoding="utf-8")


def read_plans(preprocessed: Path, name: str) -> dict[str, Any]:
    return json.loads((preprocessed / f"{name}.json").read_text(encoding="utf-8"))
