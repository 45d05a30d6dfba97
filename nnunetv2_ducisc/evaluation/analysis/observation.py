"""One pass of a model's networks over labeled and unlabeled cases; keeps sums and samples alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from tqdm import tqdm

from nnunetv2_ducisc.evaluation.analysis.measures.calibration import Calibration
from nnunetv2_ducisc.evaluation.analysis.measures.class_moments import ClassMoments
from nnunetv2_ducisc.evaluation.analysis.measures.pseudo_label_quality import PseudoLabelCounts
from nnunetv2_ducisc.evaluation.analysis.measures.voxel_sample import VoxelSample
from nnunetv2_ducisc.evaluation.analysis.views import View, views
from nnunetv2_ducisc.nnunet.preprocessed_cases import PreprocessedCases
from nnunetv2_ducisc.nnunet.trained_model import TrainedModel

SAMPLE = 10_000  # voxels of a class, as in Section V-B of the paper


@dataclass(frozen=True, eq=False)
class CaseObservation:
    """What was seen of one case.

    Attributes:
        name: its identifier.
        moments: network -> mean and spread of its features under the label of the case: the true
            one of a labeled case, the pseudo label of an unlabeled one.
        counts: of the pseudo label.
        has_truth: whether its truth is known.
    """

    name: str
    moments: dict[str, ClassMoments]
    counts: PseudoLabelCounts
    has_truth: bool


@dataclass(frozen=True, eq=False)
class Observations:
    """What was seen of all cases of one kind.

    Attributes:
        cases: one by one.
        features: network -> foreground class -> a sample of features, as their mean over channels,
            of voxels that the network assigns to the class rightly; without truth, of those that
            the pseudo label assigns to it.
        calibration: of the pseudo label, in cases with truth.
    """

    cases: list[CaseObservation]
    features: dict[str, dict[int, VoxelSample]]
    calibration: Calibration

    @property
    def with_truth(self) -> list[CaseObservation]:
        """The cases whose truth is known."""
        return [case for case in self.cases if case.has_truth]


def observe(
    model: TrainedModel, cases: PreprocessedCases, names: Sequence[str], seed: int
) -> Observations:
    """Look at some cases of one kind.

    Args:
        model: the trained fold.
        cases: labeled or unlabeled ones.
        names: which of them.
        seed: of the samples of voxels.
    """
    generator = torch.Generator().manual_seed(seed)
    samples = {
        network: {c: VoxelSample(SAMPLE, generator) for c in model.foreground}
        for network in model.networks
    }
    seen = Observations([], samples, Calibration(len(model.classes)))
    for name in tqdm(names, desc=f"Looking at {cases.kind} cases", unit="case"):
        case = cases.load(name)
        moments = {network: ClassMoments() for network in model.networks}
        counts = PseudoLabelCounts(len(model.classes))
        for view in views(model, case):
            label = _judge(model, view, counts, seen.calibration)
            if cases.kind == "labeled" and view.truth is not None:
                label = view.truth
            _look_into(model, view, label, moments, seen.features)
        seen.cases.append(CaseObservation(name, moments, counts, case.labels is not None))
    return seen


def _judge(
    model: TrainedModel, view: View, counts: PseudoLabelCounts, calibration: Calibration
) -> Tensor:
    """Count the pseudo label of a tile, and return it."""
    probabilities = view.probabilities[model.labeler]
    label, reliable = model.judge(probabilities)
    if view.annotated is not None:
        label = label * view.annotated
    counts.add(label, reliable, view.truth)
    if view.truth is not None:
        calibration.add(probabilities, label, view.truth)
    return label


def _look_into(
    model: TrainedModel,
    view: View,
    masks: Tensor,
    moments: dict[str, ClassMoments],
    samples: dict[str, dict[int, VoxelSample]],
) -> None:
    """Add the features of a tile under the masks, and offer those of true positives to samples."""
    for network, features in view.features.items():
        moments[network].add(features, masks)
        hits = masks
        if view.truth is not None:
            own, _ = model.labeling.pseudo_label(view.probabilities[network], model.thresholds)
            hits = own * view.truth
        for of_class, sample in samples[network].items():
            sample.add(features.mean(1)[hits[:, of_class].bool()])
