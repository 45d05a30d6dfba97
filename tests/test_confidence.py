"""Self-aware thresholds: Eq. 8 and 9, and several processes."""

from pathlib import Path

import numpy as np
import pytest
import torch

from nnunetv2_ducisc.method.confidence import SelfAwareThresholds, count_voxels
from tests import naive
from tests.two_processes import run_in_two

pytestmark = pytest.mark.unit

ABSENT = {
    "nowhere": lambda c: [],
    "in one image": lambda c: [(0, c)],
    "in the whole batch": lambda c: [(0, c), (1, c)],
}

every_case = pytest.mark.parametrize(
    ("dimensions", "classes", "absent"),
    [(d, c, a) for d in (2, 3) for c in (2, 4) for a in ABSENT],
)


def random_batch(rng: np.random.Generator, dimensions: int, classes: int, absent: str):
    """The student's probabilities and a pseudo label that lacks the last class somewhere."""
    size = naive.SHAPES[dimensions]
    probabilities = naive.softmax(2 * rng.normal(size=(2, classes, *size)))
    missing = ABSENT[absent](classes - 1)
    return probabilities, naive.random_label(rng, 2, classes, size, absent=missing)


def in_double(thresholds: SelfAwareThresholds) -> SelfAwareThresholds:
    thresholds.load_state_dict({"values": thresholds.values.double()})
    return thresholds


def update(thresholds: SelfAwareThresholds, *voxels: tuple[int, float]) -> None:
    """One update from voxels with a pseudo class and the student's probability of it (C = 2)."""
    foreground = torch.tensor([p if c else 1 - p for c, p in voxels], dtype=torch.float64)
    label = torch.tensor([float(c) for c, _ in voxels], dtype=torch.float64)
    thresholds.update(
        torch.stack([1 - foreground, foreground]).reshape(1, 2, -1, 1),
        torch.stack([1 - label, label]).reshape(1, 2, -1, 1),
    )


def test_every_threshold_starts_at_chance():
    assert SelfAwareThresholds(3, 0.25, 0.99).values.tolist() == [0.25] * 3


def test_three_steps_of_the_recursion():
    """beta = 0.5, C = 2, T_0 = (0.5, 0.5).

    Step 1, class 0 at 0.9 and 0.7 (mean 0.8), class 1 at 0.6: (0.65, 0.55).
    Step 2, class 0 at 1.0, no class 1: (0.825, 0.55).
    Step 3, class 0 at 0.5, class 1 at 1, 0.8 and 0.9 (mean 0.9): (0.6625, 0.725).
    """
    thresholds = in_double(SelfAwareThresholds(2, 1 / 2, 0.5))
    update(thresholds, (0, 0.9), (0, 0.7), (1, 0.6))
    assert thresholds.values.tolist() == pytest.approx([0.65, 0.55], rel=1e-12)
    update(thresholds, (0, 1.0))
    assert thresholds.values.tolist() == pytest.approx([0.825, 0.55], rel=1e-12)
    update(thresholds, (0, 0.5), (1, 1.0), (1, 0.8), (1, 0.9))
    assert thresholds.values.tolist() == pytest.approx([0.6625, 0.725], rel=1e-12)


@every_case
def test_the_recursion_is_the_naive_loops(dimensions, classes, absent):
    rng = np.random.default_rng(0)
    thresholds = in_double(SelfAwareThresholds(classes, 1 / classes, 0.9))
    expected = np.full(classes, 1 / classes)
    for _ in range(3):
        probabilities, label = random_batch(rng, dimensions, classes, absent)
        thresholds.update(torch.from_numpy(probabilities), torch.from_numpy(label))
        averages = [naive.average_confidence(probabilities, label, c) for c in range(classes)]
        expected = naive.moved_thresholds(expected, averages, 0.9)
        np.testing.assert_allclose(thresholds.values, expected, rtol=1e-12)
    assert (averages[-1] is None) == (absent == "in the whole batch")


def test_a_class_that_is_absent_keeps_its_threshold_bit_for_bit():
    thresholds = SelfAwareThresholds(2, 1 / 2, 0.9)
    update(thresholds, (0, 0.7), (1, 0.6))
    before = thresholds.values.clone()
    update(thresholds, (0, 0.9), (0, 0.8))
    assert thresholds.values[1] == before[1]
    assert thresholds.values[0] > before[0]


def test_bounds_apply_in_use_and_leave_the_recursion_alone():
    """beta = 0.5, bounds 0.5 to 0.9, class 0 always at 1: 0.75, 0.875, 0.9375, which is 0.9 in use.

    Then once at 0.5: (0.9375 + 0.5) / 2 = 0.71875; from a bounded 0.9 it would be 0.7. Class 1 at
    0 once: 0.25, in use 0.5.
    """
    thresholds = SelfAwareThresholds(2, 1 / 2, 0.5, minimum=0.5, maximum=0.9)
    update(thresholds, (0, 1.0), (1, 0.0))
    update(thresholds, (0, 1.0))
    update(thresholds, (0, 1.0))
    assert thresholds.values.tolist() == [0.9375, 0.25]
    assert thresholds.in_use.tolist() == pytest.approx([0.9, 0.5], rel=1e-7)
    update(thresholds, (0, 0.5))
    assert thresholds.values.tolist() == [0.71875, 0.25]


@pytest.mark.parametrize("classes", [2, 4])
def test_the_lower_bound_is_chance_unless_given(classes):
    thresholds = SelfAwareThresholds(classes, 1 / classes, 0.9)
    thresholds.load_state_dict({"values": torch.zeros(classes)})
    assert thresholds.in_use.tolist() == [1 / classes] * classes
    unbounded = SelfAwareThresholds(classes, 1 / classes, 0.9, minimum=0.0)
    unbounded.load_state_dict({"values": torch.zeros(classes)})
    assert unbounded.in_use.tolist() == [0.0] * classes


@every_case
def test_the_counts_are_those_of_the_voxels_of_each_class(dimensions, classes, absent):
    rng = np.random.default_rng(0)
    _, label = random_batch(rng, dimensions, classes, absent)
    mask = rng.integers(0, 2, size=(2, 1, *label.shape[2:])).astype(bool)
    voxels, reliable, images, *total = count_voxels(torch.from_numpy(label), torch.from_numpy(mask))
    assert total == [2 * label[0, 0].size, 2]
    for c in range(classes):
        of_class = [mask[(b, 0, *v)] for b, v in voxels_of(label, c)]
        assert (voxels[c], reliable[c]) == (len(of_class), sum(of_class))
        assert images[c] == len({b for b, _ in voxels_of(label, c)})


def voxels_of(label: np.ndarray, c: int):
    """Every image and position whose class is c."""
    return [(b, v) for b in range(len(label)) for v in naive.positions(label) if label[(b, c, *v)]]


def test_seventy_thousand_voxels_in_half_precision_keep_their_mean():
    """Confidence 0.75 on 70,000 voxels, beta = 0.5, T_0 = 0.5: (0.5 + 0.75) / 2 = 0.625."""
    thresholds = SelfAwareThresholds(2, 1 / 2, 0.5)
    probabilities = torch.full((1, 2, 70_000, 1), 0.25, dtype=torch.float16)
    probabilities[:, 0] = 0.75
    label = torch.zeros(1, 2, 70_000, 1)
    label[:, 0] = 1
    with torch.autocast("cpu", dtype=torch.float16):
        thresholds.update(probabilities, label)
    assert thresholds.values.tolist() == [0.625, 0.5]


def test_no_graph_is_kept_from_the_students_probabilities():
    """A threshold that remembered the graph would keep every step's memory."""
    thresholds = SelfAwareThresholds(2, 1 / 2, 0.9)
    logits = torch.randn(1, 2, 4, 4, requires_grad=True)
    thresholds.update(logits.softmax(1), torch.ones(1, 2, 4, 4))
    assert not thresholds.values.requires_grad


def test_a_state_goes_on_bit_for_bit_and_is_not_shared():
    first = SelfAwareThresholds(2, 1 / 2, 0.9)
    update(first, (0, 0.9), (1, 0.8))
    state = first.state_dict()
    kept = state["values"].clone()
    second = SelfAwareThresholds(2, 1 / 2, 0.9)
    second.load_state_dict(state)
    for thresholds in (first, second):
        update(thresholds, (0, 0.7), (1, 0.6))
    assert torch.equal(first.values, second.values)
    assert torch.equal(state["values"], kept)


# Voxels of the two processes: class 1 once at 0.9 and three times at 0.5; class 0 in one alone.
OF_PROCESS = [[(0, 0.7), (1, 0.9)], [(1, 0.5), (1, 0.5), (1, 0.5)]]


def _update_in_process(rank: int, folder: Path) -> None:
    thresholds = SelfAwareThresholds(2, 1 / 2, 0.5)
    update(thresholds, *OF_PROCESS[rank])
    torch.save(thresholds.values, folder / f"{rank}.pt")


def test_two_processes_add_sums_and_counts_before_they_divide(tmp_path: Path):
    """Class 1: (0.9 + 3 * 0.5) / 4 = 0.6, not the mean of means 0.7; T = (0.5 + 0.6) / 2 = 0.55.

    Class 0, absent from the second process: 0.7, T = 0.6 in both.
    """
    run_in_two(_update_in_process, tmp_path)
    values = [torch.load(tmp_path / f"{rank}.pt") for rank in (0, 1)]
    assert torch.equal(values[0], values[1])
    assert values[0].tolist() == pytest.approx([0.6, 0.55], rel=1e-6)
