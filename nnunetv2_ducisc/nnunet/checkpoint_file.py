"""Checkpoint files: written whole or not at all; one that is not whole is refused in a sentence."""

from __future__ import annotations

import shutil
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from nnunetv2_ducisc.errors import DuCiSCError, one_line
from nnunetv2_ducisc.whole import beside, written_whole


def write_whole(checkpoint: dict[str, Any], file: Path) -> None:
    """Write beside and rename: a kill at any moment leaves the old file or the new one.

    Raises:
        DuCiSCError: it could not be written; the old file is as it was.
    """
    try:
        with written_whole(file) as new:
            torch.save(checkpoint, new)
    except (OSError, RuntimeError) as error:  # torch says RuntimeError of a full disk
        free = shutil.disk_usage(file.parent).free / 2**20
        before = "the former one is untouched" if file.exists() else "nothing is left of it"
        raise DuCiSCError(
            f"{file} could not be written, with {free:.0f} MiB free on its disk "
            f"({one_line(error)}); {before}: make room, then repeat the command, a training with "
            "--c."
        ) from error


def remove_partial(folder: Path) -> None:
    """Remove what kills have left of checkpoints that were being written."""
    for partial in folder.glob(beside(folder / "checkpoint_*.pth").name):
        partial.unlink(missing_ok=True)


def read(file: Path) -> dict[str, Any]:
    """A checkpoint on the CPU, its weights mapped rather than read.

    Raises:
        DuCiSCError: the file is cut off or something else.
    """
    try:
        checkpoint = torch.load(file, map_location="cpu", weights_only=False, mmap=True)
    except (OSError, RuntimeError, EOFError, UnpicklingError) as error:
        raise _no_checkpoint(file, one_line(error)) from error
    if not (isinstance(checkpoint, dict) and "trainer_name" in checkpoint):
        raise _no_checkpoint(file, f"it holds a {type(checkpoint).__name__} of something else")
    return checkpoint


def _no_checkpoint(file: Path, why: str) -> DuCiSCError:
    return DuCiSCError(
        f"{file} is cut off or no checkpoint of nnU-Net ({why}): remove it, so that --c goes on "
        f"from another one in {file.parent}, or take one of those in its place."
    )
