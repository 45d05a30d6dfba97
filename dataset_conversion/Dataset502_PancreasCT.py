"""Pancreas-CT (NIH, The Cancer Imaging Archive) as a semi-supervised nnU-Net dataset.

    python dataset_conversion/Dataset502_PancreasCT.py -i DICOM -l LABELS --labeled 6

DICOM holds the scans in any of the archive's folder layouts, or as PANCREAS_0001.nii.gz; LABELS
holds label0001.nii.gz and so on. docs/datasets.md says how to get them.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import SimpleITK as sitk  # noqa: N813 (its own name for itself)

from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.raw_dataset.dicom import (
    PATIENT_ID,
    header,
    is_dicom,
    read_series,
    series_folders,
)
from nnunetv2_ducisc.raw_dataset.downloads.crop import crop_in_plane
from nnunetv2_ducisc.raw_dataset.downloads.inputs import nothing_found
from nnunetv2_ducisc.raw_dataset.downloads.known import Known
from nnunetv2_ducisc.raw_dataset.downloads.script import main
from nnunetv2_ducisc.raw_dataset.downloads.soft_tissue import check_soft_tissue
from nnunetv2_ducisc.raw_dataset.downloads.source import (
    Case,
    Download,
    Protocol,
    Source,
    count_warnings,
)
from nnunetv2_ducisc.raw_dataset.downloads.split import published
from nnunetv2_ducisc.raw_dataset.downloads.volume import Volume
from nnunetv2_ducisc.raw_dataset.walk import files_below

PATIENT = re.compile(r"PANCREAS_(\d{4})")
CONVERTED = re.compile(r"PANCREAS_(\d{4})\.nii(\.gz)?", re.IGNORECASE)
LABEL = re.compile(r"label(\d{4})\.nii(\.gz)?", re.IGNORECASE)
WITHDRAWN = frozenset({"image0025", "image0070"})
WINDOW = (-125, 275)  # HU
MARGIN, SMALLEST_BOX = 25, 96  # voxels of 1 mm


def find(folder: Path) -> Download:
    """All series, whatever their folders are called, or else all converted scans."""
    series = series_folders(folder)
    if series:
        patients = _one_each((_patient(files[0], folder), where) for where, files in series.items())
        version, scans = "DICOM", {number: series[where] for number, where in patients.items()}
    else:
        version = "converted images"
        scans = {number: (file,) for number, file in _files(folder, CONVERTED).items()}
    if not scans:
        raise nothing_found(folder, "DICOM folders of PANCREAS_0001, or PANCREAS_0001.nii.gz")
    cases = tuple(Case(f"image{n}", f"image{n}", scans[n]) for n in sorted(scans))
    return Download(version, cases, folder, _warnings(cases))


def find_labels(folder: Path) -> dict[str, Path]:
    """The label of every case, which is a download of its own."""
    masks = _files(folder, LABEL)
    if not masks:
        raise nothing_found(folder, "label0001.nii.gz", "label", "-l")
    return {f"image{number}": file for number, file in masks.items()}


def _warnings(cases: tuple[Case, ...]) -> tuple[str, ...]:
    """Versions of the collection before 2020 have one scan three times."""
    copies = [case.unit for case in cases if case.unit in WITHDRAWN]
    again = [
        f"{unit} is the scan of image0002 once more, for which the archive has withdrawn it: in "
        "lists that name both, one patient may be in training and in test"
        for unit in copies
    ]
    return (*count_warnings(len(cases), "scans", 80, 82), *again)


def _patient(file: Path, folder: Path) -> str:
    """The number in the path below the input folder, else in the tag."""
    match = PATIENT.search(file.relative_to(folder).as_posix())
    if match:
        return match[1]
    patient = header(file, PATIENT_ID)
    match = PATIENT.search(patient)
    if not match:
        raise DuCiSCError(
            f"{file.parent} is of no known case, the tag PatientID holds {patient!r}: expected "
            "PANCREAS_0001 or the like there or in the path; move it out of the download."
        )
    return match[1]


def _files(folder: Path, pattern: re.Pattern[str]) -> dict[str, Path]:
    """The files whose names match, by their number."""
    matches = ((pattern.fullmatch(file.name), file) for file in files_below(folder))
    return _one_each((match[1], file) for match, file in matches if match)


def _one_each(found: Iterable[tuple[str, Path]]) -> dict[str, Path]:
    """By number, and none twice."""
    by_number: dict[str, Path] = {}
    for number, path in found:
        if number in by_number:
            raise DuCiSCError(
                f"Case {number} is there twice, {by_number[number]} and {path}: keep one of them."
            )
        by_number[number] = path
    return by_number


def read(case: Case, with_label: bool) -> Volume:
    """One scan in HU, and its label on the same grid, both in the orientation LPS.

    Image and label of the archive have origins of their own, so that the origin is the image's.
    """
    file = case.images[0]
    scan = read_series(case.images) if is_dicom(file) else sitk.ReadImage(str(file))
    image = sitk.DICOMOrient(_hounsfield(scan), "LPS")
    if not with_label:
        return Volume(image)
    label = sitk.DICOMOrient(_small(sitk.ReadImage(str(case.label))), "LPS")
    _check_alike(image, label)
    label.CopyInformation(image)
    check_soft_tissue(image, label)
    return Volume(image, label)


def _hounsfield(scan: sitk.Image) -> sitk.Image:
    """The scan in int16, as it was stored before somebody converted it to floats."""
    values = sitk.GetArrayViewFromImage(scan)
    low, high = values.min(), values.max()
    limits = np.iinfo(np.int16)
    if not limits.min <= low <= high <= limits.max:  # nor NaN
        raise DuCiSCError(f"the image holds values from {low:g} to {high:g}, expected HU")
    is_whole = np.issubdtype(values.dtype, np.integer)
    return sitk.Cast(scan if is_whole else sitk.Round(scan), sitk.sitkInt16)


def _small(label: sitk.Image) -> sitk.Image:
    """The label in uint8, unless that would change a value, which is refused later."""
    small = sitk.Cast(label, sitk.sitkUInt8)
    was, is_now = (sitk.GetArrayViewFromImage(picture) for picture in (label, small))
    return small if np.array_equal(was, is_now) else label


def _check_alike(image: sitk.Image, label: sitk.Image) -> None:
    """One size, spacing and direction, but for rounding in the headers."""
    for what in ("Size", "Spacing", "Direction"):
        ours, theirs = (getattr(picture, f"Get{what}")() for picture in (image, label))
        if not np.allclose(ours, theirs, rtol=0, atol=1e-3):
            raise DuCiSCError(
                f"in orientation LPS the image has {what.lower()} {ours}, its label {theirs}"
            )


def window_and_crop(volume: Volume) -> Volume:
    """The literature's images: 1 mm, a soft-tissue window, cropped around the label.

    Source: ycwu1997/MC-Net, data/Pancreas/Pre-processing.ipynb, which grows the label's box to 96
    voxels before it adds the margin. Its z-score is left to nnU-Net.
    """
    assert volume.label is not None  # needs_label
    image = _resampled(sitk.Cast(volume.image, sitk.sitkFloat32), sitk.sitkBSpline)
    low, high = WINDOW
    image = (sitk.Clamp(image, lowerBound=low, upperBound=high) - low) / (high - low)
    label = _resampled(volume.label, sitk.sitkNearestNeighbor)
    return crop_in_plane(Volume(image, label), MARGIN, SMALLEST_BOX + 2 * MARGIN)


def _resampled(picture: sitk.Image, interpolator: int) -> sitk.Image:
    """On a grid of 1 mm that begins at the same voxel and ends where the image does."""
    size = [
        int(voxels * spacing + 1e-3)  # 0.9999999 mm are 1 mm
        for voxels, spacing in zip(picture.GetSize(), picture.GetSpacing(), strict=True)
    ]
    return sitk.Resample(
        picture,
        size,
        sitk.Transform(),
        interpolator,
        picture.GetOrigin(),
        (1.0, 1.0, 1.0),
        picture.GetDirection(),
    )


PANCREAS = Source(
    dataset="Dataset502_PancreasCT",
    title="Pancreas-CT, National Institutes of Health",
    labels={"background": 0, "pancreas": 1},
    find=find,
    read=read,
    protocols={
        "whole": Protocol("CT", "whole scans in HU"),
        "published": Protocol(
            "CT window",  # not "CT", for which nnU-Net would clip and scale once more
            "resampled to 1 mm, window of -125 to 275 HU scaled to 0 to 1, cropped in plane to the "
            "label's box of at least 96 voxels and 25 more: labels, test labels among them, have "
            "shaped the images",
            window_and_crop,
            needs_label=True,
        ),
    },
    splits={
        "published": lambda _: published("pancreas"),
        "ccnet": lambda _: published("pancreas", "alternative_80_case_ccnet"),
        "coranet": lambda _: published("pancreas", "alternative_80_case_coranet"),
    },
    licence="CC BY 3.0",
    reference="Roth et al., MICCAI 2015; data: https://doi.org/10.7937/K9/TCIA.2016.tNB1kqBU",
    withdrawn=WITHDRAWN,
    find_labels=find_labels,
    known=Known(
        size=((512, 512), (512, 512), (181, 466)),
        spacing=((0.664, 0.977), (0.664, 0.977), (0.5, 1)),
        values=(-2048, 3071),
        label_slices=(46, 145),
    ),
)

if __name__ == "__main__":
    sys.exit(main(PANCREAS))
