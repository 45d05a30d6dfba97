"""A DICOM series as one volume, whose geometry comes from the position tags of its slices."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import SimpleITK as sitk  # noqa: N813 (its own name for itself)

from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.raw_dataset.walk import files_below

PATIENT_ID = "0010|0020"
POSITION = "0020|0032"  # of the first voxel's centre, in mm, LPS
ORIENTATION = "0020|0037"  # directions of the rows and of the columns
TOLERANCE = 0.02  # of the distance of two slices: positions are written with few decimals


def series_folders(folder: Path) -> dict[Path, tuple[Path, ...]]:
    """Every folder, the given one and all below it, that holds DICOM files; its files by name."""
    found: dict[Path, list[Path]] = defaultdict(list)
    for file in files_below(folder):
        if is_dicom(file):
            found[file.parent].append(file)
    return {parent: tuple(files) for parent, files in found.items()}


def is_dicom(file: Path) -> bool:
    """By the ending, else by the content, since scanners seldom give an ending."""
    if file.suffix.lower() == ".dcm":
        return True
    if not file.is_file() or file.name.upper() == "DICOMDIR":
        return False
    with file.open("rb") as stream:
        return stream.read(132)[128:] == b"DICM"


def header(file: Path, key: str) -> str:
    """A tag of a file, as ``group|element``; empty where it is not there.

    Raises:
        DuCiSCError: the file cannot be read. It does not name the folder.
    """
    reader = sitk.ImageFileReader()
    reader.SetImageIO("GDCMImageIO")
    reader.SetFileName(str(file))
    try:
        reader.ReadImageInformation()
    except RuntimeError as error:
        raise DuCiSCError(f"{file.name} is truncated or no DICOM image") from error
    return reader.GetMetaData(key).strip() if reader.HasMetaDataKey(key) else ""


def read_series(files: Sequence[Path]) -> sitk.Image:
    """The one series of a folder, in the units that RescaleSlope and RescaleIntercept give (HU).

    The distance of two slices comes from their positions: SliceThickness says something else, and
    InstanceNumber may run either way.

    Args:
        files: all DICOM files of the folder, in any order.

    Raises:
        DuCiSCError: more than one series, a file that cannot be read, or slices that are not a
            straight and even stack. It does not name the folder.
    """
    _check_one_series(files)
    orientations = np.array([_numbers(file, ORIENTATION, 6) for file in files])
    positions = np.array([_numbers(file, POSITION, 3) for file in files])
    normal = np.cross(orientations[0, :3], orientations[0, 3:])
    order = np.argsort(positions @ normal)
    _check_stack(orientations, positions[order], normal)
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames([str(files[index]) for index in order])
    return reader.Execute()


def _check_one_series(files: Sequence[Path]) -> None:
    """All are slices of one series; GDCM leaves out what it cannot read, and says nothing."""
    folder = str(files[0].parent)
    series = {
        uid: sitk.ImageSeriesReader.GetGDCMSeriesFileNames(folder, uid)
        for uid in sitk.ImageSeriesReader.GetGDCMSeriesIDs(folder)
    }
    readable = {Path(name).name for names in series.values() for name in names}
    broken = [file.name for file in files if file.name not in readable]
    if broken:
        raise DuCiSCError(
            f"{len(broken)} of its {len(files)} files cannot be read: {broken[0]} is truncated or "
            "no DICOM image"
        )
    if len(series) != 1:
        raise DuCiSCError(f"its folder holds {len(series)} DICOM series, expected one")
    if len(files) < 2:
        raise DuCiSCError(f"its series has {len(files)} slice, expected a volume")


def _numbers(file: Path, key: str, count: int) -> list[float]:
    """A tag with several numbers."""
    text = header(file, key)
    numbers = [float(part) for part in text.split("\\") if part]
    if len(numbers) != count:
        raise DuCiSCError(f"tag {key} of {file.name} holds {text!r}, expected {count} numbers")
    return numbers


def _check_stack(orientations: np.ndarray, positions: np.ndarray, normal: np.ndarray) -> None:
    """The slices stand one after the other, straight and evenly.

    Args:
        orientations: shape (slices, 6).
        positions: shape (slices, 3) in mm, sorted along the normal.
        normal: of the first slice.
    """
    if np.ptp(orientations, axis=0).max() > 1e-4:
        raise DuCiSCError("its slices have more than one orientation, expected one")
    steps = np.diff(positions, axis=0)
    along = steps @ normal
    if along.min() <= 0 or np.ptp(along) > TOLERANCE * np.median(along):
        raise DuCiSCError(
            f"its slices are {along.min():g} to {along.max():g} mm apart, expected one distance: "
            "one is missing, or there twice"
        )
    sideways = np.linalg.norm(steps - np.outer(along, normal), axis=1).max()
    if sideways > TOLERANCE * np.median(along):
        raise DuCiSCError(
            f"its slices are shifted sideways by up to {sideways:g} mm each, expected a straight "
            "stack"
        )
