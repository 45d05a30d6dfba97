"""The losses of one step, top to bottom as in the paper: Eq. 4, 7, 10 and 11."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from nnunetv2_ducisc.method.distributed import gathered
from nnunetv2_ducisc.method.labeling import Labeling
from nnunetv2_ducisc.method.mixing import mix
from nnunetv2_ducisc.method.prototypes import (
    Prototypes,
    alignment_loss,
    batch_mean,
    masked_average,
)

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
    """

    labeled: Tensor
    pseudo: Tensor
    mixed: Tensor
    reliable: Tensor
    reliable_mixed: Tensor

    @classmethod
    def mixed_by(
        cls,
        sigma: Tensor,
        labeled: Tensor,
        annotated: Tensor | None,
        pseudo: Tensor,
        reliable: Tensor,
    ) -> Labels:
        """Mix the labels as the images are mixed, Eq. 5.

        Args:
            sigma: the ratio of every image, shape (B,).
            labeled: y_i.
            annotated: where ``labeled`` holds, shape (B, 1, *spatial); None is everywhere.
            pseudo: y_bar_j.
            reliable: of the unlabeled images.
        """
        mixed = mix(sigma, labeled, pseudo)
        if annotated is None:
            return cls(labeled, pseudo, mixed, reliable, reliable)
        return cls(labeled, pseudo, mixed * annotated, reliable, reliable & annotated)


@dataclass(frozen=True, kw_only=True)
class Objective:
    """The semi-supervised terms of Eq. 11 and their sum.

    Attributes:
        lambdas: the weight of each of ``TERMS``; a term of weight zero is not computed.
        scale_weights: nnU-Net's deep-supervision weights, which the consistency losses share.
        prototype_norm: see ``prototypes.alignment_loss``.
        prototype_pairs: "each" image with each, or the "batch_mean" of each kind.
        term_weighting: "plain", or every term "self_divided" by its own detached value.
        labeling: what the logits are.
    """

    lambdas: dict[str, float]
    scale_weights: Sequence[float]
    prototype_norm: str
    prototype_pairs: str
    term_weighting: str
    labeling: Labeling

    @property
    def needs_prototypes(self) -> bool:
        """Whether a prototype term has a weight."""
        return self.lambdas["proto_ulb"] > 0 or self.lambdas["proto_mix"] > 0

    def terms(
        self, labeled: StudentView, unlabeled: StudentView, mixed: StudentView, labels: Labels
    ) -> dict[str, Tensor]:
        """The terms that have a weight, by name, each a scalar."""
        p_i = self._prototypes(labeled, labels.labeled) if self.needs_prototypes else []  # Eq. 2
        compute = {
            "proto_ulb": lambda: self._align(p_i, self._prototypes(unlabeled, labels.pseudo)),
            "proto_mix": lambda: self._align(p_i, self._prototypes(mixed, labels.mixed)),
            "cs_ulb": lambda: self._consistency(unlabeled, labels.pseudo, labels.reliable),
            "cs_mix": lambda: self._consistency(mixed, labels.mixed, labels.reliable_mixed),
        }
        return {name: compute[name]() for name in TERMS if self.lambdas[name] > 0}

    def total(self, supervised: Tensor, terms: dict[str, Tensor]) -> Tensor:
        """Eq. 11: L_sup plus the weighted terms."""
        if self.term_weighting == "plain":
            return supervised + sum(self.lambdas[name] * term for name, term in terms.items())
        # nnU-Net's supervised loss is cross-entropy minus Dice, one below the authors'.
        divided = {name: _self_divided(term) for name, term in terms.items()}
        return _self_divided(supervised + 1) + sum(self.lambdas[n] * t for n, t in divided.items())

    def _prototypes(self, view: StudentView, label: Tensor) -> list[Prototypes]:
        """Eq. 2, 3 or 6 at every scale, of the images of all processes."""
        pooled = [
            Prototypes(*map(gathered, masked_average(f, rescale(label, f.shape[2:]))))
            for f in view.features
        ]
        return pooled if self.prototype_pairs == "each" else [batch_mean(p) for p in pooled]

    def _align(self, ours: list[Prototypes], theirs: list[Prototypes]) -> Tensor:
        """Eq. 4 or 7."""
        return alignment_loss(ours, theirs, self.prototype_norm)

    def _consistency(self, view: StudentView, label: Tensor, reliable: Tensor) -> Tensor:
        """Eq. 10, summed over the deep-supervision outputs that have a weight."""
        return sum(
            weight * self._consistency_at_scale(logits, label, reliable)
            for weight, logits in zip(self.scale_weights, view.logits, strict=True)
            if weight > 0
        )  # type: ignore[return-value]

    def _consistency_at_scale(self, logits: Tensor, label: Tensor, reliable: Tensor) -> Tensor:
        """Eq. 10 for one deep-supervision output."""
        size = logits.shape[2:]
        return self.labeling.consistency_loss(logits, rescale(label, size), rescale(reliable, size))


def rescale(maps: Tensor, size: Sequence[int]) -> Tensor:
    """Label maps at another resolution, by nnU-Net's own rule for labels (nearest, exact).

    Args:
        maps: one-hot or soft labels or a mask, shape (B, C, *spatial).
        size: the spatial shape that is wanted.
    """
    if tuple(maps.shape[2:]) == tuple(size):
        return maps
    return functional.interpolate(maps.float(), tuple(size), mode="nearest-exact")


def _self_divided(term: Tensor) -> Tensor:
    """A term over its own detached value: its gradient no longer knows how large the term is."""
    value = term.detach()
    return term / torch.where(value > 0, value, 1)
