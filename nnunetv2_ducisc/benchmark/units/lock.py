"""One process at a time in a unit, also where an earlier one was killed and left a training behind.

The lock belongs to whoever holds the open file, and commands inherit it: a training whose benchmark
was killed keeps it to its end.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nnunetv2_ducisc.errors import one_line

try:
    import fcntl
except ImportError:  # Windows, which has no such call
    fcntl = None  # type: ignore[assignment]


@contextmanager
def locked(file: Path) -> Iterator[int]:
    """Wait until nobody else is at work here.

    Yields:
        The descriptor that commands inherit.
    """
    with file.open("w", encoding="utf-8") as opened:
        if fcntl is not None:
            _acquire(opened.fileno(), file)
        yield opened.fileno()


def _acquire(descriptor: int, file: Path) -> None:
    assert fcntl is not None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(
                f"{file.parent} is still being worked in by another process: waiting for its end "
                f"(lsof {file} names it)."
            )
            fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError as error:
        print(
            f"{file.parent} is on a file system without locks ({one_line(error)}): see to it that "
            "no other ducisc benchmark works there."
        )
