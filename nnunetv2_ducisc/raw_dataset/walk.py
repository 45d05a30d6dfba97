"""The files below a folder that a user names."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path


def files_below(folder: Path) -> Iterator[Path]:
    """All files in a folder and in those below it, sorted folder by folder.

    Links to folders are followed, each folder once; hidden files and folders are left out, since
    other systems scatter them.
    """
    seen: set[str] = set()
    for parent, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(parent)
        folders[:] = [] if real in seen else sorted(_visible(folders))
        yield from (Path(parent, name) for name in sorted(_visible(files)) if real not in seen)
        seen.add(real)


def by_name(folder: Path) -> dict[tuple[Path, str], Path]:
    """The same, as folder and name in small letters -> file: not every system keeps their case."""
    return {(file.parent, file.name.lower()): file for file in files_below(folder)}


def _visible(names: list[str]) -> list[str]:
    return [name for name in names if not name.startswith(".")]
