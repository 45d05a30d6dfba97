"""Pancreas-CT downloads as the archive lays them out, with a made-up scan in millimetres.

Truth is kept in LPS order, index (x, y, z) towards left, posterior and superior, and turned into
the order of each format from the facts about it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel
import numpy as np

from tests.dicom_series import write_series

SIZE = (12, 10, 8)
SPACING = (0.7, 0.9, 1.5)
ORIGIN = (-30.0, -20.0, 400.0)  # of truth's first voxel: the most right, anterior, inferior one
LABEL_ORIGIN_RAS = (5.0, 6.0, 7.0)  # of the label's first voxel: another than the image's


def pancreas(size: tuple[int, int, int] = SIZE) -> np.ndarray:
    """Three arms from voxel (2, 1, 1): 7 to the left, 5 to posterior, 3 upwards: 13 voxels.

    No flip maps it onto itself.
    """
    mask = np.zeros(size, dtype=bool)
    mask[2:9, 1, 1] = mask[2, 1:6, 1] = mask[2, 1, 1:4] = True
    return mask


def scan(mask: np.ndarray | None = None) -> np.ndarray:
    """HU that differ from voxel to voxel: 40 to 79 in the pancreas, -990 to -791 elsewhere."""
    mask = pancreas() if mask is None else mask
    x, y, z = np.indices(mask.shape)
    inside, outside = 40 + (x + 3 * y + 5 * z) % 40, (x + 16 * y + 37 * z) % 200 - 990
    return np.where(mask, inside, outside).astype(np.int16)


def write_dicom(folder: Path, number: int, truth: np.ndarray | None = None, **options: Any) -> None:
    """The most superior slice first, and in each slice the most posterior row first."""
    truth = scan() if truth is None else truth
    extent = np.multiply(np.subtract(truth.shape, 1), SPACING)
    write_series(
        folder,
        truth[:, ::-1, ::-1].transpose(2, 1, 0),
        SPACING,
        (ORIGIN[0], ORIGIN[1] + extent[1], ORIGIN[2] + extent[2]),
        **({"patient": f"PANCREAS_{number:04d}"} | options),
    )


def write_label(
    folder: Path,
    number: int,
    truth: np.ndarray | None = None,
    ending: str = ".nii.gz",
    kind: type = np.uint8,
) -> Path:
    """Axis codes (L, A, I), like the archive's labels."""
    truth = pancreas() if truth is None else truth
    affine = np.diag([-SPACING[0], SPACING[1], -SPACING[2], 1.0])
    affine[:3, 3] = LABEL_ORIGIN_RAS
    assert nibabel.aff2axcodes(affine) == ("L", "A", "I")
    file = folder / f"label{number:04d}{ending}"
    write_nifti(file, truth[:, ::-1, ::-1].astype(kind), affine)
    return file


def write_converted(folder: Path, number: int, truth: np.ndarray, ending: str = ".nii.gz") -> None:
    """A third party's copy with axis codes (R, A, S) and a true header."""
    corner = np.multiply(np.subtract(truth.shape, 1), SPACING) + ORIGIN
    affine = np.diag([*SPACING, 1.0])
    affine[:3, 3] = (-corner[0], -corner[1], ORIGIN[2])
    assert nibabel.aff2axcodes(affine) == ("R", "A", "S")
    write_nifti(folder / f"PANCREAS_{number:04d}{ending}", truth[::-1, ::-1], affine)


def write_nifti(file: Path, voxels: np.ndarray, affine: np.ndarray) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(voxels, affine), file)
