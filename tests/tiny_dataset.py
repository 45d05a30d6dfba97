"""A tiny raw dataset with hand-made plans, and what the tests of its preprocessing share."""

from __future__ import annotations

import json
import os
import pickle
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import blosc2
import nibabel
import numpy as np
import pytest
import SimpleITK
import tifffile
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager
from skimage import io

from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.nnunet.preprocessing import prepare_unlabeled
from nnunetv2_ducisc.nnunet.unlabeled_data import UnlabeledData

SPACING = (2.0, 1.0, 1.0)  # mm, in the order of the array's axes

_RESAMPLING = {"is_seg": False, "order": 3, "order_z": 0, "force_separate_z": None}


def image(seed: int, shape: tuple[int, ...] = (10, 14, 12)) -> np.ndarray:
    """Noise in a frame of zeros, so that nnU-Net has something to crop."""
    values = np.random.default_rng(seed).integers(1, 200, shape).astype(np.float32)
    framed = np.zeros_like(values)
    inside = tuple(slice(2, -1) for _ in shape)
    framed[inside] = values[inside]
    return framed


def write(file: Path, values: np.ndarray) -> None:
    """Write an image in the format of its ending; NIfTI with ``SPACING``."""
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.suffix == ".png":
        io.imsave(file, values.astype(np.uint8), check_contrast=False)
    elif file.suffix == ".tif":
        tifffile.imwrite(file, values)
    elif file.name.endswith(".nii"):
        affine = np.diag([*SPACING[::-1], 1.0])
        nibabel.save(nibabel.Nifti1Image(values.transpose(), affine), file)
    else:
        itk = SimpleITK.GetImageFromArray(values)
        itk.SetSpacing(SPACING[::-1])
        SimpleITK.WriteImage(itk, file)


@dataclass
class TinyDataset:
    """Dataset501_Tiny: raw images below ``root``, and plans for one configuration."""

    root: Path
    ending: str = ".nii.gz"
    reader: str = "SimpleITKIO"
    num_channels: int = 1
    spacing: tuple[float, ...] = (1.5, 1.0, 1.0)
    labels: dict[str, Any] = field(default_factory=lambda: {"background": 0, "organ": 1})
    plans_name: str = "nnUNetPlans"

    @property
    def raw(self) -> Path:
        return self.root / "nnUNet_raw" / "Dataset501_Tiny"

    @property
    def preprocessed(self) -> Path:
        return self.root / "nnUNet_preprocessed" / "Dataset501_Tiny"

    @property
    def folder(self) -> Path:
        return self.preprocessed / f"{self.plans_name}_{self.configuration}_unlabeled"

    @property
    def configuration(self) -> str:
        return "3d_fullres" if len(self.spacing) == 3 else "2d"

    @property
    def dataset_json(self) -> dict[str, Any]:
        return {
            "channel_names": {str(c): "MR" for c in range(self.num_channels)},
            "labels": self.labels,
            "regions_class_order": [1, 2],
            "file_ending": self.ending,
        }

    @property
    def plans(self) -> dict[str, Any]:
        """What nnU-Net's planner writes, as far as preprocessing reads it."""
        resampling = "resample_data_or_seg_to_shape"
        return {
            "dataset_name": "Dataset501_Tiny",
            "plans_name": self.plans_name,
            "image_reader_writer": self.reader,
            "label_manager": "LabelManager",
            "transpose_forward": [1, 0, 2] if len(self.spacing) == 3 else [0, 1, 2],
            "foreground_intensity_properties_per_channel": {
                str(c): {"mean": 90.0, "std": 30.0} for c in range(self.num_channels)
            },
            "configurations": {
                self.configuration: {
                    "data_identifier": f"{self.plans_name}_{self.configuration}",
                    "preprocessor_name": "DefaultPreprocessor",
                    "batch_size": 2,
                    "patch_size": [8] * len(self.spacing),
                    "spacing": list(self.spacing),
                    "normalization_schemes": ["ZScoreNormalization"] * self.num_channels,
                    "use_mask_for_norm": [True] * self.num_channels,
                    "resampling_fn_data": resampling,
                    "resampling_fn_seg": resampling,
                    "resampling_fn_data_kwargs": _RESAMPLING,
                    "resampling_fn_seg_kwargs": {**_RESAMPLING, "is_seg": True, "order": 1},
                    "architecture": {},
                }
            },
        }

    def unlabeled(self, **changes_of_plans: Any) -> UnlabeledData:
        """The unlabeled data seen through the plans, with some entries of the configuration set."""
        plans = self.plans
        plans["configurations"][self.configuration].update(changes_of_plans)
        return UnlabeledData(
            self.raw, self.preprocessed, PlansManager(plans), self.configuration, self.dataset_json
        )

    def add(self, case: str, seed: int = 0, folder: str = "imagesUn") -> list[Path]:
        """Write a case, one file a channel."""
        files = [
            self.raw / folder / f"{case}_{c:04d}{self.ending}" for c in range(self.num_channels)
        ]
        for channel, file in enumerate(files):
            write(file, image(100 * seed + channel))
        return files

    def write_plans(self) -> None:
        """Put plans and dataset.json where nnU-Net's planning leaves them."""
        self.preprocessed.mkdir(parents=True, exist_ok=True)
        (self.preprocessed / f"{self.plans_name}.json").write_text(
            json.dumps(self.plans), encoding="utf-8"
        )
        (self.preprocessed / "dataset.json").write_text(
            json.dumps(self.dataset_json), encoding="utf-8"
        )


def touch_later(file: Path) -> None:
    """Make a file look as if it was written a second later than it was."""
    stat = file.stat()
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns + 10**9))


def prepare(data: UnlabeledData, num_processes: int = 1, **options: Any) -> tuple[Path, list[str]]:
    return prepare_unlabeled(data, num_processes, **options)


def missing_cases(data: UnlabeledData) -> list[str]:
    return list(data.missing(data.cases()))


def refusal(data: UnlabeledData, num_processes: int = 1, **options: Any) -> str:
    with pytest.raises(DuCiSCError) as caught:
        prepare(data, num_processes, **options)
    return str(caught.value)


def properties(folder: Path, case: str) -> dict[str, Any]:
    return pickle.loads((folder / f"{case}.pkl").read_bytes())


def arrays(folder: Path, case: str) -> list[np.ndarray]:
    return [blosc2.open(str(folder / f"{case}{end}.b2nd"))[:] for end in ("", "_seg")]


def written(folder: Path) -> dict[str, int]:
    """What lies in a folder, and when it was written (ns)."""
    return {file.name: file.stat().st_mtime_ns for file in folder.iterdir()}


def names_of(*cases: str) -> set[str]:
    return {f"{case}{end}" for case in cases for end in (".b2nd", "_seg.b2nd", ".pkl")}
