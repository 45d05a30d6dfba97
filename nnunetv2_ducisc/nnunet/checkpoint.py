"""Checkpoints: nnU-Net's own content plus one key, which holds the state of the method."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
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
START_ANEW = "start a new training, with -pretrained_weights if you want its weights"


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
        DuCiSCError: the checkpoint is cut off, or none of a trainer of this package.
    """
    checkpoint = checkpoint_file.read(file)
    if KEY not in checkpoint:
        raise DuCiSCError(
            f"{file} has no DuCiSC state, so that its training cannot go on here: it was written "
            f"by {checkpoint['trainer_name']}; {START_ANEW}."
        )
    return {**checkpoint[KEY], "trainer_name": checkpoint["trainer_name"]}


def why_not_continued(state: dict[str, Any], trainer: str, own: dict[str, Any]) -> str | None:
    """Why a training cannot go on from a state, as a sentence; None if it can.

    Args:
        state: what ``read_extra`` returned.
        trainer: the name of the class that would go on.
        own: the state that it would write now.
    """
    version = state.get("version", __version__)
    if series(version) != series(__version__):
        return (
            f"This training was begun by nnunetv2-ducisc {version}, whose trainings {__version__} "
            f"cannot continue: install nnunetv2-ducisc {version}, or start a new training; both "
            "predict with it."
        )
    if state["trainer_name"] != trainer:
        return (
            f"This training was begun by {state['trainer_name']}, so that {trainer} cannot "
            "continue it: name that trainer with -tr."
        )
    if missing := sorted(own.keys() - state.keys()):
        return (
            f"The checkpoint has no {', '.join(missing)}, without which {trainer} cannot go on: "
            f"it was written by another build of nnunetv2-ducisc; {START_ANEW}."
        )
    return _other_settings(state["settings"], own["settings"])


def series(version: str) -> str:
    """The versions that share one state: 0.1 of 0.1.3."""
    return ".".join(version.split(".")[:2])


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


def seed_from(numbers: Sequence[int]) -> int:
    """One seed, another one for other numbers."""
    return int(np.random.SeedSequence(numbers).generate_state(1)[0])


def write_teacher(final: Path, weights: dict[str, Tensor]) -> None:
    """Leave ``checkpoint_final_teacher.pth`` beside the final checkpoint, in the same format."""
    checkpoint = checkpoint_file.read(final)
    teacher = {**checkpoint, "network_weights": {k: w.cpu() for k, w in weights.items()}}
    checkpoint_file.write_whole(teacher, final.with_name("checkpoint_final_teacher.pth"))


def _other_settings(trained_with: dict[str, Any], now: dict[str, Any]) -> str | None:
    """Every setting that would change in the middle of a training."""
    changed = [
        f"{key} was {trained_with[key]!r} and is now {now[key]!r}"
        for key in sorted((trained_with.keys() & now.keys()) - CHANGE_NOTHING)
        if trained_with[key] != now[key]
    ]
    if not changed:
        return None
    return (
        f"This training began with other settings: {'; '.join(changed)}; write the former "
        "ones into the plans file, or start a new training without --c."
    )
