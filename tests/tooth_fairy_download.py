"""ToothFairy downloads as the organisers lay them out, with made-up scans in z, y, x."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk  # noqa: N813

SHAPE = (8, 10, 12)  # z, y, x


def scan(shape: tuple[int, int, int] = SHAPE) -> np.ndarray:
    """int16 from -1000 on: no two axes are alike."""
    z, y, x = np.indices(shape)
    return (x + 16 * y + 180 * z - 1000).astype(np.int16)


def canal(shape: tuple[int, int, int] = SHAPE) -> np.ndarray:
    """Three arms from voxel z = 3, y = 1, x = 2: 7 along x, 5 along y, 3 along z: 13 voxels."""
    mask = np.zeros(shape, dtype=np.uint8)
    mask[3, 1, 2:9] = mask[3, 1:6, 2] = mask[3:6, 1, 2] = 1
    return mask


def write_npy(file: Path, array: np.ndarray) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    np.save(file, array)


def write_patient(
    folder: Path, patient: str, image: np.ndarray | None = None, label: np.ndarray | None = None
) -> None:
    """A patient of ToothFairy with a dense label, and what else lies there."""
    write_npy(folder / patient / "data.npy", scan() if image is None else image)
    write_npy(folder / patient / "gt_alpha.npy", canal() if label is None else label)
    for other in ("gt_sparse.npy", "generated.npy", "gt_alpha_holefiller.npy"):
        write_npy(folder / patient / other, 1 - canal())


def write_sparse_patient(folder: Path, patient: str) -> None:
    """A patient of ToothFairy without a dense label."""
    write_npy(folder / patient / "data.npy", scan())
    write_npy(folder / patient / "gt_sparse.npy", 1 - canal())


def write_maxillo_patient(folder: Path, patient: str) -> None:
    """Image and dense label in two trees."""
    write_sparse_patient(folder / "SPARSE", patient)
    write_npy(folder / "DENSE" / patient / "gt_alpha.npy", canal())
    write_npy(folder / "DENSE" / patient / "gt_alpha_holefiller.npy", 1 - canal())


def write_mha(file: Path, array: np.ndarray, spacing: float = 0.3, degrees: float = 0) -> None:
    """Not compressed, turned around z by some degrees."""
    picture = sitk.GetImageFromArray(array)
    picture.SetSpacing((spacing,) * 3)
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    picture.SetDirection((c, -s, 0, s, c, 0, 0, 0, 1))
    file.parent.mkdir(parents=True, exist_ok=True)
    sitk.WriteImage(picture, str(file))


def classes() -> np.ndarray:
    """ToothFairy2's label: the canals 3 and 4, beside jaws, teeth and what fills the rest."""
    label = np.where(canal(), 3, 0).astype(np.uint8)
    label[3, 1, 5:9] = 4
    label[0], label[7] = 1, 48
    return label


def write_patient_of_2(folder: Path, name: str, spacing: float = 0.3) -> None:
    """A patient of ToothFairy2, like P_001 or F_001; images are doubles in some files."""
    kind = np.float64 if name.startswith("F") else np.int32
    write_mha(folder / "imagesTr" / f"ToothFairy2{name}_0000.mha", scan().astype(kind), spacing)
    write_mha(folder / "labelsTr" / f"ToothFairy2{name}.mha", classes(), spacing)
