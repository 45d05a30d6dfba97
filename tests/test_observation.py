"""What is kept of labeled and unlabeled cases, on a network whose outputs are its input."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from nnunetv2.utilities.label_handling.label_handling import LabelManager
from torch import Tensor

from nnunetv2_ducisc.evaluation.analysis.observation import Observations, observe
from nnunetv2_ducisc.evaluation.analysis.views import pseudo_label
from nnunetv2_ducisc.nnunet.labels import class_names, labeling_of
from nnunetv2_ducisc.nnunet.preprocessed_cases import Case

pytestmark = pytest.mark.unit

SURE, UNSURE = 9.0, 0.1  # logits


def model(labels: dict[str, Any], threshold: float = 0.8, patch: int = 4) -> Any:
    """One network, whose logits are the image's channels, and its features those doubled."""
    manager = LabelManager(labels, [1, 2])
    classes = class_names({"labels": labels}, manager)
    labeling, thresholds = labeling_of(manager), torch.full((len(classes),), threshold)
    return SimpleNamespace(
        networks={"network": lambda image: (image, 2 * image)},
        labeler="network",
        labeling=labeling,
        thresholds=thresholds,
        judge=lambda probabilities: labeling.pseudo_label(probabilities, thresholds),
        classes=classes,
        foreground=[index for index, name in enumerate(classes) if name != "background"],
        device=torch.device("cpu"),
        configuration=SimpleNamespace(patch_size=[patch]),
        predictor=SimpleNamespace(label_manager=manager),
    )


def look(of: Any, logits: Tensor, labels: list[int] | None, kind: str) -> Observations:
    """Observe one case of one dimension; logits of shape (outputs, voxels)."""
    truth = None if labels is None else torch.tensor(labels, dtype=torch.float32)[None, None]
    cases = SimpleNamespace(kind=kind, load=lambda name: Case(name, logits[None], truth))
    return observe(of, cases, ["a"], seed=0)  # type: ignore[arg-type]


def logits_of(predicted: list[int], sure: list[float]) -> Tensor:
    """Two classes; the predicted one gets this logit, the other none."""
    logits = torch.zeros(2, len(predicted))
    for voxel, (label, value) in enumerate(zip(predicted, sure, strict=True)):
        logits[label, voxel] = value
    return logits


ORGAN = {"background": 0, "organ": 1}
PREDICTED, SURENESS = [1, 1, 1, 0, 0, 1, 1], [SURE, SURE, UNSURE, SURE, SURE, SURE, UNSURE]
TRUE = [1, 1, 1, 1, 0, 0, 0]


@pytest.mark.parametrize("patch", [4, 7, 16])
def test_labeled_cases_give_prototypes_under_the_truth_and_samples_of_true_positives(patch):
    """The organ's feature is twice its logit: 18, 18, 0.2 and, where it is missed, 0."""
    seen = look(model(ORGAN, patch=patch), logits_of(PREDICTED, SURENESS), TRUE, "labeled")
    prototype = seen.cases[0].moments["network"].prototypes[1]
    assert prototype[1].item() == pytest.approx((18 + 18 + 0.2 + 0) / 4)
    # The mean over both channels of the three voxels that are right.
    sample = seen.features["network"][1].values
    assert sorted(sample.tolist()) == pytest.approx([0.1, 9.0, 9.0])


def test_unlabeled_cases_give_prototypes_under_the_pseudo_label():
    seen = look(model(ORGAN), logits_of(PREDICTED, SURENESS), None, "unlabeled")
    prototype = seen.cases[0].moments["network"].prototypes[1]
    assert prototype[1].item() == pytest.approx((3 * 18 + 2 * 0.2) / 5)
    assert len(seen.features["network"][1].values) == 5
    assert not seen.with_truth and seen.calibration.count.sum() == 0


def test_truth_of_an_unlabeled_case_judges_its_pseudo_label_and_picks_true_positives():
    """Five voxels are pseudo-labeled, three rightly; three passed, two of them rightly."""
    seen = look(model(ORGAN), logits_of(PREDICTED, SURENESS), TRUE, "unlabeled")
    counts = seen.cases[0].counts
    assert [counts.labeled[1], counts.hit[1], counts.true[1]] == [5, 3, 4]
    assert [counts.passed[1], counts.passed_hit[1]] == [3, 2]
    prototype = seen.cases[0].moments["network"].prototypes[1]
    assert prototype[1].item() == pytest.approx((3 * 18 + 2 * 0.2) / 5)
    assert len(seen.features["network"][1].values) == 3
    assert seen.calibration.count.sum() == len(TRUE)


def test_ignored_voxels_count_nowhere():
    labels = {**ORGAN, "ignore": 2}
    seen = look(model(labels), logits_of([1, 1, 0], [SURE] * 3), [1, 2, 2], "unlabeled")
    counts = seen.cases[0].counts
    assert counts.labeled.tolist() == [0, 1] and counts.true.tolist() == [0, 1]
    assert seen.calibration.count.sum() == 1


def test_every_region_is_counted_for_itself():
    """Voxels: both regions, the whole alone, nothing; truth: both, both, nothing."""
    labels = {"background": 0, "whole": [1, 2], "core": 2}
    logits = torch.tensor([[SURE, SURE, -SURE], [SURE, -UNSURE, -SURE]])
    seen = look(model(labels), logits, [2, 2, 0], "unlabeled")
    counts = seen.cases[0].counts
    assert counts.labeled.tolist() == [2, 1] and counts.true.tolist() == [2, 2]
    assert counts.dice.tolist() == pytest.approx([1, 2 / 3])
    assert set(seen.features["network"]) == {0, 1}


@pytest.mark.parametrize("slices", [1, 9, 20])
def test_the_pseudo_label_of_a_case_is_put_together_from_its_tiles_and_slices(slices):
    generator = torch.Generator().manual_seed(0)
    image = torch.randn(slices, 2, 11, generator=generator)
    maps = pseudo_label(model(ORGAN), Case("a", image, None))
    assert torch.equal(maps.argmax(1), image.argmax(1))
