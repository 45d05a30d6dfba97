"""One case of a download, read, checked and written; what a worker process runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk  # noqa: N813 (its own name for itself)

from nnunetv2_ducisc.errors import DuCiSCError, one_line
from nnunetv2_ducisc.raw_dataset.downloads.known import Known
from nnunetv2_ducisc.raw_dataset.downloads.source import Case, Protocol
from nnunetv2_ducisc.raw_dataset.downloads.volume import Volume, check_volume
from nnunetv2_ducisc.raw_dataset.image_file import write_image
from nnunetv2_ducisc.raw_dataset.layout import Part
from nnunetv2_ducisc.raw_dataset.provenance import provenance, state
from nnunetv2_ducisc.raw_dataset.staging import write_json
from nnunetv2_ducisc.truncation import check_not_truncated

ENDING = ".nii.gz"


@dataclass(frozen=True)
class CaseJob:
    """A case to convert.

    Attributes:
        case: where it is read from.
        part: where it goes.
        read: how it is read: (case, whether with its label) -> the volume.
        labels: class name -> index.
        known: what other volumes get a warning.
        protocol: what is done to it.
        write_label: whether its label is written; a withheld one may be left out.
        download: the folder that file names in the record are relative to.
        dataset: the raw dataset's folder.
        record: the file that says that the case is done.
    """

    case: Case
    part: Part
    read: Callable[[Case, bool], Volume]
    labels: Mapping[str, int]
    known: Known
    protocol: Protocol
    write_label: bool
    download: Path
    dataset: Path
    record: Path

    @property
    def image(self) -> Path:
        """The image to write."""
        return self.dataset / self.part.images / f"{self.case.identifier}_0000{ENDING}"

    @property
    def label(self) -> Path:
        """The label to write."""
        return self.dataset / self.part.labels / f"{self.case.identifier}{ENDING}"

    @property
    def needs_label(self) -> bool:
        """Whether the label is read at all."""
        return self.write_label or self.protocol.needs_label

    @property
    def is_done(self) -> bool:
        """Whether the case has been converted from the files as they are now."""
        if not all(file.is_file() for file in (self.record, *self.written, *self.files)):
            return False
        files = json.loads(self.record.read_text(encoding="utf-8"))["files"]
        return {name: entry["state"] for name, entry in files.items()} == {
            self._name(file): state(file) for file in self.files
        }

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that are read, each once."""
        label = [self.case.label] if self.needs_label and self.case.label else []
        return tuple(dict.fromkeys([*self.case.images, *label, *self.case.notes]))

    @property
    def written(self) -> tuple[Path, ...]:
        """The files that are written."""
        return (self.image, self.label) if self.write_label else (self.image,)

    def _name(self, file: Path) -> str:
        """A file as the record names it; labels may be a download of their own."""
        inside = file.is_relative_to(self.download)
        return (file.relative_to(self.download) if inside else Path(file.name)).as_posix()

    def files_record(self) -> dict[str, dict[str, Any]]:
        """Hash and state of every file that is read."""
        return {self._name(file): provenance(file) for file in self.files}


def convert_case(job: CaseJob) -> str:
    """Read, check and write one case; its record comes last.

    Returns:
        The identifier.

    Raises:
        DuCiSCError: the case cannot be read, or is not sound.
        UnwritableError: the disk does not take it.
    """
    try:
        files = job.files_record()
        volume = _read(job)
        oddities = job.known.oddities(volume)
        volume = job.protocol.apply(volume)
    except Exception as error:
        reason = str(error) if isinstance(error, DuCiSCError) else one_line(error)
        raise DuCiSCError(
            f"{job.case.identifier} is not converted, {reason}: mend {job.case.images[0]}"
            f"{f' or {job.case.label}' if job.case.label else ''}, or leave the case out of the "
            "split with --split-file."
        ) from error
    record = {"part": job.part.name.lower(), "files": files, "oddities": oddities}
    _write(volume, job)
    write_json(job.record, record | dict(job.case.facts) | facts(volume, job))
    return job.case.identifier


def _read(job: CaseJob) -> Volume:
    """The whole and sound volume as it is in the download."""
    if job.needs_label and job.case.label is None:
        raise DuCiSCError("it has no label")
    _check_whole(job.files)
    volume = job.read(job.case, job.needs_label)
    check_volume(volume, job.labels.values())
    return volume


def _check_whole(files: Iterable[Path]) -> None:
    """No file was cut off; SimpleITK would fill up some of them without a word."""
    for file in files:
        try:
            check_not_truncated(file)
        except DuCiSCError as error:
            raise DuCiSCError(f"{file.name} is of no use, {error}") from error


def facts(volume: Volume, job: CaseJob) -> dict[str, Any]:
    """Size, spacing and label volumes, for the table and for conversion.json."""
    spacing = volume.image.GetSpacing()
    result: dict[str, Any] = {"size": volume.image.GetSize(), "spacing": spacing}
    if volume.label is not None:
        voxels = np.bincount(sitk.GetArrayViewFromImage(volume.label).ravel())
        voxel_ml = float(np.prod(spacing)) / 1000
        result["label_ml"] = {
            name: float(f"{voxels[index] * voxel_ml:.4g}") if index < len(voxels) else 0.0
            for name, index in job.labels.items()
            if index
        }
    return result


def _write(volume: Volume, job: CaseJob) -> None:
    """Write the image and, where it is wanted, the label."""
    image = volume.image
    if image.GetPixelID() == sitk.sitkFloat64:
        image = sitk.Cast(image, sitk.sitkFloat32)
    write_image(image, job.image)
    if job.write_label:
        write_image(sitk.Cast(volume.label, sitk.sitkUInt8), job.label)
