"""What a record says of a file that was read."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any


def sha256(file: Path) -> str:
    """The hash of a file's content."""
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def state(file: Path) -> list[int]:
    """Size in bytes and time of the last change in ns: enough to see that a file is another."""
    stat = file.stat()
    return [stat.st_size, stat.st_mtime_ns]


def provenance(file: Path) -> dict[str, Any]:
    """State and hash of a file."""
    return {"state": state(file), "sha256": sha256(file)}
