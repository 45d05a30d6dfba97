"""What the networks of a model make of a case, tile by tile."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from nnunetv2_ducisc.nnunet.preprocessed_cases import Case, maps_of
from nnunetv2_ducisc.nnunet.tiles import Slices, tiles
from nnunetv2_ducisc.nnunet.trained_model import TrainedModel

_SLICES = 8  # that go through a 2D network at once


@dataclass(frozen=True, eq=False)
class View:
    """A part of a case; the parts of a case do not overlap.

    Attributes:
        place: where it lies in tensors of shape (B, channels, *spatial) of the case.
        probabilities: network -> shape (b, C, *core).
        features: network -> F^S, shape (b, Z, *core).
        truth: maps of zeros and ones, shape (b, C, *core), zero where nobody has annotated; None
            for a case without truth.
        annotated: shape (b, 1, *core); None where all of it is.
    """

    place: Slices
    probabilities: dict[str, Tensor]
    features: dict[str, Tensor]
    truth: Tensor | None
    annotated: Tensor | None


def views(model: TrainedModel, case: Case) -> Iterator[View]:
    """Look at a case with all networks of a model."""
    for start in range(0, len(case.image), _SLICES):
        slices = slice(start, start + _SLICES)
        for tile in tiles(case.image[slices].to(model.device), model.configuration.patch_size):
            place = (slices, *tile.place[1:])
            probabilities, features = {}, {}
            for name, network in model.networks.items():
                logits, finest = (part[tile.core] for part in network(tile.image))
                probabilities[name], features[name] = model.labeling.probabilities(logits), finest
            truth = annotated = None
            if case.labels is not None:
                labels = case.labels[place].to(model.device)
                truth, annotated = maps_of(labels, model.predictor.label_manager)
            yield View(place, probabilities, features, truth, annotated)


def pseudo_label(model: TrainedModel, case: Case) -> Tensor:
    """The pseudo label of a whole case: maps of zeros and ones, shape (B, C, *spatial)."""
    whole = torch.zeros(len(case.image), len(model.classes), *case.image.shape[2:])
    for view in views(model, case):
        label, _ = model.labeling.pseudo_label(view.probabilities[model.labeler], model.thresholds)
        whole[view.place] = label.cpu()
    return whole
