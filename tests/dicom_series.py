"""Writes DICOM series the way scanners do: a file a slice, with position tags."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np
import SimpleITK

ROWS_TOWARDS_ANTERIOR = (1, 0, 0, 0, -1, 0)  # as in Pancreas-CT; the normal points down


def write_series(
    folder: Path,
    voxels: np.ndarray,
    spacing: tuple[float, float, float],
    first: tuple[float, float, float],
    *,
    orientation: tuple[float, ...] = ROWS_TOWARDS_ANTERIOR,
    step: tuple[float, float, float] | None = None,
    uid: str = "1.2.3",
    patient: str = "PANCREAS_0001",
    reverse_numbers: bool = False,
    left_out: Collection[int] = (),
    **tags: str,
) -> list[Path]:
    """Write int16 voxels (slice, row, column) as files 1-001.dcm, 1-002.dcm and so on.

    Args:
        folder: is made if it is not there.
        voxels: what the rescaled values shall be.
        spacing: column, row, slice in mm.
        first: position of the first voxel of slice 0 in mm, LPS.
        orientation: of rows and columns.
        step: from slice to slice in mm; by default downwards by the spacing.
        uid: of the series.
        patient: tag PatientID.
        reverse_numbers: whether InstanceNumber and file names run from the last slice.
        left_out: slices that are not written.
        tags: further ones, like ``_0028_1053="2"``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    step = (0, 0, -spacing[2]) if step is None else step
    files = []
    for index in sorted(set(range(len(voxels))) - set(left_out)):
        number = len(voxels) - index if reverse_numbers else index + 1
        position = np.add(first, np.multiply(index, step))
        files.append(folder / f"{uid[0]}-{number:03d}.dcm")
        _write_slice(
            files[-1],
            voxels[index],
            spacing,
            {
                "0008|0016": "1.2.840.10008.5.1.4.1.1.2",  # CT image
                "0008|0018": f"{uid}.{number}",
                "0008|0060": "CT",
                "0010|0020": patient,
                "0018|0050": "2.5",  # SliceThickness, which is not the spacing
                "0020|000d": "1.2",
                "0020|000e": uid,
                "0020|0013": str(number),
                "0020|0032": "\\".join(f"{value:g}" for value in position),
                "0020|0037": "\\".join(f"{value:g}" for value in orientation),
                "0028|1052": "-1024",
                "0028|1053": "1",
            }
            | {key[1:].replace("_", "|"): value for key, value in tags.items()},
        )
    return files


def _write_slice(
    file: Path, voxels: np.ndarray, spacing: tuple[float, float, float], tags: dict[str, str]
) -> None:
    """One slice; the writer stores what the rescale tags turn into these voxels."""
    picture = SimpleITK.GetImageFromArray(voxels.astype(np.int16))
    picture.SetSpacing(spacing[:2])
    for key, value in tags.items():
        picture.SetMetaData(key, value)
    writer = SimpleITK.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    writer.SetFileName(str(file))
    writer.Execute(picture)
