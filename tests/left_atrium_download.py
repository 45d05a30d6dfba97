"""Left atrium downloads as the challenge and the literature lay them out, with made-up scans."""

from __future__ import annotations

import gzip
from pathlib import Path

import h5py
import numpy as np

LABELED, UNLABELED, TEST = "06SR5RBREL16DQ6M8LWS", "0RZDK210BSMWAA6467LU", "UPT6DX9IQY9JAZ7HJKA7"
IDS = (LABELED, UNLABELED, TEST)
LISTS = {"train": [LABELED, UNLABELED], "test": [TEST]}
SIZE = (12, 10, 8)  # x, y, z


def scan(size: tuple[int, int, int] = SIZE) -> np.ndarray:
    """uint8, indexed x, y, z: no two axes are alike."""
    x, y, z = np.indices(size)
    return ((x + 16 * y + 37 * z) % 251).astype(np.uint8)


def atrium(size: tuple[int, int, int] = SIZE) -> np.ndarray:
    """Three arms from voxel (2, 1, 3): 7 along x, 5 along y, 3 along z, which makes 13 voxels."""
    mask = np.zeros(size, dtype=bool)
    mask[2:9, 1, 3] = mask[2, 1:6, 3] = mask[2, 1, 3:6] = True
    return mask


def write_nrrd(
    file: Path,
    array: np.ndarray,
    encoding: str = "gzip",
    directions: str = "(1,0,0) (0,1,0) (0,0,1)",
) -> None:
    """An array in x, y, z, by the format's text: x is the fastest axis of the file."""
    header = (
        "NRRD0004",
        "type: unsigned char",
        "dimension: 3",
        "space: left-posterior-superior",
        f"sizes: {' '.join(map(str, array.shape))}",
        f"space directions: {directions}",
        "kinds: domain domain domain",
        "endian: little",
        f"encoding: {encoding}",
        "space origin: (0,0,0)",
    )
    voxels = array.astype(np.uint8).tobytes(order="F")
    voxels = gzip.compress(voxels, mtime=0) if encoding == "gzip" else voxels
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes("\n".join(header).encode() + b"\n\n" + voxels)


def write_raw(folder: Path, case: str, foreground: int = 255, encoding: str = "gzip") -> None:
    """A case of the archive: the cavity, and a wall, which nobody may take for it."""
    write_nrrd(folder / case / "lgemri.nrrd", scan(), encoding)
    write_nrrd(folder / case / "laendo.nrrd", atrium() * foreground, encoding)
    write_nrrd(folder / case / "lawall.nrrd", ~atrium() * foreground, encoding)


def scaled_scan() -> np.ndarray:
    """The literature's intensities: mean 0, deviation 1."""
    image = scan().astype(np.float32)
    return (image - image.mean()) / image.std()


def write_h5(folder: Path, case: str) -> None:
    """A case of the literature's preprocessing, in x, y, z."""
    (folder / case).mkdir(parents=True)
    with h5py.File(folder / case / "mri_norm2.h5", "w") as file:
        file.create_dataset("image", data=scaled_scan(), compression="gzip")
        file.create_dataset("label", data=atrium().astype(np.uint8), compression="gzip")
