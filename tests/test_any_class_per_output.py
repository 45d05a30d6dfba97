"""The confidence rule of the authors' code: Eq. 8 and 9 at every output, and any class may pass."""

import numpy as np
import pytest
import torch

from nnunetv2_ducisc.method.confidence import AnyClassPerOutput, SelfAware
from nnunetv2_ducisc.method.labeling import ExclusiveClasses
from tests import naive, naive_alternatives
from tests.judging import (
    BETA,
    WAYS,
    both_labelings,
    every_size,
    labeling_of,
    probabilities_of,
    random_logits,
    says,
    voxels,
)

pytestmark = pytest.mark.unit


@every_size
@both_labelings
def test_any_class_passes_at_every_output_as_in_the_naive_loops(dimensions, outputs, regions):
    """The last class is empty and keeps its thresholds; regions keep the rule of each its own."""
    labeling = labeling_of(regions, outputs)
    rng = np.random.default_rng(2)
    judge = AnyClassPerOutput(labeling, outputs, 2, BETA, 0.4, 0.8)
    values = [rng.uniform(0.3, 0.9, size=outputs) for _ in range(2)]
    judge.load_state_dict({"values": torch.tensor(values[0]), "values_1": torch.tensor(values[1])})
    teacher = [probabilities_of(regions, scale) for scale in random_logits(dimensions, outputs)]
    student = random_logits(dimensions, outputs, seed=3)
    maps, reliable = judge.label(says(*teacher), 0)
    judge.learn([torch.from_numpy(scale) for scale in student], maps)
    for n, p in enumerate(teacher):
        bounded = np.clip(values[n], 0.4, 0.8)
        if regions:
            label, mask = naive.region_label(p, bounded)
        else:
            label, mask = (
                p == p.max(1, keepdims=True),
                naive_alternatives.any_class_passes(p, bounded),
            )
        np.testing.assert_array_equal(maps.scales[n], label)
        np.testing.assert_array_equal(reliable.scales[n], mask)
        seen = probabilities_of(regions, student[n])
        averages = [naive.average_confidence(seen, label, c) for c in range(outputs)]
        assert averages[-1] is None
        moved = naive.moved_thresholds(values[n], averages, BETA)
        np.testing.assert_allclose(judge.of_output[n].values, moved, rtol=1e-12)


def test_another_class_above_its_threshold_makes_a_voxel_reliable():
    """(0.55, 0.45) with thresholds 0.6 and 0.4: class 0 fails its own, class 1 passes its own."""
    judge = AnyClassPerOutput(ExclusiveClasses(2), 2, 1, BETA, minimum=0.0)
    judge.load_state_dict({"values": torch.tensor([0.6, 0.4])})
    maps, reliable = judge.label(says(voxels((0.55, 0.45))), 0)
    assert maps.flatten().tolist() == [1, 0]
    assert reliable.all()


@pytest.mark.parametrize("dimensions", [2, 3])
def test_with_two_classes_and_bounds_from_one_half_it_is_the_papers_rule(dimensions):
    p = naive.softmax(np.random.default_rng(0).normal(size=(2, 2, *naive.SHAPES[dimensions])))
    values = {"values": torch.tensor([0.7, 0.6])}
    judges = [
        AnyClassPerOutput(ExclusiveClasses(2), 2, 1, BETA),
        SelfAware(ExclusiveClasses(2), 2, BETA, 0.5, 0.95),
    ]
    for judge in judges:
        judge.load_state_dict(values)
    official, paper = (judge.label(says(p), 0) for judge in judges)
    assert torch.equal(official.maps, paper.maps)
    assert torch.equal(official.reliable, paper.reliable)
    assert 0 < paper.reliable.float().mean() < 1


def test_the_authors_bounds_are_the_default_and_the_log_shows_the_finest_output():
    judge = WAYS["official"](ExclusiveClasses(3), 3)
    coarse = torch.tensor([0.7, 0.7, 0.7])
    judge.load_state_dict({"values": torch.tensor([0.2, 0.6, 0.99]), "values_1": coarse})
    assert judge.in_use.tolist() == pytest.approx([0.5, 0.6, 0.95], rel=1e-6)


def test_outputs_of_another_number_are_refused():
    with pytest.raises(ValueError, match="zip"):
        WAYS["official"](ExclusiveClasses(2), 2).label(says(voxels((0.5, 0.5))), 0)
