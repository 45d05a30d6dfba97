"""What the features of an image are brought closer to: Eq. 4 and 7, or Eq. 13 (Table VIII)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from torch import Tensor

from nnunetv2_ducisc.method.distributed import gathered
from nnunetv2_ducisc.method.features import feature_consistency
from nnunetv2_ducisc.method.prototypes import (
    Prototypes,
    alignment_loss,
    batch_mean,
    masked_average,
)
from nnunetv2_ducisc.method.pyramid import Maps, rescale

Summary = TypeVar("Summary")


class FeatureTarget(Protocol[Summary]):
    """A way to make features consistent, for unlabeled and for mixed images alike.

    The features of a kind of image are summarized by themselves; the loss compares summaries.

    Attributes:
        reads_teacher: whether it wants the teacher's features of the same images.
    """

    reads_teacher: bool

    def of_labeled(self, features: Sequence[Tensor], label: Maps) -> Summary:
        """What is kept of the labeled images.

        Args:
            features: F_i^s, one entry a scale, shape (B, Z, *spatial at that scale).
            label: y_i, shape (B, C, *spatial).
        """

    def of_guided(
        self, features: Sequence[Tensor], label: Maps, teacher: Sequence[Tensor]
    ) -> Summary:
        """What is kept of the unlabeled or of the mixed images.

        Args:
            features: F_j^s or F_k^s.
            label: the pseudo label of j, or y_k.
            teacher: the teacher's features of the same images, where it ``reads_teacher``.
        """

    def loss(self, labeled: Summary, guided: Summary) -> Tensor:
        """The term of the unlabeled or of the mixed images, a scalar."""


@dataclass(frozen=True)
class PrototypeAlignment:
    """Class by class the labeled images' prototypes (Eq. 4, 7); the paper's choice.

    Attributes:
        norm: see ``prototypes.alignment_loss``.
        pairs: "each" image with each, or the "batch_mean" of each kind.
    """

    norm: str
    pairs: str
    reads_teacher = False

    def of_labeled(self, features: Sequence[Tensor], label: Maps) -> list[Prototypes]:
        """Eq. 2 at every scale, of the images of all processes."""
        return self._prototypes(features, label)

    def of_guided(
        self, features: Sequence[Tensor], label: Maps, teacher: Sequence[Tensor] = ()
    ) -> list[Prototypes]:
        """Eq. 3 or 6 at every scale, of the images of all processes."""
        return self._prototypes(features, label)

    def loss(self, labeled: list[Prototypes], guided: list[Prototypes]) -> Tensor:
        """Eq. 4 or 7."""
        return alignment_loss(labeled, guided, self.norm)

    def _prototypes(self, features: Sequence[Tensor], label: Maps) -> list[Prototypes]:
        pooled = [
            Prototypes(*map(gathered, masked_average(f, rescale(label, f.shape[2:]))))
            for f in features
        ]
        return pooled if self.pairs == "each" else [batch_mean(p) for p in pooled]


@dataclass(frozen=True)
class FeatureConsistency:
    """Voxel by voxel the teacher's features of the same image, whatever the class (Eq. 13).

    Attributes:
        norm: see ``features.feature_consistency``.
    """

    norm: str
    reads_teacher = True

    def of_labeled(self, features: Sequence[Tensor], label: Maps) -> tuple[Tensor, ...]:
        """Nothing: no other image is looked at."""
        return ()

    def of_guided(
        self, features: Sequence[Tensor], label: Maps, teacher: Sequence[Tensor]
    ) -> tuple[Tensor, ...]:
        """Eq. 13."""
        return (feature_consistency(features, teacher, self.norm),)

    def loss(self, labeled: tuple[Tensor, ...], guided: tuple[Tensor, ...]) -> Tensor:
        """Eq. 13, as it was found."""
        return guided[0]
