"""The losses of one step, top to bottom as in the paper: Eq. 4, 7, 10 and 11."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from nnunetv2_ducisc.method.distributed import averaged
from nnunetv2_ducisc.method.labeling import Labeling
from nnunetv2_ducisc.method.pyramid import Maps, rescale
from nnunetv2_ducisc.method.targets import FeatureTarget

TERMS = ("proto_ulb", "proto_mix", "cs_ulb", "cs_mix")
TERMS_OF = {"unlabeled": ("proto_ulb", "cs_ulb"), "mixed": ("proto_mix", "cs_mix")}


class StudentView(NamedTuple):
    """What the student says of one kind of image, finest scale first.

    Attributes:
        logits: one entry a deep-supervision output, shape (B, C, *spatial at that scale).
        features: F^s, one entry a decoder stage that gives prototypes, shape (B, Z, *spatial).
    """

    logits: Sequence[Tensor]
    features: Sequence[Tensor]


class Guide(NamedTuple):
    """What the student is held against in a kind of image that nobody has labeled.

    Attributes:
        maps: y_bar_j, the teacher's label, or y_k, the mixed one; shape (B, C, *spatial).
        reliable: which voxels count, a mask of shape (B, 1 or C, *spatial).
        features: the teacher's of the same images, where the target reads them (Eq. 13).
    """

    maps: Maps
    reliable: Maps
    features: Sequence[Tensor] = ()


class Reading(NamedTuple):
    """What the terms need of a kind of image that nobody has labeled: numbers, and no maps.

    Attributes:
        summary: of its features, by the objective's target; None where no term asks for it.
        consistency: Eq. 10, a scalar; None where it has no weight.
    """

    summary: Any
    consistency: Tensor | None


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
    target: FeatureTarget[Any]
    term_weighting: str
    labeling: Labeling

    @property
    def guided(self) -> list[str]:
        """The kinds of image of which a term has a weight: "unlabeled", "mixed"."""
        return [kind for kind in TERMS_OF if any(self.lambdas[term] > 0 for term in TERMS_OF[kind])]

    @property
    def needs_features(self) -> bool:
        """Whether a term of the features has a weight."""
        return any(self.lambdas[features] > 0 for features, _ in TERMS_OF.values())

    @property
    def needs_teacher_features(self) -> bool:
        """Whether the teacher's features are wanted, too (Eq. 13)."""
        return self.target.reads_teacher and self.needs_features

    @property
    def needs_teacher_of_mixed(self) -> bool:
        """Whether the teacher's features of the mixed images are wanted (Eq. 13)."""
        return self.target.reads_teacher and self.lambdas["proto_mix"] > 0

    def of_labeled(self, view: StudentView, y_i: Tensor) -> Any:  # noqa: ANN401 (the target's)
        """Eq. 2: what the terms need of the labeled images.

        Args:
            view: what the student says of them.
            y_i: their truth, shape (B, C, *spatial); all zero in a voxel that nobody has annotated
                (nnU-Net's ignore label).
        """
        return self.target.of_labeled(view.features, y_i) if self.needs_features else None

    def of_guided(self, kind: str, view: StudentView, guide: Guide) -> Reading:
        """Eq. 3 or 6, and 10: what the terms need of the "unlabeled" or of the "mixed" images."""
        proto, consistency = TERMS_OF[kind]
        summary = loss = None
        if self.lambdas[proto] > 0:
            summary = self.target.of_guided(view.features, guide.maps, guide.features)
        if self.lambdas[consistency] > 0:
            loss = self._consistency(view, guide)
        return Reading(summary, loss)

    def terms(self, labeled: Any, guided: Mapping[str, Reading]) -> dict[str, Tensor]:  # noqa: ANN401
        """The terms that have a weight, by name, each a scalar.

        Args:
            labeled: what ``of_labeled`` returned.
            guided: what ``of_guided`` returned, of every kind that is ``guided``.
        """
        terms = {}
        for kind in self.guided:
            proto, consistency = TERMS_OF[kind]
            summary, loss = guided[kind]
            if summary is not None:
                terms[proto] = self.target.loss(labeled, summary)  # Eq. 4, 7
            if loss is not None:
                terms[consistency] = loss
        return terms

    def total(self, supervised: Tensor, terms: dict[str, Tensor]) -> Tensor:
        """Eq. 11: L_sup plus the weighted terms."""
        if self.term_weighting == "plain":
            return supervised + sum(self.lambdas[name] * term for name, term in terms.items())
        # nnU-Net's supervised loss is cross-entropy minus Dice, one below the authors'.
        divided = {name: _divided(term, by=term) for name, term in terms.items()}
        own = _divided(supervised + 1, by=averaged(supervised + 1))  # of this process's images
        return own + sum(self.lambdas[name] * term for name, term in divided.items())

    def _consistency(self, view: StudentView, guide: Guide) -> Tensor:
        """Eq. 10, summed over the deep-supervision outputs that have a weight."""
        return sum(
            weight * self._consistency_at_scale(logits, guide.maps, guide.reliable)
            for weight, logits in zip(self.scale_weights, view.logits, strict=True)
            if weight > 0
        )  # type: ignore[return-value]

    def _consistency_at_scale(self, logits: Tensor, label: Maps, reliable: Maps) -> Tensor:
        """Eq. 10 for one deep-supervision output."""
        size = logits.shape[2:]
        return self.labeling.consistency_loss(logits, rescale(label, size), rescale(reliable, size))


def _divided(term: Tensor, by: Tensor) -> Tensor:
    """A term over a detached value: its gradient no longer knows how large the term is."""
    value = by.detach()
    return term / torch.where(value > 0, value, 1)
