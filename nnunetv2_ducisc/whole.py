"""What is written whole or not at all: first beside its place, then renamed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nnunetv2_ducisc.errors import DuCiSCError, one_line


def beside(final: Path) -> Path:
    """The name of a file or folder while it is being written."""
    return final.with_name(f".{final.name}.partial")


@contextmanager
def written_whole(file: Path) -> Iterator[Path]:
    """A file beside it to write to, which takes its place if nothing goes wrong.

    A kill at any moment leaves the old file or the new one, and an error leaves the old one alone.
    What a kill left unfinished is gone before anything is written.
    """
    unfinished = beside(file)
    unfinished.unlink(missing_ok=True)
    try:
        yield unfinished
        unfinished.replace(file)
    finally:
        unfinished.unlink(missing_ok=True)


def make_folder(folder: Path, option: str = "-o") -> None:
    """Make the folder that a command's option names, and those above it.

    Raises:
        DuCiSCError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DuCiSCError(
            f"{folder} cannot be made ({one_line(error)}): name another folder with {option}."
        ) from error
