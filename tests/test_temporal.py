"""The moving average of a case's predictions: Laine and Aila, Table IX."""

import numpy as np
import pytest
import torch

from nnunetv2_ducisc.method.temporal import ensemble
from tests import naive, naive_alternatives

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("dimensions", [2, 3])
@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("decay", [0.6, 0.9])
def test_the_ensemble_is_the_weighted_average_of_all_predictions(dimensions, classes, decay):
    """Also while it is young, and of a class that the last prediction does not show."""
    rng = np.random.default_rng(0)
    shape = (1, classes, *naive.SHAPES[dimensions])
    predictions = [naive.softmax(2 * rng.normal(size=shape))[0] for _ in range(4)]
    predictions[-1][-1] = 0
    average = torch.zeros(shape[1:], dtype=torch.float64)
    for n, prediction in enumerate(predictions, 1):
        average = ensemble(average, torch.from_numpy(prediction), n, decay)
        for index in np.ndindex(*shape[1:]):
            expected = naive_alternatives.weighted_average(
                [p[index] for p in predictions[:n]], decay
            )
            assert average[index].item() == pytest.approx(expected, rel=1e-12)


def test_the_second_average_by_hand():
    """Laine and Aila, alpha 0.6: Z = 0.6 * 0.4 * 0.2 + 0.4 * 0.8 = 0.368, over 1 - 0.36: 0.575."""
    first = ensemble(torch.tensor(float("nan")), torch.tensor(0.2), 1, 0.6)
    assert first.item() == pytest.approx(0.2)
    assert ensemble(first, torch.tensor(0.8), 2, 0.6).item() == pytest.approx(0.575)


def test_a_decay_of_zero_keeps_the_last_prediction_alone():
    average = ensemble(torch.full((1, 2), 0.25), torch.tensor([[0.75, 0.5]]), 2, 0.0)
    assert average.tolist() == [[0.75, 0.5]]


def test_an_ensemble_in_half_precision_loses_no_more_than_its_rounding():
    """Ten predictions of 0.3: each step rounds once by at most 2^-12 of a value below 0.5."""
    kept = torch.zeros(1, 8, dtype=torch.float16)
    for n in range(1, 11):
        average = ensemble(kept, torch.full((1, 8), 0.3), n, 0.9)
        assert average.dtype == torch.float32
        kept = average.half()
    assert kept.flatten().tolist() == pytest.approx([0.3] * 8, abs=10 * 2**-12)


def test_the_average_that_was_given_is_left_alone_and_no_graph_is_kept():
    given, logits = torch.zeros(2, 3), torch.randn(2, 3, requires_grad=True)
    moved = ensemble(given, logits.softmax(0), 2, 0.6)
    assert not given.any() and moved.any() and not moved.requires_grad


def test_an_average_of_no_prediction_is_refused():
    with pytest.raises(ValueError, match="updates is 0"):
        ensemble(torch.zeros(1), torch.zeros(1), 0, 0.6)
