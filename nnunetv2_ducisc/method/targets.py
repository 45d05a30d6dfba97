"""What the features of an image are brought closer to: Eq. 4 and 7, or Eq. 13 (Table VIII)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

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


class FeatureTarget(Protocol):
    """A way to make features consistent, for unlabeled and for mixed images alike.

    Attributes:
        reads_teacher: whether it wants the teacher's features of the same images.
    """

    reads_teacher: bool

    def anchors(self, features: Sequence[Tensor], label: Maps) -> list[Prototypes]:
        """What is kept of the labeled images for ``loss``.

        Args:
            features: F_i^s, one entry a scale, shape (B, Z, *spatial at that scale).
            label: y_i, shape (B, C, *spatial).
        """

    def loss(
        self,
        anchors: list[Prototypes],
        features: Sequence[Tensor],
        label: Maps,
        teacher: Sequence[Tensor],
    ) -> Tensor:
        """The term of the unlabeled or of the mixed images, a scalar.

        Args:
            anchors: of the labeled images.
            features: F_j^s or F_k^s.
            label: the pseudo label of j, or y_k.
            teacher: the teacher's features of the same images, where it ``reads_teacher``.
        """


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

    def anchors(self, features: Sequence[Tensor], label: Maps) -> list[Prototypes]:
        """Eq. 2, 3 or 6 at every scale, of the images of all processes."""
        pooled = [
            Prototypes(*map(gathered, masked_average(f, rescale(label, f.shape[2:]))))
            for f in features
        ]
        return pooled if self.pairs == "each" else [batch_mean(p) for p in pooled]

    def loss(
        self,
        anchors: list[Prototypes],
        features: Sequence[Tensor],
        label: Maps,
        teacher: Sequence[Tensor] = (),
    ) -> Tensor:
        """Eq. 4 or 7."""
        return alignment_loss(anchors, self.anchors(features, label), self.norm)


@dataclass(frozen=True)
class FeatureConsistency:
    """Voxel by voxel the teacher's features of the same image, whatever the class (Eq. 13).

    Attributes:
        norm: see ``features.feature_consistency``.
    """

    norm: str
    reads_teacher = True

    def anchors(self, features: Sequence[Tensor], label: Maps) -> list[Prototypes]:
        """Nothing: no other image is looked at."""
        return []

    def loss(
        self,
        anchors: list[Prototypes],
        features: Sequence[Tensor],
        label: Maps,
        teacher: Sequence[Tensor] = (),
    ) -> Tensor:
        """Eq. 13."""
        return feature_consistency(features, teacher, self.norm)
