"""Sums and lists over all processes of a training, through which gradients flow.

Every process then holds the loss of the whole batch. Its gradient arrives here once from each of
the W processes, and DistributedDataParallel divides by W: what is left is the gradient of one
process that saw all images.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch import distributed as dist


def is_distributed() -> bool:
    """Whether this process is one of several."""
    return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1


def summed(values: Tensor) -> Tensor:
    """The sum of every process's values, the same shape everywhere; alone, the values."""
    return _Sum.apply(values) if is_distributed() else values


def averaged(value: Tensor) -> Tensor:
    """The mean of every process's value; alone, the value."""
    return summed(value) / dist.get_world_size() if is_distributed() else value


def gathered(rows: Tensor) -> Tensor:
    """The rows of all processes below each other; where one has fewer, rows of zeros fill up.

    Args:
        rows: shape (B, ...); B may differ by process, the rest may not.

    Returns:
        Shape (W * largest B, ...); alone, the rows.
    """
    if not is_distributed():
        return rows
    most = torch.tensor(len(rows), device=rows.device)
    dist.all_reduce(most, dist.ReduceOp.MAX)
    place = rows.new_zeros(dist.get_world_size(), int(most), *rows.shape[1:])
    place[dist.get_rank(), : len(rows)] = rows
    return summed(place).flatten(0, 1)


class _Sum(torch.autograd.Function):
    """A sum over processes; its gradient is the sum of theirs."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:  # noqa: ANN401 (torch's signature)
        total = values.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:  # noqa: ANN401
        total = gradients[0].clone()
        dist.all_reduce(total)
        return total
