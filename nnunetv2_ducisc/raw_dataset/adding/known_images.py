"""The images that a dataset has already, and whether another image is one of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from functools import partial
from pathlib import Path
from typing import TypeAlias

from nnunetv2_ducisc.errors import DuCiSCError, one_line
from nnunetv2_ducisc.raw_dataset.adding.header import read_header
from nnunetv2_ducisc.raw_dataset.adding.incoming import Incoming
from nnunetv2_ducisc.raw_dataset.adding.staged_case import Kind
from nnunetv2_ducisc.raw_dataset.adding.voxels import read_voxels, voxel_hash
from nnunetv2_ducisc.raw_dataset.jobs import run_jobs

Size: TypeAlias = tuple[int, ...]


class KnownImages:
    """Files of images by the hash of what the reader yields.

    A scan may come back in another format or with another compression, so that only its voxels tell
    that it is the same; turned or resampled it is not recognized. Files of another size than all
    newcomers are not read.
    """

    def __init__(self) -> None:
        self._files: dict[str, list[Path]] = defaultdict(list)
        self._hashes: dict[Path, str] = {}

    def read(
        self, files: Iterable[Path], newcomers: Iterable[Incoming], kind: Kind, num_processes: int
    ) -> list[DuCiSCError]:
        """Read the files that may be one of the newcomers.

        Returns:
            A sentence for each file that cannot be read.
        """
        sizes = {_size(newcomer, kind.ending) for newcomer in newcomers}
        alike = [file for file in files if _may_match(_header_size(file, kind.ending), sizes)]
        work = partial(_read, kind=kind)
        unread = []
        for result in run_jobs("Comparing", work, alike, num_processes, unit="file"):
            if isinstance(result, DuCiSCError):
                unread.append(result)
            else:
                self.add(*result)
        return unread

    def add(self, file: Path, voxels: str) -> None:
        """One more file, with its hash."""
        self._files[voxels].append(file)
        self._hashes[file] = voxels

    def twin(self, voxels: Iterable[str], own: Collection[Path]) -> Path | None:
        """A file with one of these hashes that is not the case's own."""
        files = (file for one in voxels for file in self._files.get(one, ()))
        return next((file for file in files if file not in own), None)

    def has(self, file: Path, voxels: str) -> bool:
        """Whether this very file holds this."""
        return self._hashes.get(file) == voxels


def _read(file: Path, kind: Kind) -> tuple[Path, str]:
    try:
        return file, voxel_hash(read_voxels([file], kind.reader))
    except Exception as error:
        raise DuCiSCError(
            f"{file} cannot be read ({one_line(error)}), and no new image was compared with it"
        ) from error


def _may_match(size: Size | None, sizes: Collection[Size | None]) -> bool:
    """Whether an image is of one of these sizes, as far as headers tell."""
    return size is None or None in sizes or size in sizes


def _header_size(file: Path, ending: str) -> Size | None:
    header = read_header(file, ending)
    return header.size if header else None


def _size(newcomer: Incoming, ending: str) -> Size | None:
    """Of its first file; a series has a slice a file."""
    size = _header_size(newcomer.images[0], ending)
    return (*size[:2], len(newcomer.images)) if size and newcomer.is_series else size
