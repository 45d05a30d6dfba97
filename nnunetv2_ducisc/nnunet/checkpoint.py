"""Checkpoints: nnU-Net's own content plus one key, which holds the state of the method."""

from __future__ import annotations

import random
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nnunetv2_ducisc import __version__
from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.nnunet import checkpoint_file

KEY = "ducisc"
# Settings that may differ in a training that is continued.
CHANGE_NOTHING = {"save_every", "low_memory"}


def extended(save: Callable[[BytesIO], None], extra: dict[str, Any]) -> dict[str, Any] | None:
    """What nnU-Net would save, with ``extra`` under the key ``ducisc``.

    Args:
        save: nnU-Net's ``save_checkpoint``, which can write into a buffer too.
        extra: the state of the method.

    Returns:
        The checkpoint on the CPU; None where nnU-Net saves nothing (another rank than the first,
        or checkpoints switched off).
    """
    buffer = BytesIO()
    save(buffer)
    if buffer.tell() == 0:
        return None
    buffer.seek(0)
    return {**torch.load(buffer, map_location="cpu", weights_only=False), KEY: _on_cpu(extra)}


def read_extra(file: Path) -> dict[str, Any]:
    """The state of the method in a checkpoint, on the CPU.

    Raises:
        DuCiSCError: the checkpoint is cut off, not one of a DuCiSC trainer, or of a version of
            this package whose state is another.
    """
    checkpoint = checkpoint_file.read(file)
    if KEY not in checkpoint:
        raise DuCiSCError(
            f"{file} has no DuCiSC state, so that its training cannot go on here: it was written "
            f"by {checkpoint.get('trainer_name', 'another program')}; start a new training, with "
            "-pretrained_weights if you want its weights."
        )
    version = checkpoint[KEY]["version"]
    if _series(version) != _series(__version__):
        raise DuCiSCError(
            f"{file} was written by nnunetv2-ducisc {version}, whose trainings {__version__} "
            f"cannot continue: install nnunetv2-ducisc {version}, or start a new training; both "
            "predict with it."
        )
    return checkpoint[KEY]


def _series(version: str) -> list[str]:
    """The versions that share one state: 0.1 of 0.1.3."""
    return version.split(".")[:2]


def random_state() -> dict[str, Any]:
    """The state of every generator that a training step draws from."""
    return {
        "python": random.getstate(),
        "numpy": _numpy_state(),
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }


def _numpy_state() -> tuple:
    """With a tensor for NumPy's array, which torch.load takes for harmless data."""
    name, keys, *rest = np.random.get_state(legacy=True)
    return name, torch.from_numpy(np.asarray(keys, dtype=np.int64)), *rest


def restore_random_state(state: dict[str, Any]) -> None:
    """Go on drawing where ``random_state`` was taken."""
    random.setstate(state["python"])
    name, keys, *rest = state["numpy"]
    np.random.set_state((name, keys.numpy().astype(np.uint32), *rest))
    torch.set_rng_state(state["torch"].cpu())
    if len(state["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all([s.cpu() for s in state["cuda"]])


def _on_cpu(state: Any) -> Any:  # noqa: ANN401 (whatever a checkpoint holds)
    """The state with every tensor in it on the CPU, so that a machine without CUDA reads it."""
    if isinstance(state, Tensor):
        return state.cpu()
    return {k: _on_cpu(v) for k, v in state.items()} if isinstance(state, dict) else state


def seed_everything(seed: int) -> None:
    """Seed Python, numpy and torch."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def write_teacher(final: Path, weights: dict[str, Tensor]) -> None:
    """Leave ``checkpoint_final_teacher.pth`` beside the final checkpoint, in the same format."""
    checkpoint = checkpoint_file.read(final)
    teacher = {**checkpoint, "network_weights": {k: w.cpu() for k, w in weights.items()}}
    checkpoint_file.write_whole(teacher, final.with_name("checkpoint_final_teacher.pth"))


def check_same_settings(trained_with: dict[str, Any], now: dict[str, Any]) -> None:
    """Refuse to go on with other numbers than a training began with.

    Raises:
        DuCiSCError: names every setting that differs.
    """
    changed = [
        f"{key} was {trained_with[key]!r} and is now {now[key]!r}"
        for key in sorted((trained_with.keys() & now.keys()) - CHANGE_NOTHING)
        if trained_with[key] != now[key]
    ]
    if changed:
        raise DuCiSCError(
            f"This training began with other settings: {'; '.join(changed)}; write the former "
            "ones into the plans file, or start a new training without --c."
        )
