"""Decoder features and logits from one forward pass of nnU-Net's own network."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from torch import Tensor, nn
from torch._dynamo import OptimizedModule
from torch.nn.parallel import DistributedDataParallel

from nnunetv2_ducisc.errors import DuCiSCError


def plain_network(network: nn.Module) -> nn.Module:
    """The network without the wrappers of DDP and torch.compile, whichever are there."""
    if isinstance(network, DistributedDataParallel):
        network = network.module
    return network._orig_mod if isinstance(network, OptimizedModule) else network


class DecoderFeatures:
    """Keeps the outputs of the finest decoder stages, F^s, while ``recording``.

    They are what ``seg_layers[s]`` reads. The hooks have to be there before torch.compile sees
    the first batch, and do nothing, and hold nothing, outside ``recording``.

    Args:
        network: the plain network; it needs ``decoder.stages``, lowest resolution first.
        num_scales: S; a network with fewer stages gives all that it has. 0 needs no decoder.

    Raises:
        DuCiSCError: the architecture has no such decoder.
    """

    def __init__(self, network: nn.Module, num_scales: int) -> None:
        stages = _decoder_stages(network) if num_scales else []
        self.num_scales = min(num_scales, len(stages))
        self._active = False
        self._outputs: dict[int, Tensor] = {}
        for scale, stage in enumerate(reversed(stages)):
            if scale < self.num_scales:
                stage.register_forward_hook(self._hook(scale))

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Within this context the forward pass of the network leaves its features here."""
        self._active = True
        try:
            yield
        finally:
            self._active = False
            self.forget()

    def forget(self) -> None:
        """Let the features of the last forward pass go."""
        self._outputs.clear()

    @property
    def finest_first(self) -> list[Tensor]:
        """F^s of the last forward pass, shape (B, Z, *spatial) each."""
        return [self._outputs[scale] for scale in range(self.num_scales)]

    def _hook(self, scale: int) -> Callable[..., None]:
        def keep(_module: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> None:
            if self._active:
                self._outputs[scale] = output

        return keep


def _decoder_stages(network: nn.Module) -> Sequence[nn.Module]:
    """The decoder's stages, lowest resolution first."""
    stages = getattr(getattr(network, "decoder", None), "stages", None)
    if not isinstance(stages, nn.ModuleList):
        raise DuCiSCError(
            f"The architecture {type(network).__name__} has no decoder.stages, from which the "
            "prototypes are taken: plan with nnU-Net's U-Nets (PlainConvUNet, ResidualEncoderUNet)."
        )
    return list(stages)
