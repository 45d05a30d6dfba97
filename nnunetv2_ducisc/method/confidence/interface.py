"""What every way to judge a pseudo label is asked, and what it is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from nnunetv2_ducisc.method.pyramid import Maps


class TeacherSays(NamedTuple):
    """What the teacher says of the unlabeled images, and how to ask it again.

    Attributes:
        images: what it looked at, shape (B, channels, *spatial).
        outputs: its probabilities, finest first, shape (B, C, *spatial at that scale) each; all
            outputs where ``Confidence.reads_all_outputs``, else the finest alone.
        ask: images to its probabilities at full resolution, without a gradient.
        features: F^tea of the images, finest first, where they are wanted (Eq. 13).
    """

    images: Tensor
    outputs: Sequence[Tensor]
    ask: Callable[[Tensor], Tensor]
    features: Sequence[Tensor] = ()

    @classmethod
    def of(cls, probabilities: Tensor) -> TeacherSays:
        """Probabilities that no network is there to be asked for again.

        The settings refuse the ways of confidence that would ask.
        """
        return cls(torch.empty(0), [probabilities], _nobody)


class PseudoLabel(NamedTuple):
    """The teacher's label, and where it is reliable.

    Attributes:
        maps: y_bar_j, zeros and ones, shape (B, C, *spatial).
        reliable: a mask of bool, shape (B, 1, *spatial) for classes, (B, C, *spatial) for regions.
    """

    maps: Maps
    reliable: Maps


class Confidence(Protocol):
    """A way to judge the pseudo label voxel by voxel.

    Attributes:
        reads_all_outputs: whether it looks at the outputs at lower resolutions, too.
        learns: whether ``learn`` does something, so that the student's logits are wanted.
    """

    reads_all_outputs: bool
    learns: bool

    @property
    def in_use(self) -> Tensor:
        """What the next pseudo label is held against, shape (C,), for the log."""

    def label(self, teacher: TeacherSays, iteration: int) -> PseudoLabel:
        """The pseudo label of a batch.

        Args:
            teacher: what the teacher says of it.
            iteration: of the whole run, counted from 0.
        """

    def learn(self, student: Sequence[Tensor], label: Maps) -> None:
        """Take notice of what the student says of the same images.

        Args:
            student: its logits, finest first, shape (B, C, *spatial at that scale) each.
            label: ``PseudoLabel.maps`` of the step.
        """

    def state_dict(self) -> dict[str, Tensor]:
        """What a checkpoint has to keep; ``values`` are of shape (C,)."""

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Go on from a checkpoint."""


def _nobody(images: Tensor) -> Tensor:
    raise NotImplementedError
