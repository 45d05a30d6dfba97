"""Checks of nnU-Net's three folder variables."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from nnunetv2_ducisc.errors import DuCiSCError


def existing_folder(variable: str) -> str:
    """The variable names a folder that can be read.

    Raises:
        DuCiSCError: it is not set, or the folder is not there.
    """
    folder = os.environ.get(variable)
    if not folder:
        raise DuCiSCError(f"not set: run export {variable}=/your/{variable}")
    if not Path(folder).is_dir():
        raise DuCiSCError(f"{folder} is not a folder: run mkdir -p {folder}, or correct {variable}")
    if not os.access(folder, os.R_OK | os.X_OK):
        raise DuCiSCError(f"{folder} cannot be read: run chmod u+rx {folder}, or ask its owner")
    return folder


def writable_folder(variable: str) -> str:
    """The variable names a folder that can be written to, which is found out by writing.

    Raises:
        DuCiSCError: see ``existing_folder``, or nothing can be written there.
    """
    folder = existing_folder(variable)
    try:
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError as error:
        raise DuCiSCError(
            f"{folder} cannot be written to ({error.strerror}): run chmod u+rwx {folder}, free "
            f"some disk space, or let {variable} name another folder"
        ) from error
