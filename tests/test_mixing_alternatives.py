"""CutMix, CutOut and copy-paste, and what counts in a mixed image: Eq. 5, Table X."""

import itertools

import numpy as np
import pytest
import torch

from nnunetv2_ducisc.method.mixing import (
    CopyPaste,
    CutMix,
    CutOut,
    Mixup,
    Shares,
    draw_mix_ratio,
)
from tests import naive_alternatives
from tests.mixing import ABSENT, WAYS, every_way, random_batch

pytestmark = pytest.mark.unit


def naive_shares(kind: str, drawn: torch.Tensor, truth: np.ndarray, background: bool) -> dict:
    return {
        (b, v): naive_alternatives.shares_of_voxel(
            kind, drawn[b].double().numpy(), truth[b], background, v
        )
        for b, v in naive_alternatives.every_voxel(truth)
    }


@every_way
@pytest.mark.parametrize(
    ("dimensions", "outputs", "absent", "regions"),
    list(itertools.product((2, 3), (2, 4), ABSENT, (False, True))),
)
def test_images_labels_and_what_counts_are_the_naive_loops(
    kind, dimensions, outputs, absent, regions
):
    torch.manual_seed(1)
    (x_i, x_j), labels = random_batch(dimensions, outputs, absent, regions)
    y_i, annotated, y_j, reliable = map(torch.from_numpy, labels)
    way = WAYS[kind](not regions)
    drawn = way.draw(2, y_i.shape[2:])
    shares = way.shares(drawn, y_i)
    expected = naive_shares(kind, drawn, labels[0], not regions)

    x_k = shares.mix(torch.from_numpy(x_i), torch.from_numpy(x_j))
    np.testing.assert_allclose(
        x_k, naive_alternatives.mixed_image(expected, x_i, x_j), rtol=1e-14, atol=0
    )
    y_k, counts = shares.mix_labels(y_i, annotated, y_j, reliable)
    label, mask = naive_alternatives.mixed_label(expected, *labels)
    np.testing.assert_allclose(y_k, label, rtol=1e-14, atol=0)
    assert counts.dtype == torch.bool
    np.testing.assert_array_equal(counts, mask)

    everywhere = np.ones_like(labels[1])
    y_k, counts = shares.mix_labels(y_i, None, y_j, reliable)
    label, mask = naive_alternatives.mixed_label(expected, labels[0], everywhere, *labels[2:])
    np.testing.assert_allclose(y_k, label, rtol=1e-14, atol=0)
    np.testing.assert_array_equal(counts, mask)


# --- By hand: a row of four voxels, x_i = 1 2 3 4, x_j = 5 6 7 8 ----------------------------------

X_I, X_J = torch.arange(1.0, 5).reshape(1, 1, 4, 1), torch.arange(5.0, 9).reshape(1, 1, 4, 1)
TRUTH = torch.tensor([[1, 0, 0, 1], [0, 1, 1, 0]]).float().reshape(1, 2, 4, 1)  # classes 0 1 1 0
PSEUDO = torch.tensor([[0, 0, 1, 1], [1, 1, 0, 0]]).float().reshape(1, 2, 4, 1)  # classes 1 1 0 0
RELIABLE = torch.tensor([True, False, True, False]).reshape(1, 1, 4, 1)
MIDDLE = torch.tensor([[[1, 0], [3, 1]]])  # voxels 1 and 2


def by_hand(shares: Shares, annotated: torch.Tensor | None = None) -> tuple[list, ...]:
    label, counts = shares.mix_labels(TRUTH, annotated, PSEUDO, RELIABLE)
    return shares.mix(X_I, X_J).flatten().tolist(), label[0, 1].tolist(), counts.flatten().tolist()


def test_cutmix_shows_the_truth_inside_the_box_and_the_pseudo_label_outside():
    """Inside all voxels count, outside the reliable ones: voxel 0 alone."""
    image, label, counts = by_hand(CutMix(0, 1).shares(MIDDLE, TRUTH))
    assert image == [5, 2, 3, 8]
    assert label == [[1], [1], [1], [0]]
    assert counts == [True, True, True, False]


def test_cutout_leaves_a_hole_without_a_label_that_does_not_count():
    image, label, counts = by_hand(CutOut(0, 1).shares(MIDDLE, TRUTH))
    assert image == [5, 0, 0, 8]
    assert label == [[1], [0], [0], [0]]
    assert counts == [True, False, False, False]
    y_k, _ = CutOut(0, 1).shares(MIDDLE, TRUTH).mix_labels(TRUTH, None, PSEUDO, RELIABLE)
    assert y_k.sum(1).flatten().tolist() == [1, 0, 0, 1]


def test_copy_paste_covers_the_unlabeled_image_with_the_foreground_alone():
    shares = CopyPaste(has_background=True).shares(torch.empty(1, 0), TRUTH)
    image, label, counts = by_hand(shares)
    assert image == [5, 2, 3, 8]
    assert label == [[1], [1], [1], [0]]
    assert counts == [True, True, True, False]


def test_every_region_is_pasted_where_the_first_map_is_no_background():
    """Regions at voxels 0 and 1: both are foreground, as a background map 0 would not be."""
    regions = torch.tensor([[1, 0, 0, 0], [0, 1, 0, 0]]).float().reshape(1, 2, 4, 1)
    shares = CopyPaste(has_background=False).shares(torch.empty(1, 0), regions)
    assert shares.mix(X_I, X_J).flatten().tolist() == [1, 2, 7, 8]
    shares = CopyPaste(has_background=True).shares(torch.empty(1, 0), regions)
    assert shares.mix(X_I, X_J).flatten().tolist() == [5, 2, 7, 8]


def test_an_unannotated_voxel_is_without_a_label_only_where_the_labeled_image_shows():
    """Voxels 0 and 1 are not annotated; the box has 1 and 2: 1 is lost, 0 shows the other image."""
    annotated = torch.tensor([False, False, True, True]).reshape(1, 1, 4, 1)
    _, label, counts = by_hand(CutMix(0, 1).shares(MIDDLE, TRUTH), annotated)
    assert label == [[1], [0], [1], [0]]
    assert counts == [True, False, True, False]
    _, label, counts = by_hand(Mixup(0.25, 0.25).shares(torch.tensor([0.25]), TRUTH), annotated)
    assert label == [[0], [0], [0.25], [0]]
    assert counts == [False, False, True, False]


# --- The default ----------------------------------------------------------------------------------


@pytest.mark.parametrize("dimensions", [2, 3])
def test_mixup_is_equation_5_bit_for_bit_and_counts_what_the_unlabeled_image_says(dimensions):
    (x_i, x_j), labels = random_batch(dimensions, 4, "nowhere", regions=False)
    x_i, x_j = (torch.from_numpy(x).float() for x in (x_i, x_j))
    y_i, y_j = (torch.from_numpy(labels[n]).float() for n in (0, 2))
    annotated, reliable = (torch.from_numpy(labels[n]) for n in (1, 3))
    way = Mixup(0.25, 0.75)
    torch.manual_seed(0)
    drawn = way.draw(2, x_i.shape[2:])
    torch.manual_seed(0)
    assert torch.equal(drawn, draw_mix_ratio(2, 0.25, 0.75))
    shares = way.shares(drawn, y_i)
    sigma = drawn.reshape(2, *[1] * (dimensions + 1))

    def mix(labeled, unlabeled):
        return sigma * labeled + (1 - sigma) * unlabeled

    assert torch.equal(shares.mix(x_i, x_j), mix(x_i, x_j))
    y_k, counts = shares.mix_labels(y_i, None, y_j, reliable)
    assert torch.equal(y_k, mix(y_i, y_j)) and torch.equal(counts, reliable)
    y_k, counts = shares.mix_labels(y_i, annotated, y_j, reliable)
    assert torch.equal(y_k, mix(y_i, y_j) * annotated)
    assert torch.equal(counts, reliable & annotated)


@every_way
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_a_mix_keeps_the_precision_of_the_images(kind, dtype):
    way = WAYS[kind](True)
    shares = way.shares(way.draw(1, (4, 1)), TRUTH)
    assert shares.mix(X_I.to(dtype), X_J.to(dtype)).dtype == dtype


# --- Draws ---------------------------------------------------------------------------------------


@every_way
def test_a_draw_goes_on_where_the_global_random_state_was_kept_and_is_small(kind):
    """At most a first and a last voxel along three axes: six numbers an image of 64,000 voxels."""
    way = WAYS[kind](True)
    torch.manual_seed(0)
    way.draw(2, (40, 40, 40))
    state = torch.get_rng_state()
    expected = way.draw(2, (40, 40, 40))
    assert expected.numel() <= 2 * 6
    torch.set_rng_state(state)
    assert torch.equal(way.draw(2, (40, 40, 40)), expected)


@pytest.mark.parametrize("way", [CutMix, CutOut])
@pytest.mark.parametrize("spatial", [(100, 60), (40, 50, 60)])
def test_boxes_take_a_uniform_share_have_the_images_proportions_and_are_anywhere_in_it(
    way, spatial
):
    """U(0.25, 0.75) has mean 0.5 and standard deviation 0.1443; a side is rounded by up to 1/2."""
    torch.manual_seed(0)
    boxes = way(0.25, 0.75).draw(4000, spatial)
    lengths = torch.tensor(spatial)
    first, end = boxes.unbind(1)
    assert (first >= 0).all() and (end <= lengths).all()
    assert (first.amin(0) == 0).all() and (end.amax(0) == lengths).all()
    share = ((end - first) / lengths).double().prod(1)
    assert share.mean().item() == pytest.approx(0.5, abs=0.01)
    assert share.std().item() == pytest.approx(0.1443, abs=0.005)
    assert 0.23 < share.min() < 0.27 and 0.73 < share.max() < 0.77
    sides = ((end - first) / lengths).double()
    assert (sides - sides.mean(1, keepdim=True)).abs().max() < 1 / min(spatial)
    room = (first / (lengths - (end - first))).double()  # 0 to 1 along every axis
    assert room.mean(0).tolist() == pytest.approx([0.5] * len(spatial), abs=0.02)
    assert np.corrcoef(room.T.numpy())[0, 1] == pytest.approx(0, abs=0.05)


def test_a_box_of_all_or_nothing_is_the_image_or_empty():
    assert CutMix(1, 1).draw(1, (4, 6)).tolist() == [[[0, 0], [4, 6]]]
    boxes = CutMix(0, 0).draw(1, (4, 6))
    assert torch.equal(boxes[:, 0], boxes[:, 1])
    assert not CutMix(0, 0).shares(boxes, torch.ones(1, 2, 4, 6)).labeled.any()
