"""ACDC (Automated Cardiac Diagnosis Challenge, short-axis cine MRI), semi-supervised for nnU-Net.

    python dataset_conversion/Dataset504_ACDC.py -i DOWNLOAD --labeled 7

DOWNLOAD holds ``patientXXX_frameYY.nii.gz`` and ``patientXXX_frameYY_gt.nii.gz``, in whatever
folders, packed or not. ``--labeled`` counts patients: both frames of one go together.
docs/datasets.md says how to get the data.

Images keep their resolution, while the literature resizes its slices to 256 x 256. To train in 2D
on patches of that size, copy nnUNetPlans.json to nnUNetPlans_256.json beside it, set there
``plans_name`` to nnUNetPlans_256 and the 2d configuration's ``patch_size`` to [256, 256], and
train with ``-p nnUNetPlans_256``.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import nibabel
import numpy as np
import SimpleITK as sitk  # noqa: N813 (its own name for itself)

from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.raw_dataset.downloads.script import main
from nnunetv2_ducisc.raw_dataset.downloads.source import (
    Case,
    Download,
    Protocol,
    Source,
    nothing_found,
)
from nnunetv2_ducisc.raw_dataset.downloads.split import published, shipped
from nnunetv2_ducisc.raw_dataset.downloads.volume import Volume

_FRAME = re.compile(r"((patient\d{3})_frame(\d{2}))(_gt)?\.nii(?:\.gz)?")
_RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0])  # NIfTI's world axes to SimpleITK's
_SMALLEST_SLICE_DISTANCE = 2  # mm; ACDC has 5 to 10, a header that lost its spacing says 1


def find(folder: Path, _: Path | None = None) -> Download:
    """All frames that have a number: not the 4D scans, which nobody has annotated."""
    files: dict[str, Path] = {}
    for file in sorted([*folder.rglob("*.nii"), *folder.rglob("*.nii.gz")]):
        name = _frame_of(file)
        if name in files:
            raise DuCiSCError(f"{name} is there twice, {files[name]} and {file}: remove one.")
        if name:
            files[name] = file
    images = [name for name in files if not name.endswith("_gt")]
    if not images:
        raise nothing_found(folder, "files patientXXX_frameYY.nii.gz")
    cases = tuple(
        Case(name, name.partition("_")[0], (files[name],), files.get(f"{name}_gt"))
        for name in sorted(images)
    )
    _check_frames(cases, folder)
    training = shipped("acdc")["raw_frame_numbers"]
    more = any(case.unit not in training for case in cases)
    return Download(f"training{' and testing' if more else ''} patients", cases, folder)


def _frame_of(file: Path) -> str:
    """patientXXX_frameYY, with _gt for a label; in some mirrors this is the folder's name."""
    if not file.is_file() or file.name.startswith("."):  # macOS adds hidden files
        return ""
    match = _FRAME.fullmatch(file.name) or _FRAME.fullmatch(file.parent.name)
    return match[1] + (match[4] or "") if match else ""


def _check_frames(cases: tuple[Case, ...], folder: Path) -> None:
    """A training patient has its two frames, under the challenge's numbers."""
    for patient, numbers in shipped("acdc")["raw_frame_numbers"].items():
        found = [case.identifier for case in cases if case.unit == patient]
        expected = [f"{patient}_frame{number:02d}" for number in numbers]
        if found and found != expected:
            raise DuCiSCError(
                f"{folder} holds {' and '.join(found)}, expected {' and '.join(expected)}: restore "
                "the challenge's files, or remove those of this patient."
            )


def read(case: Case, with_label: bool) -> Volume:
    """One frame with the spacing of pixdim and the direction of the qform: the sform lies."""
    file = nibabel.Nifti1Image.from_filename(case.images[0])
    image = _array(file)
    _check_slices(case, len(image))
    if not with_label:
        return Volume(_picture(image, file.header))
    assert case.label is not None  # who asks for it has seen to it
    label_file = nibabel.Nifti1Image.from_filename(case.label)
    _check_directions(file.header, label_file.header)
    label = _classes(_array(label_file))
    return Volume(_picture(image, file.header), _picture(label, file.header))


def _array(file: nibabel.Nifti1Image) -> np.ndarray:
    """The voxels in the order z, y, x."""
    array = np.asarray(file.dataobj)
    if array.ndim != 3:
        raise DuCiSCError(f"the file holds an array of {array.ndim} axes, expected 3")
    return array.T.astype(array.dtype.newbyteorder("="))  # SimpleITK wants the machine's own


def _check_slices(case: Case, found: int) -> None:
    """The number of slices is known of the training patients."""
    expected = shipped("acdc")["slices_per_frame"].get(case.unit, found)
    if found != expected:
        raise DuCiSCError(f"the image has {found} slices, expected {expected}")


def _picture(array: np.ndarray, header: nibabel.Nifti1Header) -> sitk.Image:
    """The voxels with the geometry that can be trusted."""
    spacing = tuple(map(float, header.get_zooms()))
    if spacing[2] < _SMALLEST_SLICE_DISTANCE:
        raise DuCiSCError(
            f"the header states a spacing of {spacing} mm, expected slices "
            f"{_SMALLEST_SLICE_DISTANCE} mm apart or more"
        )
    picture = sitk.GetImageFromArray(array)
    picture.SetSpacing(spacing)
    if header["qform_code"]:
        picture.SetOrigin(_RAS_TO_LPS @ header.get_qform()[:3, 3])
        picture.SetDirection(_direction(header).ravel())
    return picture


def _direction(header: nibabel.Nifti1Header) -> np.ndarray:
    """Where the axes x, y, z point to, in the columns."""
    return _RAS_TO_LPS @ header.get_qform()[:3, :3] / header.get_zooms()


def _check_directions(image: nibabel.Nifti1Header, label: nibabel.Nifti1Header) -> None:
    """The label takes the image's geometry, unless its own says that it is turned."""
    if image["qform_code"] and label["qform_code"]:
        ours, theirs = (np.round(_direction(header), 3) for header in (image, label))
        if not np.allclose(ours, theirs, atol=0.01):
            raise DuCiSCError(
                f"the image has direction {ours.tolist()}, its label {theirs.tolist()}"
            )


def _classes(label: np.ndarray) -> np.ndarray:
    """Whole numbers, also where they are stored as 2.9999."""
    rounded = np.rint(label)
    whole = np.abs(label - rounded) < 0.01
    if not whole.all():
        raise DuCiSCError(f"the label holds the value {label[~whole][0]:g}, expected whole numbers")
    return rounded.astype(np.int32)  # wide enough for values that have no business here


ACDC = Source(
    dataset="Dataset504_ACDC",
    title="ACDC, Automated Cardiac Diagnosis Challenge",
    labels={"background": 0, "right ventricle": 1, "myocardium": 2, "left ventricle": 3},
    find=find,
    read=read,
    protocols={"whole": Protocol("cine MRI", "whole images at native resolution")},
    splits={"published": lambda *_: published("acdc")},
    licence="CC BY-NC-SA 4.0",
    reference="Bernard et al., IEEE Transactions on Medical Imaging 37, 2514 (2018)",
)

if __name__ == "__main__":
    sys.exit(main(ACDC))
