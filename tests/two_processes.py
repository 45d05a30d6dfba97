"""Two processes that talk through gloo, as two GPUs would through nccl."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import torch
from torch import distributed as dist

Work = Callable[[int, Path], None]


def run_in_two(work: Work, folder: Path) -> None:
    """Run ``work(rank, folder)`` here as rank 0 and in another process as rank 1.

    Args:
        work: a function of module level.
        folder: where the two meet and leave what they have made.
    """
    spawn = torch.multiprocessing.get_context("spawn")
    other = spawn.Process(target=_run, args=(work, 1, folder))
    other.start()
    try:
        _run(work, 0, folder)
    finally:
        other.join(120)
        other.kill()
    assert other.exitcode == 0


def _run(work: Work, rank: int, folder: Path) -> None:
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo",
        init_method=f"file://{folder}/meeting",
        rank=rank,
        world_size=2,
        timeout=timedelta(seconds=120),
    )
    try:
        work(rank, folder)
    finally:
        dist.destroy_process_group()
