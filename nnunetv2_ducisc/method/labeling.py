"""What the network's outputs are: classes that exclude each other, or regions that overlap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from nnunetv2_ducisc.method.consistency import class_consistency, region_consistency


class Labeling(Protocol):
    """How logits become probabilities, pseudo labels and a consistency loss."""

    @property
    def chance(self) -> float:
        """The confidence of a guess, where thresholds start."""

    def probabilities(self, logits: Tensor) -> Tensor:
        """Of logits of shape (B, C, *spatial), in at least float32."""

    def pseudo_label(self, probabilities: Tensor, thresholds: Tensor) -> tuple[Tensor, Tensor]:
        """The teacher's label, and where it is reliable.

        Args:
            probabilities: the teacher's, shape (B, C, *spatial).
            thresholds: one an output, shape (C,).

        Returns:
            y_bar, maps of zeros and ones of shape (B, C, *spatial), and a mask of bool, of shape
            (B, 1, *spatial) for classes and (B, C, *spatial) for regions.
        """

    def any_passes(self, probabilities: Tensor, thresholds: Tensor) -> Tensor:
        """Where a class other than the label's may vouch for the voxel, too (the authors' code).

        Args and shape of the mask as in ``pseudo_label``.
        """

    def entropy(self, probabilities: Tensor) -> Tensor:
        """-sum p ln p over the outcomes of every decision, in nats; shape as of the mask."""

    def foreground(self, probabilities: Tensor) -> Tensor:
        """What has to be kept of the probabilities of a case; their channels may be fewer."""

    def with_background(self, foreground: Tensor) -> Tensor:
        """What ``foreground`` kept, or part of it, as probabilities of shape (B, C, *spatial).

        Where nothing was kept, as beyond the border of an image, it is background.
        """

    def consistency_loss(self, logits: Tensor, target: Tensor, reliable: Tensor) -> Tensor:
        """Eq. 10, a scalar.

        Args:
            logits: the student's, shape (B, C, *spatial).
            target: the pseudo label, hard or mixed, the same shape.
            reliable: a mask as ``pseudo_label`` returns it.
        """


@dataclass(frozen=True)
class ExclusiveClasses:
    """Every voxel has one of C classes, the first of which is the background.

    Attributes:
        number: C.
    """

    number: int

    @property
    def chance(self) -> float:
        """1/C."""
        return 1 / self.number

    def probabilities(self, logits: Tensor) -> Tensor:
        """Softmax over the classes."""
        return _precise(logits).softmax(dim=1)

    def pseudo_label(self, probabilities: Tensor, thresholds: Tensor) -> tuple[Tensor, Tensor]:
        """The largest class; reliable where its probability exceeds its own threshold."""
        confidence, pseudo_class = probabilities.max(dim=1, keepdim=True)
        reliable = confidence > thresholds.to(confidence.dtype)[pseudo_class]
        return one_hot(pseudo_class, self.number), reliable

    def any_passes(self, probabilities: Tensor, thresholds: Tensor) -> Tensor:
        """Where the probability of any class exceeds that class's threshold."""
        return (probabilities > _a_channel_each(thresholds, probabilities)).any(1, keepdim=True)

    def entropy(self, probabilities: Tensor) -> Tensor:
        """A voxel has one class of C."""
        return torch.special.entr(probabilities).sum(1, keepdim=True)

    def foreground(self, probabilities: Tensor) -> Tensor:
        """All classes but the background."""
        return probabilities[:, 1:]

    def with_background(self, foreground: Tensor) -> Tensor:
        """The background has what the other classes leave of one."""
        rest = 1 - foreground.sum(dim=1, keepdim=True)
        return torch.cat([rest.clamp(min=0), foreground], dim=1)  # rounding may leave less than 0

    def consistency_loss(self, logits: Tensor, target: Tensor, reliable: Tensor) -> Tensor:
        """Dice of the foreground plus cross-entropy."""
        return class_consistency(_precise(logits).log_softmax(dim=1), target, reliable)


@dataclass(frozen=True)
class OverlappingRegions:
    """Every output decides for itself whether a voxel is in its region.

    The paper knows no regions. Each is treated as a segmentation of its own: its threshold follows
    the student's mean probability where the teacher sees the region (Eq. 8, 9), and a decision,
    for or against, is reliable where the teacher is surer of it than that.
    """

    @property
    def chance(self) -> float:
        """One half."""
        return 0.5

    def probabilities(self, logits: Tensor) -> Tensor:
        """Sigmoid."""
        return _precise(logits).sigmoid()

    def pseudo_label(self, probabilities: Tensor, thresholds: Tensor) -> tuple[Tensor, Tensor]:
        """In the region above a probability of one half; reliable region by region."""
        label = probabilities > 0.5
        confidence = torch.where(label, probabilities, 1 - probabilities)
        reliable = confidence > _a_channel_each(thresholds, confidence)
        return label.to(probabilities.dtype), reliable

    def any_passes(self, probabilities: Tensor, thresholds: Tensor) -> Tensor:
        """Regions decide one by one: no other one vouches."""
        return self.pseudo_label(probabilities, thresholds)[1]

    def entropy(self, probabilities: Tensor) -> Tensor:
        """Every region is a two-way decision."""
        return torch.special.entr(probabilities) + torch.special.entr(1 - probabilities)

    def foreground(self, probabilities: Tensor) -> Tensor:
        """All regions."""
        return probabilities

    def with_background(self, foreground: Tensor) -> Tensor:
        """All regions: a voxel without any of them is background."""
        return foreground

    def consistency_loss(self, logits: Tensor, target: Tensor, reliable: Tensor) -> Tensor:
        """Dice of all regions plus binary cross-entropy, over the reliable decisions."""
        return region_consistency(_precise(logits), target, reliable)


def one_hot(label: Tensor, num_classes: int) -> Tensor:
    """Class indices of shape (B, 1, *spatial) as float maps of shape (B, C, *spatial)."""
    maps = torch.zeros(label.shape[0], num_classes, *label.shape[2:], device=label.device)
    return maps.scatter_(1, label.long(), 1)


def _a_channel_each(values: Tensor, like: Tensor) -> Tensor:
    """One value an output, to be held against maps of shape (B, C, *spatial)."""
    return values.to(like.dtype).reshape(1, -1, *[1] * (like.ndim - 2))


def _precise(logits: Tensor) -> Tensor:
    """At least float32, whatever autocast has made."""
    return logits.to(torch.promote_types(logits.dtype, torch.float32))
