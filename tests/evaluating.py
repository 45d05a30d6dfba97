"""A folder of references and one of predictions, for the tests of ``ducisc evaluate``."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
import tifffile
from numpy.typing import NDArray
from skimage import io

from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.evaluation.metrics_file import Row
from nnunetv2_ducisc.evaluation.predictions.evaluate import Evaluation, evaluate_folders

SPACING = (3.0, 1.0, 0.5)  # mm, in the order of the array's axes


def labels(text: str, slices: int = 1) -> NDArray[np.uint8]:
    """A picture in digits, lines for y, repeated along z: shape (slices, y, x)."""
    flat = np.array([[int(digit) for digit in line] for line in text.split()], dtype=np.uint8)
    return np.repeat(flat[None], slices, axis=0)


def write(file: Path, array: NDArray, **geometry: Any) -> None:
    """Write labels in the format of the name, with ``SPACING`` where the format has one."""
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.suffix == ".png":
        io.imsave(file, array[0], check_contrast=False)
    elif file.suffix == ".tif":
        tifffile.imwrite(file, array, photometric="minisblack")
        file.with_suffix(".json").write_text(json.dumps({"spacing": SPACING}), encoding="utf-8")
    elif file.name.endswith(".nii"):
        affine = np.diag([*SPACING[::-1], 1.0])
        nibabel.save(nibabel.Nifti1Image(array.transpose(), affine), file)
    else:
        image = sitk.GetImageFromArray(array)
        image.SetSpacing(geometry.get("spacing", SPACING)[::-1])
        image.SetOrigin(geometry.get("origin", (10.0, -20.0, 30.0)))
        image.SetDirection(geometry.get("direction", (1.0, 0, 0, 0, 1, 0, 0, 0, 1)))
        sitk.WriteImage(image, file)


@dataclass(frozen=True)
class Evaluating:
    """``labelsTs`` and ``predictions`` below a folder."""

    root: Path
    ending: str = ".nii.gz"

    @property
    def reference(self) -> Path:
        return self.root / "labelsTs"

    @property
    def prediction(self) -> Path:
        return self.root / "predictions"

    def add(self, case: str, reference: NDArray, prediction: NDArray, **geometry: Any) -> None:
        """Write a case; the geometry is the prediction's."""
        write(self.reference / f"{case}{self.ending}", reference)
        write(self.prediction / f"{case}{self.ending}", prediction, **geometry)

    def name_classes(self, classes: dict[str, Any], **others: Any) -> None:
        """Write dataset.json beside the references' folder."""
        content = {"labels": {"background": 0, **classes}, "file_ending": self.ending, **others}
        (self.root / "dataset.json").write_text(json.dumps(content), encoding="utf-8")

    def run(self, **options: Any) -> Evaluation:
        return evaluate_folders(self.reference, self.prediction, **options)

    def rows(self, **options: Any) -> dict[tuple[str, str], Row]:
        return {(row.case, row.class_name): row for row in self.run(**options).rows}

    def refusal(self, **options: Any) -> str:
        with pytest.raises(DuCiSCError) as caught:
            self.run(**options)
        return str(caught.value)
