"""ACDC as the challenge and its mirrors lay it out, with made-up images."""

from __future__ import annotations

import gzip
from pathlib import Path

import nibabel
import numpy as np

from nnunetv2_ducisc.raw_dataset.downloads.split import shipped

FACTS = shipped("acdc")
LABELED, UNLABELED, VALIDATION, TEST = "patient099", "patient090", "patient028", "patient011"
PATIENTS = (LABELED, UNLABELED, VALIDATION, TEST)
LISTS = {"train": [LABELED, UNLABELED], "val": [VALIDATION], "test": [TEST]}
SIZE = (9, 7)  # x, y
SPACING = (1.25, 1.5, 8.0)  # mm, x y z
TURN = np.radians(30)
# The scan lies turned by 30 degrees about the patient's left-right axis, with y to posterior.
QFORM = np.array(
    [
        [-1.25, 0, 0, 90],
        [0, -1.5 * np.cos(TURN), 8 * np.sin(TURN), 60],
        [0, 1.5 * np.sin(TURN), 8 * np.cos(TURN), -40],
        [0, 0, 0, 1],
    ]
)
LIE = np.diag([-1.0, -1.0, 1.0, 1.0])  # the sform of these files


def heart(slices: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """int16, indexed x, y, z: no two axes are alike."""
    x, y, z = np.indices((*size, slices))
    return (x + 20 * y + 300 * z).astype(np.int16)


def classes(slices: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """From voxel (2, 1, 1) 5 voxels of class 1 along x, 4 of 2 along y, 3 of 3 along z."""
    label = np.zeros((*size, slices), dtype=np.uint8)
    label[3:8, 1, 1], label[2, 2:6, 1], label[2, 1, 2:5] = 1, 2, 3
    return label


def nifti(
    array: np.ndarray, qform: np.ndarray | None = QFORM, spacing: tuple[float, ...] = SPACING
) -> nibabel.Nifti1Image:
    """pixdim and qform hold the truth, where there is one, and the sform lies."""
    header = nibabel.Nifti1Header()
    header.set_data_dtype(array.dtype)
    header.set_data_shape(array.shape)
    header.set_zooms(spacing)
    if qform is not None:
        header.set_qform(qform, code=1)
    header.set_sform(LIE, code=1)
    return nibabel.Nifti1Image(array, None, header)


def frames(patient: str) -> list[str]:
    """The names of a patient's two frames."""
    return [f"{patient}_frame{number:02d}" for number in FACTS["raw_frame_numbers"][patient]]


def slices(patient: str) -> int:
    return FACTS["slices_per_frame"][patient]


def write_patient(
    folder: Path,
    patient: str,
    names: list[str] | None = None,
    size: tuple[int, int] = SIZE,
) -> Path:
    """A patient's folder with the frames of the challenge, or those that are named."""
    inside = folder / patient
    inside.mkdir(parents=True)
    count = FACTS["slices_per_frame"].get(patient, 6)
    for name in names or frames(patient):
        nibabel.save(nifti(heart(count, size)), inside / f"{name}.nii.gz")
        nibabel.save(nifti(classes(count, size)), inside / f"{name}_gt.nii.gz")
    (inside / f"{patient}_4d.nii.gz").write_bytes(b"four axes, which nobody reads")
    ed, es = (int(name[-2:]) for name in [*(names or frames(patient)), "00"][:2])
    (inside / "Info.cfg").write_text(
        f"ED: {ed}\nES: {es}\nGroup: DCM\nHeight: 184.0\nNbFrame: 30\n", encoding="utf-8"
    )
    (inside / "MANDATORY_CITATION.md").write_text("Bernard et al.", encoding="utf-8")
    return inside


def unpack_into_folders(folder: Path) -> None:
    """What some mirrors do: NAME.nii becomes a folder that holds a file of another name.

    A Mac adds hidden files to it.
    """
    for packed in list(folder.rglob("*.nii.gz")):
        if "_4d" not in packed.name:
            packed.with_suffix("").mkdir()
            content = gzip.decompress(packed.read_bytes())
            (packed.with_suffix("") / "DCM04Gate1.nii").write_bytes(content)
            (packed.with_suffix("") / "._DCM04Gate1.nii").write_bytes(b"\0")
            packed.unlink()


def unpack(folder: Path) -> None:
    """NAME.nii instead of NAME.nii.gz."""
    for packed in list(folder.rglob("*_frame*.nii.gz")):
        packed.with_suffix("").write_bytes(gzip.decompress(packed.read_bytes()))
        packed.unlink()
