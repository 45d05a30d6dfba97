"""The input folder: an unpacked download, and never its archive."""

from __future__ import annotations

import zipfile
from pathlib import Path

from nnunetv2_ducisc.errors import DuCiSCError

_DEFLATE64 = 9  # of the zip format; Python's zipfile cannot read it


def check_folder(path: Path, option: str) -> Path:
    """The path, if it is a folder.

    Args:
        path: what the user named.
        option: the option it was named with, for the error.

    Raises:
        DuCiSCError: an archive, with what unpacks it, another file, or nothing.
    """
    if path.is_dir():
        return path
    if path.is_file() and zipfile.is_zipfile(path):
        raise DuCiSCError(
            f"{path} is a zip archive: unpack it{_with_what(path)} and name the folder with "
            f"{option}."
        )
    found = "a file" if path.exists() else "not there"
    raise DuCiSCError(f"{path} is {found}: name the folder of the unpacked download with {option}.")


def _with_what(archive: Path) -> str:
    """A hint where common tools fail."""
    with zipfile.ZipFile(archive) as opened:
        if any(member.compress_type == _DEFLATE64 for member in opened.infolist()):
            return " with 7-Zip, since many other tools cannot read its Deflate64 compression,"
    return ""
