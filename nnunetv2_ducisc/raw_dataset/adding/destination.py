"""The dataset that unlabeled images are added to, and what they have to be for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from nnunetv2.imageio.nibabel_reader_writer import NibabelIO, NibabelIOWithReorient
from nnunetv2.imageio.reader_writer_registry import determine_reader_writer_from_dataset_json
from nnunetv2.imageio.simpleitk_reader_writer import SimpleITKIO

from nnunetv2_ducisc.errors import DuCiSCError, one_line
from nnunetv2_ducisc.nnunet.unlabeled import number_of_channels
from nnunetv2_ducisc.raw_dataset.adding.masks import has_few_values
from nnunetv2_ducisc.raw_dataset.adding.staged_case import Kind
from nnunetv2_ducisc.raw_dataset.adding.voxels import read_voxels
from nnunetv2_ducisc.raw_dataset.dataset import LabeledCase, RawDataset
from nnunetv2_ducisc.raw_dataset.layout import Part


@dataclass(frozen=True)
class Destination:
    """A labeled dataset.

    Attributes:
        dataset: its folder and dataset.json.
        labeled: its labeled cases.
        kind: what its images are.
    """

    dataset: RawDataset
    labeled: Mapping[str, LabeledCase]
    kind: Kind

    @classmethod
    def named(cls, name_or_id: str) -> Destination:
        """Find a dataset by what nnU-Net's commands call it.

        Raises:
            DuCiSCError: there is none, or its labeled images cannot be read.
        """
        dataset = RawDataset.named(name_or_id)
        labeled = dataset.labeled()
        return cls(dataset, labeled, _kind(dataset, next(iter(labeled.values())).images))

    @property
    def images_per_case(self) -> int:
        """Channel files of a case."""
        return len(next(iter(self.labeled.values())).images)

    @property
    def is_convertible(self) -> bool:
        """Whether SimpleITK can write what the reader reads, with its geometry."""
        return issubclass(self.kind.reader, (SimpleITKIO, NibabelIO, NibabelIOWithReorient))

    def image_files(self) -> Iterator[Path]:
        """Every file of an image that the dataset has, of every part."""
        for case in self.labeled.values():
            yield from case.images
        for part in (Part.TEST, Part.UNLABELED):
            files = self.dataset.files(part.images)
            yield from (file for file in files if file.name.endswith(self.dataset.ending))


def _kind(dataset: RawDataset, images: tuple[Path, ...]) -> Kind:
    """What one case tells of all."""
    try:
        with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            reader = determine_reader_writer_from_dataset_json(dataset.json, str(images[0]))
        voxels = read_voxels(images, reader)
    except Exception as error:
        raise DuCiSCError(
            f"{images[0]} cannot be read ({one_line(error)}): mend the labeled images first."
        ) from error
    return Kind(
        dataset.ending,
        reader,
        number_of_channels(dataset.json),
        is_flat=voxels.shape[1] == 1,
        has_few_values=has_few_values(voxels),
    )
