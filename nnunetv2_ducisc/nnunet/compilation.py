"""How torch.compile is asked for the network."""

from __future__ import annotations

from typing import cast

import torch
from torch import nn
from torch._dynamo import OptimizedModule
from torch.nn.parallel import DistributedDataParallel


def compiled_for_fixed_sizes(network: nn.Module) -> nn.Module:
    """The network with a graph for each size of batch, where nnU-Net has compiled it.

    After warm-up the student sees larger batches than before. By default torch.compile would take
    the size for a variable from then on, in one graph for all sizes, which knows less.
    """
    inner = network.module if isinstance(network, DistributedDataParallel) else network
    if not isinstance(inner, OptimizedModule):
        return network
    compiled = cast(nn.Module, torch.compile(inner._orig_mod, dynamic=False))
    if inner is network:
        return compiled
    network.module = compiled
    return network
