"""What features are held against: prototypes of other images, or the teacher's (Table VIII)."""

import numpy as np
import pytest
import torch

from nnunetv2_ducisc.method.pyramid import Pyramid
from nnunetv2_ducisc.method.targets import FeatureConsistency, PrototypeAlignment
from tests import naive, naive_alternatives

pytestmark = pytest.mark.unit


def random_batches(dimensions: int, classes: int):
    """Features and labels of labeled and other images; the last class is in none of the others."""
    rng = np.random.default_rng(0)
    sizes = [(3, naive.SHAPES[dimensions]), (2, naive.HALF_SHAPES[dimensions])]
    features = [[rng.normal(size=(2, z, *size)) for z, size in sizes] for _ in range(3)]
    absent = [[], [(0, classes - 1), (1, classes - 1)]]
    labels = [naive.random_label(rng, 2, classes, sizes[0][1], absent=a) for a in absent]
    return features, labels


def tensors(arrays: list[np.ndarray]) -> list[torch.Tensor]:
    return [*map(torch.from_numpy, arrays)]


@pytest.mark.parametrize("dimensions", [2, 3])
@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize(("norm", "pairs"), [("sum", "each"), ("mean", "batch_mean")])
def test_both_targets_are_the_naive_loops(dimensions, classes, norm, pairs):
    (f_i, f_j, f_teacher), (y_i, y_j) = random_batches(dimensions, classes)
    p_i, p_j = (naive.prototypes_over_scales(f, y, pairs) for f, y in ((f_i, y_i), (f_j, y_j)))
    expected = {
        PrototypeAlignment(norm, pairs): naive.alignment(p_i, p_j, norm),
        FeatureConsistency(norm): naive_alternatives.feature_consistency(f_j, f_teacher, norm),
    }
    for target, value in expected.items():
        labeled = target.of_labeled(tensors(f_i), torch.from_numpy(y_i))
        guided = target.of_guided(tensors(f_j), torch.from_numpy(y_j), tensors(f_teacher))
        assert target.loss(labeled, guided).item() == pytest.approx(value, rel=1e-12)


def test_only_the_class_agnostic_target_wants_the_teacher():
    assert FeatureConsistency("sum").reads_teacher
    assert not PrototypeAlignment("sum", "each").reads_teacher


def test_prototypes_of_a_pyramid_are_of_the_label_of_their_own_scale():
    """At the coarse scale the label says the other class: 1 instead of 3 is the mean there."""
    features = [torch.tensor([1.0, 3.0]).reshape(1, 1, 2, 1)]
    label = torch.tensor([[0.0, 1.0], [1.0, 0.0]]).reshape(1, 2, 2, 1)
    pyramid = Pyramid([torch.zeros(1, 2, 4, 2), 1 - label])
    target = PrototypeAlignment("sum", "each")
    assert target.of_labeled(features, label)[0].features.flatten().tolist() == [3, 1]
    assert target.of_labeled(features, pyramid)[0].features.flatten().tolist() == [1, 3]
