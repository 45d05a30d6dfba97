"""The losses of one step, top to bottom as in the paper: Eq. 4, 7, 10 and 11."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from nnunetv2_ducisc.method.labeling import Labeling
from nnunetv2_ducisc.method.mixing import Shares, mixed_labels
from nnunetv2_ducisc.method.prototypes import Prototypes
from nnunetv2_ducisc.method.pyramid import Maps, rescale
from nnunetv2_ducisc.method.targets import FeatureTarget

TERMS = ("proto_ulb", "proto_mix", "cs_ulb", "cs_mix")


class StudentView(NamedTuple):
    """What the student says of one kind of image, finest scale first.

    Attributes:
        logits: one entry a deep-supervision output, shape (B, C, *spatial at that scale).
        features: F^s, one entry a decoder stage that gives prototypes, shape (B, Z, *spatial).
    """

    logits: Sequence[Tensor]
    features: Sequence[Tensor]


class Labels(NamedTuple):
    """What the student is held against, all at full resolution.

    Attributes:
        labeled: y_i, maps of zeros and ones, shape (B, C, *spatial); all zero in a voxel that
            nobody has annotated (nnU-Net's ignore label).
        pseudo: y_bar_j, the teacher's maps, the same shape.
        mixed: y_k, soft, Eq. 5, the same shape; all zero where ``labeled`` is.
        reliable: which voxels of the unlabeled images count, shape (B, 1 or C, *spatial).
        reliable_mixed: the same of the mixed images: their other half is the truth, where there
            is one.
        features: F_j^tea, where the target reads the teacher's (Eq. 13).
        features_mixed: F_k^tea, likewise.
    """

    labeled: Tensor
    pseudo: Maps
    mixed: Maps
    reliable: Maps
    reliable_mixed: Maps
    features: Sequence[Tensor] = ()
    features_mixed: Sequence[Tensor] = ()

    @classmethod
    def mixed_by(
        cls,
        shares: Shares,
        labeled: Tensor,
        annotated: Tensor | None,
        pseudo: Maps,
        reliable: Maps,
    ) -> Labels:
        """Mix the labels as the images are mixed, Eq. 5.

        Args:
            shares: of the two images.
            labeled: y_i.
            annotated: where ``labeled`` holds, shape (B, 1, *spatial); None is everywhere.
            pseudo: y_bar_j.
            reliable: of the unlabeled images.
        """
        mixed, reliable_mixed = mixed_labels(shares, labeled, annotated, pseudo, reliable)
        return cls(labeled, pseudo, mixed, reliable, reliable_mixed)


@dataclass(frozen=True, kw_only=True)
class Objective:
    """The semi-supervised terms of Eq. 11 and their sum.

    Attributes:
        lambdas: the weight of each of ``TERMS``; a term of weight zero is not computed.
        scale_weights: nnU-Net's deep-supervision weights, which the consistency losses share.
        target: what features are brought closer to.
        term_weighting: "plain", or every term "self_divided" by its own detached value.
        labeling: what the logits are.
    """

    lambdas: dict[str, float]
    scale_weights: Sequence[float]
    target: FeatureTarget
    term_weighting: str
    labeling: Labeling

    @property
    def needs_features(self) -> bool:
        """Whether a term of the features has a weight."""
        return self.lambdas["proto_ulb"] > 0 or self.lambdas["proto_mix"] > 0

    @property
    def needs_teacher_features(self) -> bool:
        """Whether the teacher's features are wanted, too (Eq. 13)."""
        return self.target.reads_teacher and self.needs_features

    @property
    def needs_mixed(self) -> bool:
        """Whether a term of the mixed images has a weight."""
        return self.lambdas["proto_mix"] > 0 or self.lambdas["cs_mix"] > 0

    @property
    def needs_teacher_of_mixed(self) -> bool:
        """Whether the teacher's features of the mixed images are wanted (Eq. 13)."""
        return self.target.reads_teacher and self.lambdas["proto_mix"] > 0

    def terms(
        self,
        labeled: StudentView,
        unlabeled: StudentView,
        mixed: StudentView | None,
        labels: Labels,
    ) -> dict[str, Tensor]:
        """The terms that have a weight, by name, each a scalar.

        Args:
            labeled: what the student says of x_i.
            unlabeled: of x_j.
            mixed: of x_k; None unless ``needs_mixed``.
            labels: what it is held against.
        """
        p_i: list[Prototypes] = []
        if self.needs_features:
            p_i = self.target.anchors(labeled.features, labels.labeled)  # Eq. 2
        compute = {
            "proto_ulb": lambda: self.target.loss(
                p_i, unlabeled.features, labels.pseudo, labels.features
            ),
            "cs_ulb": lambda: self._consistency(unlabeled, labels.pseudo, labels.reliable),
        }
        if mixed is not None:
            compute["proto_mix"] = lambda: self.target.loss(
                p_i, mixed.features, labels.mixed, labels.features_mixed
            )
            compute["cs_mix"] = lambda: self._consistency(
                mixed, labels.mixed, labels.reliable_mixed
            )
        return {name: compute[name]() for name in TERMS if self.lambdas[name] > 0}

    def total(self, supervised: Tensor, terms: dict[str, Tensor]) -> Tensor:
        """Eq. 11: L_sup plus the weighted terms."""
        if self.term_weighting == "plain":
            return supervised + sum(self.lambdas[name] * term for name, term in terms.items())
        # nnU-Net's supervised loss is cross-entropy minus Dice, one below the authors'.
        divided = {name: _self_divided(term) for name, term in terms.items()}
        return _self_divided(supervised + 1) + sum(self.lambdas[n] * t for n, t in divided.items())

    def _consistency(self, view: StudentView, label: Maps, reliable: Maps) -> Tensor:
        """Eq. 10, summed over the deep-supervision outputs that have a weight."""
        return sum(
            weight * self._consistency_at_scale(logits, label, reliable)
            for weight, logits in zip(self.scale_weights, view.logits, strict=True)
            if weight > 0
        )  # type: ignore[return-value]

    def _consistency_at_scale(self, logits: Tensor, label: Maps, reliable: Maps) -> Tensor:
        """Eq. 10 for one deep-supervision output."""
        size = logits.shape[2:]
        return self.labeling.consistency_loss(logits, rescale(label, size), rescale(reliable, size))


def _self_divided(term: Tensor) -> Tensor:
    """A term over its own detached value: its gradient no longer knows how large the term is."""
    value = term.detach()
    return term / torch.where(value > 0, value, 1)
