"""Other ways to judge a pseudo label than the self-aware one: Table VII."""

import math

import numpy as np
import pytest
import torch

from nnunetv2_ducisc.method.confidence import FixedThreshold, SelfAware, TeacherSays
from nnunetv2_ducisc.method.confidence.entropy import ramp
from nnunetv2_ducisc.method.labeling import ExclusiveClasses, OverlappingRegions
from nnunetv2_ducisc.method.pyramid import Pyramid
from tests import naive, naive_alternatives
from tests.judging import (
    BETA,
    ITERATIONS,
    WAYS,
    Teacher,
    both_labelings,
    every_size,
    labeling_of,
    probabilities_of,
    random_logits,
    says,
    voxels,
)

pytestmark = pytest.mark.unit


# --- Self-aware ----------------------------------------------------------------------------------


@every_size
@both_labelings
def test_self_aware_labels_and_learns_as_the_labeling_and_the_thresholds_do(
    dimensions, outputs, regions
):
    labeling = labeling_of(regions, outputs)
    teacher, student = (
        [torch.from_numpy(scale) for scale in random_logits(dimensions, outputs, seed)]
        for seed in (0, 1)
    )
    judge = SelfAware(labeling, outputs, BETA, maximum=0.6)
    assert judge.values.tolist() == [labeling.chance] * outputs
    judge.load_state_dict({"values": torch.linspace(0.7, 0.5, outputs).double()})
    probabilities = labeling.probabilities(teacher[0])
    label = judge.label(says(probabilities), iteration=7)
    expected = labeling.pseudo_label(probabilities, judge.in_use)
    assert all(map(torch.equal, label, expected))
    assert 0 < label.reliable.float().mean() < 1
    before = judge.values
    judge.learn(student, label.maps)
    p = probabilities_of(regions, student[0].numpy())
    averages = [naive.average_confidence(p, label.maps.numpy(), c) for c in range(outputs)]
    np.testing.assert_allclose(
        judge.values, naive.moved_thresholds(before.numpy(), averages, BETA), rtol=1e-12
    )


# --- None and fixed ------------------------------------------------------------------------------


@every_size
@both_labelings
def test_with_a_threshold_of_zero_every_pseudo_labeled_voxel_counts(dimensions, outputs, regions):
    p = probabilities_of(regions, random_logits(dimensions, outputs)[0])
    label = WAYS["none"](labeling_of(regions, outputs), outputs).label(says(p), 0)
    assert label.reliable.all()
    expected = p > 0.5 if regions else p == p.max(1, keepdims=True)
    np.testing.assert_array_equal(label.maps, expected)


@every_size
def test_a_fixed_threshold_is_the_naive_loops(dimensions, outputs):
    p = naive.softmax(random_logits(dimensions, outputs)[0])
    label = FixedThreshold(ExclusiveClasses(outputs), outputs, 0.75).label(says(p), 0)
    expected = naive.reliable(p, np.full(outputs, 0.75), 0, 1)
    assert 0 < expected.mean() < 1
    np.testing.assert_array_equal(label.reliable, expected)


def test_fixmatchs_threshold_takes_the_surest_voxels_alone():
    p = voxels((0.94, 0.06), (0.04, 0.96), (0.5, 0.5))
    label = WAYS["probability"](ExclusiveClasses(2), 2).label(says(p), 0)
    assert label.reliable.flatten().tolist() == [False, True, False]


# --- Entropy -------------------------------------------------------------------------------------


def test_the_threshold_rises_from_three_quarters_of_the_largest_entropy_to_all_of_it():
    """exp(-5) at the start, exp(-5 / 4) halfway, 1 at the end and after it."""
    assert ramp(0.0) == pytest.approx(0.75 + 0.25 * math.exp(-5), rel=1e-12)
    assert ramp(0.5) == pytest.approx(0.75 + 0.25 * math.exp(-1.25), rel=1e-12)
    assert ramp(1.0) == ramp(1.5) == 1.0


def test_the_entropy_of_one_voxel():
    """(1/2, 1/4, 1/4): 1/2 ln 2 + 1/2 ln 4 = 1.5 ln 2; a certain class: 0. Regions one by one."""
    p = voxels((0.5, 0.25, 0.25), (1, 0, 0))
    of_classes = ExclusiveClasses(3).entropy(p)
    assert of_classes.shape == (1, 1, 2, 1)
    assert of_classes.flatten().tolist() == pytest.approx([1.5 * math.log(2), 0], rel=1e-12)
    quarter = -0.25 * math.log(0.25) - 0.75 * math.log(0.75)
    of_regions = OverlappingRegions().entropy(p)[0, :, 0, 0]
    assert of_regions.tolist() == pytest.approx([math.log(2), quarter, quarter], rel=1e-12)


@every_size
@both_labelings
@pytest.mark.parametrize("iteration", [0, 60])
def test_low_entropy_is_the_naive_loops(dimensions, outputs, regions, iteration):
    """The largest entropy is ln C of classes and ln 2 of a region."""
    p = probabilities_of(regions, random_logits(dimensions, outputs)[0])
    judge = WAYS["entropy"](labeling_of(regions, outputs), outputs)
    label = judge.label(says(p), iteration)
    largest = math.log(2 if regions else outputs)
    share = 0.75 + 0.25 * math.exp(-5 * (1 - iteration / ITERATIONS) ** 2)
    bound = share * largest
    h = getattr(naive_alternatives, "region_entropy" if regions else "class_entropy")(p)
    assert 0 < (h < bound).mean() < 1
    np.testing.assert_array_equal(label.reliable, h < bound)
    np.testing.assert_array_equal(label.maps, p > 0.5 if regions else p == p.max(1, keepdims=True))
    assert judge.in_use.tolist() == pytest.approx([share] * outputs, rel=1e-6)


def test_at_the_end_of_the_run_all_but_a_guess_passes():
    p = voxels((0.5, 0.5), (0.51, 0.49))
    label = WAYS["entropy"](ExclusiveClasses(2), 2).label(says(p), ITERATIONS)
    assert label.reliable.flatten().tolist() == [False, True]


def test_before_the_first_step_the_log_shows_the_threshold_of_the_start():
    """3/4 + 1/4 exp(-5) = 0.7517 of a guess's entropy."""
    judge = WAYS["entropy"](ExclusiveClasses(4), 4)
    assert judge.in_use.tolist() == pytest.approx([0.7517] * 4, abs=1e-4)


# --- All of them ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", WAYS)
@both_labelings
def test_every_way_goes_on_from_its_state_as_if_never_stopped(kind, regions):
    labeling = labeling_of(regions, 4)
    student = [torch.from_numpy(scale) for scale in random_logits(2, 4, seed=1)]
    teacher = Teacher(4, regions)
    images = torch.from_numpy(np.random.default_rng(0).normal(size=(2, 1, 5, 4)))
    outputs = [labeling.probabilities(torch.from_numpy(s)) for s in random_logits(2, 4)]
    first = WAYS[kind](labeling, 4)
    told = TeacherSays(images, outputs if first.reads_all_outputs else outputs[:1], teacher)
    assert first.reads_all_outputs == (kind == "official")
    first.learn(student, first.label(told, 10).maps)
    state = first.state_dict()
    kept = {name: value.clone() for name, value in state.items()}
    assert state["values"].shape == first.in_use.shape == (4,)
    second = WAYS[kind](labeling, 4)
    second.load_state_dict(state)
    assert torch.equal(first.in_use, second.in_use)
    assert all(map(torch.equal, first.state_dict().values(), second.state_dict().values()))
    results = []
    for judge in (first, second):
        torch.manual_seed(0)
        results.append(judge.label(told, 11))
        judge.learn(student, results[-1].maps)
    for a, b in zip(*results, strict=True):
        scales = (a.scales, b.scales) if isinstance(a, Pyramid) else ([a], [b])
        assert all(map(torch.equal, *scales))
    assert torch.equal(first.in_use, second.in_use)
    assert all(torch.equal(state[name], value) for name, value in kept.items())


def test_probabilities_from_a_disk_are_judged_and_no_network_is_asked_again():
    told = TeacherSays.of(torch.tensor([0.04, 0.96]).reshape(1, 2, 1, 1))
    label, reliable = FixedThreshold(ExclusiveClasses(2), 2, 0.95).label(told, 0)
    assert label.flatten().tolist() == [0, 1] and reliable.item()
    with pytest.raises(NotImplementedError):
        told.ask(told.images)
