"""The input folder: an unpacked download, and never its archive."""

from __future__ import annotations

import zipfile
from pathlib import Path

from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.raw_dataset.walk import files_below

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


def nothing_found(
    folder: Path, expected: str, what: str = "case", option: str = "-i"
) -> DuCiSCError:
    """The error for a folder in which nothing of a data set was found.

    Args:
        folder: what was searched.
        expected: files or folders that would have been recognised.
        what: a word for them.
        option: the option that the folder was named with.
    """
    found = f"No {what} was found below {folder}"
    for file in files_below(folder):
        if file.suffix.lower() == ".zip" and zipfile.is_zipfile(file):
            return DuCiSCError(f"{found}, but {file}: unpack it{_with_what(file)}.")
    return DuCiSCError(f"{found}: expected {expected}; check {option}.")


def _with_what(archive: Path) -> str:
    """A hint where common tools fail."""
    with zipfile.ZipFile(archive) as opened:
        if any(member.compress_type == _DEFLATE64 for member in opened.infolist()):
            return " with 7-Zip, since many other tools cannot read its Deflate64 compression,"
    return ""
