"""A tiny data set that nnU-Net itself has planned and preprocessed, for tests of the trainer."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import SimpleITK
import torch

from benchmarks.demo.phantoms import write_dataset
from nnunetv2_ducisc.trainer import nnUNetTrainerDuCiSC
from tests import commands

GARBAGE = b"not an image"
SETTINGS = {
    "num_epochs": 2,
    "num_iterations_per_epoch": 2,
    "num_val_iterations_per_epoch": 1,
    "save_every": 1,
    "seed": 0,
    "warmup_fraction": 0.5,
}


def console(name: str) -> str:
    """The path of a console command of the environment that runs the tests."""
    return str(Path(sys.executable).parent / name)


def wait_for_rows(log: Path, rows: int, process: subprocess.Popen | commands.Command) -> None:
    """Return when a training has logged so many epochs."""
    while not (log.is_file() and len(log.read_text(encoding="utf-8").splitlines()) > rows):
        assert process.poll() is None, "training ended before it could be killed"
        time.sleep(0.02)


@dataclass(frozen=True)
class PlannedDataset:
    """Three labeled, four unlabeled and two test phantoms below ``root``, and stock's plans."""

    root: Path
    name: str
    configuration: str

    @property
    def raw(self) -> Path:
        return self.root / "raw" / self.name

    @property
    def preprocessed(self) -> Path:
        return self.root / "preprocessed" / self.name

    @property
    def dataset_id(self) -> str:
        return self.name[7:10]

    def environment(self, results: Path) -> dict[str, str]:
        """nnU-Net's three variables and as few processes as it allows."""
        return {
            "nnUNet_raw": str(self.root / "raw"),
            "nnUNet_preprocessed": str(self.root / "preprocessed"),
            "nnUNet_results": str(results),
            "nnUNet_n_proc_DA": "0",
            "nnUNet_def_n_proc": "1",
            "OMP_NUM_THREADS": "1",
        }

    def write_plans(self, plans_name: str, **settings: Any) -> str:
        """A plans file of its own, with a network of four stages and four features."""
        plans = json.loads((self.preprocessed / "nnUNetPlans.json").read_text(encoding="utf-8"))
        plans["plans_name"] = plans_name
        configuration = plans["configurations"][self.configuration]
        dimensions = len(configuration["spacing"])
        configuration |= {"batch_size": 2, "patch_size": [16] * dimensions}
        configuration["architecture"]["arch_kwargs"] |= {
            "n_stages": 4,
            "features_per_stage": [4, 8, 8, 8],
            "kernel_sizes": [[3] * dimensions] * 4,
            "strides": [[1] * dimensions] + [[2] * dimensions] * 3,
            "n_conv_per_stage": [1] * 4,
            "n_conv_per_stage_decoder": [1] * 3,
        }
        configuration["ducisc"] = SETTINGS | settings
        (self.preprocessed / f"{plans_name}.json").write_text(json.dumps(plans), encoding="utf-8")
        return plans_name

    def trainer(
        self,
        trainer_class: type = nnUNetTrainerDuCiSC,
        continue_training: bool = False,
        device: str = "cpu",
        plans_name: str = "tiny",
        **settings: Any,
    ) -> Any:
        """A trainer of this data set in this process, for fold ``all``."""
        self.write_plans(plans_name, **settings)
        plans = json.loads((self.preprocessed / f"{plans_name}.json").read_text(encoding="utf-8"))
        return trainer_class(
            plans=plans | {"continue_training": continue_training},
            configuration=self.configuration,
            fold="all",
            dataset_json=json.loads(
                (self.preprocessed / "dataset.json").read_text(encoding="utf-8")
            ),
            device=torch.device(device),
        )


def started(trainer: Any) -> Any:
    """The trainer as it stands before its first step."""
    trainer.on_train_start()
    trainer.on_epoch_start()
    trainer.on_train_epoch_start()
    return trainer


# What the phantoms' classes chamber 1, wall 2 and vessel 3 are called in dataset.json.
REGIONS = {"background": 0, "heart": [1, 2], "chamber": 1, "vessel": 3}
LABEL_KINDS = {
    "classes": {},
    "regions": {"labels": REGIONS, "regions_class_order": [2, 1, 3]},
    "ignore": {"labels": {"background": 0, "chamber": 1, "wall": 2, "vessel": 3, "ignore": 4}},
    "regions and ignore": {"labels": REGIONS | {"ignore": 4}, "regions_class_order": [2, 1, 3]},
}


def relabel(raw: Path, kind: str) -> None:
    """Describe the labels anew; with an ignore label nobody has annotated the first third."""
    file = raw / "dataset.json"
    file.write_text(
        json.dumps(json.loads(file.read_text(encoding="utf-8")) | LABEL_KINDS[kind]),
        encoding="utf-8",
    )
    if "ignore" in kind:
        for label in (raw / "labelsTr").iterdir():
            picture = SimpleITK.ReadImage(str(label))
            voxels = SimpleITK.GetArrayFromImage(picture)
            voxels[: len(voxels) // 3] = 4
            marked = SimpleITK.GetImageFromArray(voxels)
            marked.CopyInformation(picture)
            SimpleITK.WriteImage(marked, str(label))


def plan(root: Path, dimensions: int, kind: str = "classes") -> PlannedDataset:
    """Write the phantoms and let nnU-Net's own command plan and preprocess them.

    Where the withheld labels of the unlabeled cases would be lies garbage, which no reader reads.
    """
    name, configuration = {2: ("Dataset902_Tiny2d", "2d"), 3: ("Dataset903_Tiny3d", "3d_fullres")}[
        dimensions
    ]
    dataset = PlannedDataset(root, name, configuration)
    write_dataset(
        dataset.raw,
        labeled=3,
        unlabeled=4,
        test=2,
        shape=(20, 22, 24)[:dimensions],
        seed=0,
        dimensions=dimensions,
    )
    relabel(dataset.raw, kind)
    for file in (dataset.raw / "imagesUn").iterdir():
        label = dataset.raw / "labelsUn" / file.name.replace("_0000", "")
        label.parent.mkdir(exist_ok=True)
        label.write_bytes(GARBAGE)
    commands.run(
        *(console("nnUNetv2_plan_and_preprocess"), "-d", dataset.dataset_id, "-c", configuration),
        *("-np", "1", "-npfp", "1", "--no_pbar", "--verify_dataset_integrity"),
        # nnU-Net's planner sets this many threads, and zero is none too many for it
        environment=dataset.environment(root / "results") | {"nnUNet_n_proc_DA": "1"},
    )
    return dataset
