"""The hidden folder beside a dataset in which it grows until it is whole."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.whole import beside, written_whole


class UnwritableError(DuCiSCError):
    """The disk does not take a file: no case that comes after will fare better."""

    @classmethod
    def at(cls, place: str | Path, reason: object) -> UnwritableError:
        """The sentence for the user, with what the system says of it."""
        return cls(
            f"{place} cannot be written ({reason}): see to permissions and to the disk's space, "
            "then repeat the command; what is done is kept."
        )


class Staging:
    """A dataset in the making.

    It holds ``dataset/``, which becomes the dataset by being renamed, ``records/`` with a file for
    each case that is done, and the recipe they are made by. A stopped conversion leaves it, and
    the next one with the same recipe goes on in it.

    Args:
        final: the dataset's folder, in nnUNet_raw.
    """

    def __init__(self, final: Path) -> None:
        self.final = final
        self.folder = beside(final)
        self.dataset = self.folder / "dataset"
        self.records = self.folder / "records"
        self._replaced = self.folder / "replaced"
        self._recipe = self.folder / "recipe.json"

    @contextmanager
    def opened(self, recipe: dict[str, Any], overwrite: bool) -> Iterator[None]:
        """Be the only one who writes here, by this recipe.

        Raises:
            DuCiSCError: the dataset is there already, another process writes it, it was begun by
                another recipe, or the disk does not take it.
        """
        with writing_to(self.folder), self._locked():
            self.check(recipe, overwrite)
            self._begin(recipe)
            yield

    def check(self, recipe: dict[str, Any], overwrite: bool) -> None:
        """Refuse to replace a dataset, or one that was begun by another recipe, without being told.

        Raises:
            DuCiSCError: see ``opened``.
        """
        if overwrite:
            return
        if self.final.exists():
            raise DuCiSCError(
                f"{self.final} exists: name another dataset, or replace it with --overwrite."
            )
        if self._recipe.is_file() and not self._is_begun_by(recipe):
            raise DuCiSCError(
                f"{self.final} was begun with other options, and what is done lies in "
                f"{self.folder}: repeat the command with the options of then, or start anew with "
                "--overwrite."
            )

    def install(self) -> None:
        """Rename the whole dataset into place; what was there before goes last."""
        if self.final.exists():
            if self._replaced.exists():  # of one that was killed while it cleared up
                shutil.rmtree(self._replaced)
            self.final.rename(self._replaced)
        self.dataset.rename(self.final)

    def record(self, case: str) -> Path:
        """The file that says that a case is done, and what came out."""
        return self.records / f"{case}.json"

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Keep other processes out."""
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.folder / "lock")
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            raise DuCiSCError(
                f"Another process is writing {self.final}: wait for its end."
            ) from error
        try:
            yield
        finally:
            lock.release()
            if self.final.exists() and not self.dataset.exists():  # nothing is in the making
                shutil.rmtree(self.folder, ignore_errors=True)

    def _begin(self, recipe: dict[str, Any]) -> None:
        """Go on by the same recipe, or start anew.

        Records without their dataset are of one that is in its place: they count for nothing.
        """
        if not (self.dataset.is_dir() and self._is_begun_by(recipe)):
            for folder in (self.dataset, self.records):
                if folder.exists():
                    shutil.rmtree(folder)
        self.dataset.mkdir(exist_ok=True)
        self.records.mkdir(exist_ok=True)
        write_json(self._recipe, recipe)

    def _is_begun_by(self, recipe: dict[str, Any]) -> bool:
        return self._recipe.is_file() and self._recipe.read_text(encoding="utf-8") == _text(recipe)


@contextmanager
def writing_to(folder: Path) -> Iterator[None]:
    """Turn what the disk refuses into a sentence.

    Raises:
        UnwritableError: instead of an ``OSError``, with the file where the system names it.
    """
    try:
        yield
    except OSError as error:
        raise UnwritableError.at(error.filename or folder, error.strerror or error) from error


def write_json(file: Path, content: Any) -> None:  # noqa: ANN401
    """Write a JSON file whole or not at all."""
    with written_whole(file) as new:
        new.write_text(_text(content), encoding="utf-8")


def _text(content: Any) -> str:  # noqa: ANN401
    return json.dumps(content, indent=2, sort_keys=True)
