"""The sums and samples behind the report: by hand, by geometry, and tile by tile."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from nnunetv2_ducisc.evaluation.analysis.measures.calibration import BINS, Calibration
from nnunetv2_ducisc.evaluation.analysis.measures.density import densities
from nnunetv2_ducisc.evaluation.analysis.measures.pseudo_label_quality import (
    PseudoLabelCounts,
    Quality,
)
from nnunetv2_ducisc.evaluation.analysis.measures.voxel_sample import VoxelSample
from nnunetv2_ducisc.evaluation.analysis.report.text import mean_and_sd, percent, ratio

pytestmark = pytest.mark.unit


def maps(labels: list[int], classes: int) -> torch.Tensor:
    """One-hot maps of a one-dimensional image."""
    return torch.nn.functional.one_hot(torch.tensor(labels), classes).T[None].float()


def test_a_sample_has_all_values_while_there_is_room_and_never_more_than_its_size():
    sample = VoxelSample(5, torch.Generator().manual_seed(0))
    sample.add(torch.tensor([1.0, 2.0, 3.0]))
    assert sorted(sample.values.tolist()) == [1, 2, 3]
    sample.add(torch.arange(4.0, 100.0))
    assert len(sample.values) == 5 and len(set(sample.values.tolist())) == 5


def test_early_and_late_values_have_the_same_chance():
    """Of 20,000 zeros in the first and 20,000 ones in the last of three tiles, 2,000 are kept: the
    mean of a fair draw is 1/2 with a standard deviation of 0.011.
    """
    sample = VoxelSample(2000, torch.Generator().manual_seed(0))
    for tile in (torch.zeros(20_000), torch.empty(0), torch.ones(20_000)):
        sample.add(tile)
    assert sample.values.mean().item() == pytest.approx(0.5, abs=0.04)


def test_the_same_seed_draws_the_same_sample():
    drawn = []
    for seed in (1, 1, 2):
        sample = VoxelSample(10, torch.Generator().manual_seed(seed))
        sample.add(torch.arange(1000.0))
        drawn.append(sample.values.tolist())
    assert drawn[0] == drawn[1] != drawn[2]


@pytest.mark.parametrize("scale", [1.0, 1000.0])
def test_the_overlap_of_two_normal_distributions_is_that_of_theory(scale):
    """Means d = 2 standard deviations apart overlap by 2 Phi(-d/2) = erfc(1/sqrt(2)) = 0.317."""
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 20_000))
    found = densities(scale * a, scale * (b + 2))
    assert found is not None
    assert found.overlap == pytest.approx(math.erfc(1 / math.sqrt(2)), abs=0.02)
    same = densities(a, a)
    assert same is not None and same.overlap == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("few", [np.empty(0), np.arange(9.0), np.ones(50)])
def test_too_few_or_equal_values_have_no_density(few):
    assert densities(few, np.arange(100.0)) is None


def test_quality_of_the_pseudo_label_by_hand():
    """Eight voxels; class 1 is labeled in 5 of them, 3 rightly, and true in 4: Dice 2*3/(5+4),
    precision 3/5. Four of the five passed (coverage 4/5), all 3 right ones among them: 3/4.
    """
    label, truth = maps([1, 1, 1, 1, 1, 0, 0, 0], 2), maps([1, 1, 1, 0, 0, 1, 0, 0], 2)
    reliable = torch.tensor([1, 1, 1, 1, 0, 1, 1, 1], dtype=torch.bool).reshape(1, 1, 8)
    counts = PseudoLabelCounts(2)
    for tile in (slice(0, 3), slice(3, 8)):
        counts.add(label[..., tile], reliable[..., tile], truth[..., tile])
    quality = Quality.of([counts])
    assert quality.dice[0, 1].item() == pytest.approx(6 / 9)
    assert quality.precision[1].item() == pytest.approx(3 / 5)
    assert quality.precision_passed[1].item() == pytest.approx(3 / 4)
    assert quality.coverage[1].item() == pytest.approx(4 / 5)


def test_precision_is_pooled_over_cases_and_dice_is_not():
    """One case of one voxel, wrong, and one of nine, right: precision 9/10, Dice 0 and 1."""
    everywhere = torch.ones(1, 1, 9, dtype=torch.bool)
    wrong, right = PseudoLabelCounts(2), PseudoLabelCounts(2)
    wrong.add(maps([1] + [0] * 8, 2), everywhere, maps([0] * 9, 2))
    right.add(maps([1] * 9, 2), everywhere, maps([1] * 9, 2))
    quality = Quality.of([wrong, right])
    assert quality.precision[1].item() == pytest.approx(0.9)
    assert quality.dice[:, 1].tolist() == [0, 1]


def test_a_class_in_neither_label_nor_truth_has_no_dice():
    counts = PseudoLabelCounts(3)
    counts.add(maps([0, 1], 3), torch.ones(1, 1, 2, dtype=torch.bool), maps([0, 1], 3))
    assert counts.dice.isnan().tolist() == [False, False, True]


def test_calibration_error_by_hand():
    """Class 1 at confidence 0.95 four times, right three times: |0.75 - 0.95| = 0.2; once at 0.5,
    wrong: 0.5. Together (4 * 0.2 + 1 * 0.5) / 5 = 0.26. Class 0 once at 0.8, right: 0.2.
    """
    confidence = torch.tensor([0.95, 0.95, 0.95, 0.95, 0.5, 0.2])
    probabilities = torch.stack([1 - confidence, confidence])[None].double()
    label = maps([1, 1, 1, 1, 1, 0], 2)
    calibration = Calibration(2)
    for tile in (slice(0, 2), slice(2, 6)):
        truth = maps([1, 1, 1, 0, 0, 0], 2)
        calibration.add(probabilities[..., tile], label[..., tile], truth[..., tile])
    assert calibration.expected_error([1]) == pytest.approx(0.26)
    assert calibration.expected_error([0]) == pytest.approx(0.2)
    assert calibration.expected_error([0, 1]) == pytest.approx((5 * 0.26 + 0.2) / 6)
    curve = [values.tolist() for values in calibration.curve(1)]
    assert curve == [pytest.approx([0.5, 0.95]), pytest.approx([0, 0.75])]
    assert [len(values) for values in calibration.curve(1, least=0.5)] == [1, 1]


def test_full_confidence_is_in_the_last_bin_and_no_voxel_has_no_error():
    calibration = Calibration(2)
    assert calibration.expected_error([0, 1]) is None
    calibration.add(torch.tensor([[[0.0], [1.0]]]), maps([1], 2), maps([1], 2))
    assert calibration.count[1, BINS - 1] == 1
    assert calibration.expected_error([1]) == 0


def test_numbers_that_are_not_there_are_dashes():
    assert [ratio(None), ratio(math.nan), percent(math.nan), mean_and_sd([math.nan])] == ["–"] * 4
    assert [ratio(0.12345), percent(0.5), mean_and_sd([0.5])] == ["0.123", "50.0\u00a0%", "0.500"]
    assert mean_and_sd([1.0, 3.0, math.nan]) == "2.000 ± 1.414"
