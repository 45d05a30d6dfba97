"""The moving average of a case's predictions: Laine and Aila, Table IX."""

import numpy as np
import pytest
import torch

from nnunetv2_ducisc.method.temporal import accumulate, ensemble_prediction
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
    ensemble = torch.zeros(shape[1:], dtype=torch.float64)
    for n, prediction in enumerate(predictions, 1):
        ensemble = accumulate(ensemble, torch.from_numpy(prediction), decay)
        found = ensemble_prediction(ensemble, n, decay)
        for index in np.ndindex(*shape[1:]):
            expected = naive_alternatives.weighted_average(
                [p[index] for p in predictions[:n]], decay
            )
            assert found[index].item() == pytest.approx(expected, rel=1e-12)


def test_two_updates_by_hand():
    """alpha = 0.6: Z = 0.4, target 0.4 / 0.4 = 1; then Z = 0.24 + 0, target 0.24 / 0.64 = 0.375."""
    one, zero = torch.ones(1, 1, dtype=torch.float64), torch.zeros(1, 1, dtype=torch.float64)
    first = accumulate(zero, one, 0.6)
    assert ensemble_prediction(first, 1, 0.6).item() == pytest.approx(1, rel=1e-12)
    second = accumulate(first, zero, 0.6)
    assert ensemble_prediction(second, 2, 0.6).item() == pytest.approx(0.375, rel=1e-12)


def test_after_one_update_the_average_is_the_prediction_which_sums_to_one():
    prediction = torch.randn(4, 5, 6).double().softmax(0)
    ensemble = accumulate(torch.zeros_like(prediction), prediction, 0.6)
    torch.testing.assert_close(ensemble_prediction(ensemble, 1, 0.6), prediction)
    ensemble = accumulate(ensemble, prediction.flip(0), 0.6)
    total = ensemble_prediction(ensemble, 2, 0.6).sum(0)
    torch.testing.assert_close(total, torch.ones_like(total))


def test_a_decay_of_zero_keeps_the_last_prediction_alone():
    ensemble = accumulate(torch.full((1, 2), 0.25), torch.tensor([[0.75, 0.5]]), 0.0)
    assert ensemble_prediction(ensemble, 2, 0.0).tolist() == [[0.75, 0.5]]


def test_a_half_precision_ensemble_stays_so_and_loses_no_more_than_its_rounding():
    """Ten predictions of 0.3: each step rounds once by at most 2^-12 of a value below 0.5."""
    ensemble = torch.zeros(1, 8, dtype=torch.float16)
    for _ in range(10):
        ensemble = accumulate(ensemble, torch.full((1, 8), 0.3), 0.9)
    assert ensemble.dtype == torch.float16
    found = ensemble_prediction(ensemble, 10, 0.9)
    assert found.dtype == torch.float32
    assert found.flatten().tolist() == pytest.approx([0.3] * 8, abs=10 * 2**-12)


def test_the_ensemble_that_was_given_is_left_alone_and_no_graph_is_kept():
    ensemble, logits = torch.zeros(2, 3), torch.randn(2, 3, requires_grad=True)
    moved = accumulate(ensemble, logits.softmax(0), 0.6)
    assert not ensemble.any() and moved.any() and not moved.requires_grad


def test_a_case_without_a_prediction_has_no_average():
    with pytest.raises(ValueError, match="0 predictions"):
        ensemble_prediction(torch.zeros(1, 1), 0, 0.6)
