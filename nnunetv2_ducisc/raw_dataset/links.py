"""The same file at a second place, with as little disk space as the disk allows."""

from __future__ import annotations

import errno
import os
import shutil
from collections import Counter
from enum import Enum
from pathlib import Path

from nnunetv2_ducisc.whole import written_whole

try:
    import fcntl
except ImportError:  # Windows, which has no such call
    fcntl = None  # type: ignore[assignment]

_FICLONE = 0x40049409  # of Linux: share the blocks of another file until one of them is changed

SHARED = (
    "A hard link is one file under two names: what is changed in place under one changes under the "
    "other. With --copy, files of their own are made."
)


class Way(Enum):
    """How a file came to its second place, in the order of preference; the last is not ours."""

    REFLINK = ("reflink", "reflinks")
    HARD_LINK = ("hard link", "hard links")
    COPY = ("copy", "copies")
    CONVERSION = ("conversion", "conversions")


def place(source: Path, target: Path, hard_links: bool = True) -> Way:
    """Let a file be at a second place too, whole or not at all.

    Args:
        source: the file; of a symbolic link, what it leads to.
        target: the place, in a folder that exists; nothing is there yet.
        hard_links: whether it may be the very same file.

    Raises:
        OSError: there is no such file, or the disk does not take it.
    """
    real = source.resolve(strict=True)
    if target.exists():
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
    ways = (_reflink, _hard_link, _copy) if hard_links else (_reflink, _copy)
    with written_whole(target) as new:
        return next(way for bring in ways if (way := bring(real, new)))


def is_placed(source: Path, target: Path) -> bool:
    """Whether an earlier call has brought the file there, as it is now."""
    if not target.is_file():
        return False
    ours, theirs = source.stat(), target.stat()
    return (ours.st_size, ours.st_mtime_ns) == (theirs.st_size, theirs.st_mtime_ns)


def tally(ways: Counter[Way]) -> str:
    """``3 files: 2 hard links, 1 copy``."""
    number = ways.total()
    counts = [f"{ways[way]} {way.value[ways[way] != 1]}" for way in Way if ways[way]]
    files = f"{number} file{'' if number == 1 else 's'}"
    return f"{files}: {', '.join(counts)}" if counts else files


def _reflink(source: Path, target: Path) -> Way | None:
    """None where it cannot be done: another disk, or a file system that does not share blocks."""
    if fcntl is None:
        return None
    with source.open("rb") as original, target.open("wb") as clone:
        try:
            fcntl.ioctl(clone.fileno(), _FICLONE, original.fileno())
        except OSError:
            target.unlink()
            return None
    shutil.copystat(source, target)
    return Way.REFLINK


def _hard_link(source: Path, target: Path) -> Way | None:
    """None where it cannot be done: another disk, or a file system or a system without them."""
    try:
        os.link(source, target)
    except OSError:
        return None
    return Way.HARD_LINK


def _copy(source: Path, target: Path) -> Way:
    shutil.copy2(source, target)
    return Way.COPY
