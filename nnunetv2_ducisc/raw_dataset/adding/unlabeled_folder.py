"""imagesUn of a dataset, and the record of where its cases came from."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.raw_dataset.adding.incoming import Incoming
from nnunetv2_ducisc.raw_dataset.adding.staged_case import StagedCase
from nnunetv2_ducisc.raw_dataset.dataset import RawDataset
from nnunetv2_ducisc.raw_dataset.layout import ADDED_CASES, Part
from nnunetv2_ducisc.raw_dataset.provenance import state
from nnunetv2_ducisc.raw_dataset.staging import write_json, writing_to
from nnunetv2_ducisc.whole import beside


class UnlabeledFolder:
    """Takes cases whole or not at all.

    Args:
        dataset: the raw dataset; its folder imagesUn need not be there yet.
    """

    def __init__(self, dataset: RawDataset) -> None:
        self.dataset = dataset
        self.folder = dataset.folder / Part.UNLABELED.images
        self._record = dataset.folder / ADDED_CASES
        self._sources = self._read_record()

    @contextmanager
    def opened(self) -> Iterator[Path]:
        """Be the only one who adds; the record is written in the end, however that comes.

        Yields:
            An empty folder on the same disk, for cases that are not whole yet.

        Raises:
            DuCiSCError: another process adds to this dataset, or the folder cannot be written.
        """
        unfinished = beside(self.folder)
        with writing_to(self.dataset.folder), self._locked(unfinished):
            self._sources = self._read_record()
            try:
                yield self._emptied(unfinished)
            finally:
                shutil.rmtree(unfinished, ignore_errors=True)
                if self._sources:
                    write_json(self._record, self._sources)

    def targets(self, case: str, number: int) -> list[Path]:
        """Where the channel files of a case belong."""
        return [self.folder / name for name in self.dataset.image_names(case, number)]

    def has_from(self, incoming: Incoming) -> bool:
        """Whether the case is there, made from the very files; they are not opened."""
        sources = self._sources.get(incoming.case)
        number = 1 if incoming.is_series else len(incoming.images)
        if not sources or not all(file.is_file() for file in self.targets(incoming.case, number)):
            return False
        files = incoming.files(self.dataset.ending)
        return {name: source["state"] for name, source in sources.items()} == {
            file.name: state(file) for file in files if file.is_file()
        }

    def take(self, staged: StagedCase) -> bool:
        """Move in what is not there of a case, and note its sources.

        Returns:
            Whether anything was moved.
        """
        self.folder.mkdir(exist_ok=True)
        moved: list[Path] = []
        try:
            for file in staged.files:
                target = self.folder / file.name
                if not target.exists():
                    file.rename(target)
                    moved.append(target)
        except BaseException:
            for target in moved:
                target.unlink()
            raise
        self._sources[staged.case] = staged.sources
        return bool(moved)

    @contextmanager
    def _locked(self, unfinished: Path) -> Iterator[None]:
        """Keep other processes out."""
        try:
            with FileLock(f"{unfinished}.lock", timeout=0):
                yield
        except Timeout as error:
            raise DuCiSCError(
                f"Another process is adding to {self.folder}: wait for its end."
            ) from error

    def _emptied(self, folder: Path) -> Path:
        """Without what a process that was killed has left in it."""
        if folder.exists():
            shutil.rmtree(folder)
        folder.mkdir()
        return folder

    def _read_record(self) -> dict[str, dict[str, Any]]:
        try:
            return json.loads(self._record.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise DuCiSCError(
                f"{self._record} cannot be read ({error}): mend it, or remove it, since it is for "
                "information only."
            ) from error
