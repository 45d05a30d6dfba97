"""nnU-Net's folders, by its variables."""

from __future__ import annotations

import os
from pathlib import Path

from nnunetv2_ducisc.errors import DuCiSCError


def folder_variable(name: str) -> Path | None:
    """One of nnU-Net's three folders, or None where its variable is not set."""
    value = os.environ.get(name)
    return Path(value) if value else None


def raw_folder() -> Path:
    """nnUNet_raw.

    Raises:
        DuCiSCError: it is not set.
    """
    folder = folder_variable("nnUNet_raw")
    if folder is None:
        raise DuCiSCError("nnUNet_raw is not set: run export nnUNet_raw=/folder/of/raw/datasets.")
    return folder
