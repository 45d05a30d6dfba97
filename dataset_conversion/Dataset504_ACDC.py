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
from nnunetv2_ducisc.raw_dataset.downloads.inputs import nothing_found
from nnunetv2_ducisc.raw_dataset.downloads.known import ANY, Known
from nnunetv2_ducisc.raw_dataset.downloads.script import main
from nnunetv2_ducisc.raw_dataset.downloads.source import (
    Case,
    Download,
    Protocol,
    Source,
    count_warnings,
)
from nnunetv2_ducisc.raw_dataset.downloads.split import published, shipped
from nnunetv2_ducisc.raw_dataset.downloads.volume import Volume
from nnunetv2_ducisc.raw_dataset.walk import files_below

_FRAME = re.compile(r"((patient\d{3})_frame(\d{2}))(_gt)?\.nii(?:\.gz)?", re.IGNORECASE)
_RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0])  # NIfTI's world axes to SimpleITK's
_SMALLEST_SLICE_DISTANCE = 2  # mm; ACDC has 5 to 10, a header that lost its spacing says 1


def find(folder: Path) -> Download:
    """All frames that have a number: not the 4D scans, which nobody has annotated."""
    files: dict[str, Path] = {}
    notes: dict[str, Path] = {}
    for file in files_below(folder):
        name = _frame_of(file)
        if name in files:
            raise DuCiSCError(f"{name} is there twice, {files[name]} and {file}: remove one.")
        if name:
            files[name] = file
        elif file.name.lower() == "info.cfg":
            notes[file.parent.name.lower()] = file
    cases = tuple(
        _case(name, file, files.get(f"{name}_gt"), notes.get(name.partition("_")[0]))
        for name, file in sorted(files.items())
        if not name.endswith("_gt")
    )
    if not cases:
        raise nothing_found(folder, "files patientXXX_frameYY.nii.gz")
    _check_frames(cases, folder)
    return _download(cases, folder)


def _case(name: str, image: Path, label: Path | None, note: Path | None) -> Case:
    """A frame, with the facts of its patient's Info.cfg if that is there."""
    patient = name.partition("_")[0]
    if note is None:
        return Case(name, patient, (image,), label)
    return Case(name, patient, (image,), label, (note,), _facts(note, name))


def _facts(note: Path, name: str) -> dict[str, str]:
    """The patient's illness, and whether the frame is the end of diastole or of systole."""
    lines = note.read_text(encoding="utf-8", errors="replace").splitlines()
    said = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    number = name.rpartition("frame")[2].lstrip("0")
    phases = [phase for phase in ("ED", "ES") if said.get(phase, "").lstrip("0") == number]
    return {"group": said.get("Group", "unknown"), "phase": "".join(phases) or "unknown"}


def _download(cases: tuple[Case, ...], folder: Path) -> Download:
    """The official training patients are 100, the test patients 50 more."""
    patients = {case.unit for case in cases}
    more = patients - set(shipped("acdc")["raw_frame_numbers"])
    warnings = count_warnings(len(patients), "patients", 100, 150)
    version = f"training{' and testing' if more else ''} patients"
    return Download(version, cases, folder, tuple(warnings))


def _frame_of(file: Path) -> str:
    """patientXXX_frameYY, with _gt for a label; in some mirrors this is the folder's name."""
    match = _FRAME.fullmatch(file.name) or _FRAME.fullmatch(file.parent.name)
    return (match[1] + (match[4] or "")).lower() if match else ""


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
    splits={"published": lambda _: published("acdc")},
    licence="CC BY-NC-SA 4.0",
    reference="Bernard et al., IEEE Transactions on Medical Imaging 37, 2514 (2018)",
    known=Known(  # in plane mostly 1.3 to 1.7 mm, the extremes are wider
        size=(ANY, ANY, (6, 18)),
        spacing=((0.7, 2), (0.7, 2), (5, 10)),
    ),
)

if __name__ == "__main__":
    sys.exit(main(ACDC))
