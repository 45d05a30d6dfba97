"""Numbered folders of which each replaces the one before, whole or not at all."""

from __future__ import annotations

import shutil
from pathlib import Path


class Generations:
    """The folders ``update_0001``, ``update_0002``, ... in a folder.

    Args:
        folder: where they are; it comes with the first.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __getitem__(self, number: int) -> Path:
        """The folder of a generation, there or not."""
        return self.folder / f"update_{number:04d}"

    @property
    def unfinished(self) -> Path:
        """Where the next one is written."""
        return self.folder / ".partial"

    def begin(self) -> None:
        """Make room for the next one, in place of what a kill left of it."""
        shutil.rmtree(self.unfinished, ignore_errors=True)
        self.unfinished.mkdir(parents=True)

    def install(self, number: int) -> None:
        """The next one is whole."""
        shutil.rmtree(self[number], ignore_errors=True)
        self.unfinished.rename(self[number])

    def keep_only(self, number: int) -> None:
        """Remove every other one; 0 removes the folder."""
        if number == 0:
            shutil.rmtree(self.folder, ignore_errors=True)
            return
        for other in (self.unfinished, *self.folder.glob("update_*")):
            if other != self[number]:
                shutil.rmtree(other, ignore_errors=True)
