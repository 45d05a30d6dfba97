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
        self.folder = final.parent / f".{final.name}.partial"
        self.dataset = self.folder / "dataset"
        self.records = self.folder / "records"

    @contextmanager
    def opened(self, recipe: dict[str, Any], overwrite: bool) -> Iterator[None]:
        """Be the only one who writes here, by this recipe.

        Raises:
            DuCiSCError: the dataset is there already, another process writes it, or it was begun
                by another recipe.
        """
        if self.final.exists() and not overwrite:
            raise DuCiSCError(
                f"{self.final} exists: name another dataset, or replace it with --overwrite."
            )
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.folder / "lock")
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            raise DuCiSCError(
                f"Another process is writing {self.final}: wait for its end."
            ) from error
        try:
            self._begin(recipe, overwrite)
            yield
        finally:
            lock.release()
            if not self.dataset.exists():  # it is in its place
                shutil.rmtree(self.folder)

    def install(self) -> None:
        """Rename the whole dataset into place; what was there before goes last."""
        if self.final.exists():
            self.final.rename(self.folder / "replaced")
        self.dataset.rename(self.final)

    def record(self, case: str) -> Path:
        """The file that says that a case is done, and what came out."""
        return self.records / f"{case}.json"

    def _begin(self, recipe: dict[str, Any], overwrite: bool) -> None:
        """Start anew, or go on by the same recipe."""
        file = self.folder / "recipe.json"
        wanted = json.dumps(recipe, indent=2, sort_keys=True)
        if file.is_file() and file.read_text(encoding="utf-8") != wanted:
            if not overwrite:
                raise DuCiSCError(
                    f"{self.final} was begun with other options, and what is done lies in "
                    f"{self.folder}: repeat the command with the options of then, or start anew "
                    "with --overwrite."
                )
            shutil.rmtree(self.dataset, ignore_errors=True)
            shutil.rmtree(self.records, ignore_errors=True)
        self.dataset.mkdir(exist_ok=True)
        self.records.mkdir(exist_ok=True)
        write_json(file, recipe)


def write_json(file: Path, content: Any) -> None:  # noqa: ANN401
    """Write a JSON file whole or not at all."""
    beside = file.with_name(f".{file.name}.partial")
    beside.write_text(json.dumps(content, indent=2, sort_keys=True), encoding="utf-8")
    beside.replace(file)
