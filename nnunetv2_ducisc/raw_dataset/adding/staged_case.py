"""One case to add, brought into a folder of its own and checked; what a worker process runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk  # noqa: N813 (its own name for itself)
from nnunetv2.imageio.base_reader_writer import BaseReaderWriter

from nnunetv2_ducisc.errors import DuCiSCError, one_line
from nnunetv2_ducisc.nnunet.unlabeled import flaw
from nnunetv2_ducisc.raw_dataset.adding.header import Header, read_header
from nnunetv2_ducisc.raw_dataset.adding.incoming import Incoming
from nnunetv2_ducisc.raw_dataset.adding.masks import has_few_values
from nnunetv2_ducisc.raw_dataset.adding.voxels import read_voxels, voxel_hash
from nnunetv2_ducisc.raw_dataset.dicom import read_series
from nnunetv2_ducisc.raw_dataset.image_file import write_image
from nnunetv2_ducisc.raw_dataset.links import Way, place
from nnunetv2_ducisc.raw_dataset.provenance import provenance
from nnunetv2_ducisc.raw_dataset.staging import UnwritableError, writing_to
from nnunetv2_ducisc.truncation import check_not_truncated


@dataclass(frozen=True)
class Kind:
    """What all images of a dataset have in common.

    Attributes:
        ending: how their names end.
        reader: nnU-Net's class for them.
        num_channels: after reading.
        is_flat: whether they are 2D.
        has_few_values: whether they look like segmentations themselves.
    """

    ending: str
    reader: type[BaseReaderWriter]
    num_channels: int
    is_flat: bool
    has_few_values: bool


@dataclass(frozen=True)
class StageJob:
    """A case to bring.

    Attributes:
        incoming: from where.
        folder: whereto; it is made, and holds nothing but this case.
        kind: what it must be.
        hard_links: whether its files may be the user's very own.
    """

    incoming: Incoming
    folder: Path
    kind: Kind
    hard_links: bool


@dataclass(frozen=True)
class StagedCase:
    """A sound case in a folder of its own.

    Attributes:
        case: its identifier.
        images: channel files in order.
        sidecar: of a TIFF, if there is one.
        ways: how each of these files came there.
        voxels: a hash for each channel file, of what the reader yields.
        header: of the first channel file.
        is_like_a_mask: whether it has so few values as no labeled image has.
        sources: state and hash of the files that it was made from, by name.
    """

    case: str
    images: tuple[Path, ...]
    sidecar: Path | None
    ways: tuple[Way, ...]
    voxels: tuple[str, ...]
    header: Header | None
    is_like_a_mask: bool
    sources: dict[str, dict[str, Any]]

    @property
    def files(self) -> tuple[Path, ...]:
        """All files."""
        return (*self.images, *([self.sidecar] if self.sidecar else []))


def stage_case(job: StageJob) -> StagedCase:
    """Bring a case there, by a link where its ending is the dataset's, and check it.

    Raises:
        UnwritableError: the disk does not take it.
        DuCiSCError: it cannot be read, or training would not take it.
    """
    incoming, kind = job.incoming, job.kind
    try:
        sources = {file.name: provenance(file) for file in incoming.files(kind.ending)}
        for image in incoming.images:
            check_not_truncated(image)
        images, sidecar, ways = _bring(job)
        voxels = read_voxels(images, kind.reader)
        _check(voxels, kind)
    except UnwritableError:
        raise
    except Exception as error:
        known = isinstance(error, DuCiSCError)
        reason = str(error) if known else f"it cannot be read ({one_line(error)})"
        raise refusal(
            incoming.case, reason, f"mend {incoming.images[0]} or leave it out"
        ) from error
    return StagedCase(
        incoming.case,
        images,
        sidecar,
        ways,
        voxels=tuple(voxel_hash(part) for part in np.array_split(voxels, len(images))),
        header=read_header(images[0], kind.ending),
        is_like_a_mask=not kind.has_few_values and has_few_values(voxels),
        sources=sources,
    )


def refusal(case: str, reason: str, way_out: str) -> DuCiSCError:
    """The sentence for a case that is not taken."""
    return DuCiSCError(f"Case {case} is not added, {reason}: {way_out}.")


def _bring(job: StageJob) -> tuple[tuple[Path, ...], Path | None, tuple[Way, ...]]:
    """Link the files, or convert them."""
    incoming, ending = job.incoming, job.kind.ending
    with writing_to(job.folder):
        job.folder.mkdir()
    sources: Sequence[Path | tuple[Path, ...]] = incoming.images
    if incoming.is_series:
        sources = [incoming.images]
    images, ways = [], []
    for channel, source in enumerate(sources):
        images.append(job.folder / f"{incoming.case}_{channel:04d}{ending}")
        ways.append(_bring_image(source, images[-1], job))
    sidecar = None
    if beside := incoming.sidecar(ending):
        sidecar = job.folder / f"{incoming.case}.json"
        ways.append(_place(beside, sidecar, job))
    return tuple(images), sidecar, tuple(ways)


def _bring_image(source: Path | tuple[Path, ...], target: Path, job: StageJob) -> Way:
    """One file, from a file or from the slices of a series."""
    if isinstance(source, tuple):
        image = read_series(source)
    elif source.name.lower().endswith(job.kind.ending.lower()):
        return _place(source, target, job)
    else:
        image = sitk.ReadImage(str(source))
    for key in image.GetMetaDataKeys():
        image.EraseMetaData(key)  # may name the patient; and much of it fits no other format
    write_image(image, target)
    return Way.CONVERSION


def _place(source: Path, target: Path, job: StageJob) -> Way:
    with writing_to(job.folder):
        return place(source, target, job.hard_links)


def _check(voxels: np.ndarray, kind: Kind) -> None:
    """What the preprocessing of unlabeled images would refuse, and another number of dimensions."""
    if found := flaw(voxels, kind.num_channels):
        raise DuCiSCError(f"it {found}")
    is_flat = voxels.shape[1] == 1
    if is_flat != kind.is_flat:
        found, expected = ("2D", "3D") if is_flat else ("3D", "2D")
        raise DuCiSCError(f"it is {found}, but the labeled images are {expected}")
