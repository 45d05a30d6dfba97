"""Phantoms with an nnU-Net raw data set around them.

A phantom is a chamber, its wall and its outflow vessel in a body with look-alikes. What makes
four labels too few is what makes real ones too few: pose, shape, contrast, texture, noise and
bias field differ from case to case, and brightness alone does not tell a vessel from another.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk  # noqa: N813 (the name its own documentation uses)
from nnunetv2.dataset_conversion.generate_dataset_json import generate_dataset_json
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from benchmarks.demo.anatomy import (
    Field,
    Mask,
    body_coordinates,
    chamber_and_wall,
    look_alikes,
    outflow_vessel,
    smooth_noise,
)

LABELS = {"background": 0, "chamber": 1, "wall": 2, "vessel": 3}
SPACING_MM = (1.25, 1.0, 1.0)  # slices a little thicker than the pixels are wide


@dataclass(frozen=True)
class Phantom:
    """One case: ``image`` in [0, 1], ``label`` with the values of LABELS, both of one shape."""

    image: NDArray[np.float32]
    label: NDArray[np.uint8]


def phantom(seed: int, index: int, shape: tuple[int, ...]) -> Phantom:
    """Case number ``index`` of the data set ``seed``: the same arguments give the same case."""
    rng = np.random.default_rng((seed, index))
    position = body_coordinates(rng, shape)
    chamber, wall = chamber_and_wall(rng, position)
    vessel = outflow_vessel(rng, position)
    label = np.zeros(shape, np.uint8)
    label[vessel], label[wall], label[chamber] = LABELS["vessel"], LABELS["wall"], LABELS["chamber"]
    tissue = _tissue(rng, label, look_alikes(rng, position))
    return Phantom(_scan(rng, tissue), label)


def write_dataset(
    folder: Path,
    *,
    labeled: int,
    unlabeled: int,
    test: int,
    shape: tuple[int, ...],
    seed: int,
    dimensions: int = 3,
) -> None:
    """Write a raw data set: imagesTr and labelsTr, imagesUn, imagesTs and labelsTs, dataset.json.

    Args:
        folder: ``nnUNet_raw/DatasetXXX_Name``; made if it is not there.
        labeled: number of cases with a label to train on.
        unlabeled: number of cases of which only the image is written.
        test: number of cases with a label to measure on.
        shape: voxels a side, one per dimension; below 16 the wall and the vessel may vanish.
        seed: of the whole data set.
        dimensions: 3 writes NIfTI, 2 writes 8-bit gray PNG, which nnU-Net reads as true 2D.

    Raises:
        ValueError: ``shape`` has not one entry per dimension.
    """
    if dimensions not in (2, 3) or len(shape) != dimensions:
        raise ValueError(f"Shape {shape} was given for {dimensions} dimensions, 2 or 3 of them.")
    ending = ".nii.gz" if dimensions == 3 else ".png"
    first = 0
    for part, count in (("Tr", labeled), ("Un", unlabeled), ("Ts", test)):
        for index in range(first, first + count):
            case, name = phantom(seed, index, shape), f"phantom_{index:03d}"
            _write(case.image, folder / f"images{part}" / f"{name}_0000{ending}")
            if part != "Un":
                _write(case.label, folder / f"labels{part}" / f"{name}{ending}")
        first += count
    generate_dataset_json(
        str(folder),
        channel_names={"0": "MRI"},
        labels=dict(LABELS),
        num_training_cases=labeled,
        file_ending=ending,
        license="CC0",
        converted_by="benchmarks.demo.phantoms",
    )


def _tissue(rng: np.random.Generator, label: NDArray[np.uint8], decoys: Mask) -> Field:
    """Brightness before the scanner: blood is brighter than the wall, the vessel than both."""
    blood = rng.uniform(0.4, 0.65)
    muscle = blood * rng.uniform(0.4, 0.75)
    # Bright surroundings, as of fat, are rare: among four labeled cases there are few or none.
    around = muscle * (1.25 if rng.random() < 0.25 else rng.uniform(0.3, 0.7))
    values = around + 0.05 * smooth_noise(rng, label.shape, length=0.06)
    values[decoys] = blood * rng.uniform(0.9, 1.3)
    values[label == LABELS["wall"]] = muscle
    values[label == LABELS["chamber"]] = blood
    values[label == LABELS["vessel"]] = blood * rng.uniform(1.1, 1.3)
    return values + 0.03 * smooth_noise(rng, label.shape, length=0.03)


def _scan(rng: np.random.Generator, tissue: Field) -> NDArray[np.float32]:
    """What the scanner makes of it: blur, bias field, Rician noise, clipped to [0, 1]."""
    blurred = gaussian_filter(tissue, sigma=rng.uniform(0.4, 0.8))
    biased = blurred * np.exp(0.3 * smooth_noise(rng, tissue.shape, length=0.25))
    noise = rng.uniform(0.02, 0.05)
    real, imaginary = noise * rng.standard_normal((2, *tissue.shape))
    return np.clip(np.hypot(biased + real, imaginary), 0, 1).astype(np.float32)


def _write(values: NDArray[np.float32] | NDArray[np.uint8], path: Path) -> None:
    """Write an image or a label map, 3D with a spacing or 2D in whole gray values."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if values.ndim == 2 and values.dtype == np.float32:
        values = np.round(values * 255).astype(np.uint8)
    image = sitk.GetImageFromArray(values)
    if values.ndim == 3:
        image.SetSpacing(SPACING_MM[::-1])
    sitk.WriteImage(image, str(path))
