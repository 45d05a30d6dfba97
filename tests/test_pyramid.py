"""Maps at the resolution that is asked for, and mixed labels at every output's own."""

import numpy as np
import pytest
import torch

from nnunetv2_ducisc.method import objective
from nnunetv2_ducisc.method.mixing import CutMix, mixed_labels
from nnunetv2_ducisc.method.pyramid import Pyramid, finest, rescale
from tests import naive, naive_alternatives
from tests.mixing import WAYS, every_way, random_batch

pytestmark = pytest.mark.unit

FINE, COARSE = torch.zeros(2, 3, 4, 6), torch.ones(2, 3, 2, 3)


def test_a_pyramid_gives_its_own_maps_and_a_tensor_is_rescaled():
    """The corner voxels of a 4 x 6 ramp: rows 1 and 3, columns 1, 3 and 5 of rows by columns."""
    pyramid = Pyramid([FINE, COARSE])
    assert rescale(pyramid, (2, 3)) is COARSE
    assert rescale(pyramid, (4, 6)) is finest(pyramid) is FINE
    assert finest(FINE) is FINE is rescale(FINE, (4, 6))
    ramp = torch.arange(24.0).reshape(1, 1, 4, 6)
    assert rescale(ramp, (2, 3)).tolist() == [[[[7, 9, 11], [19, 21, 23]]]]


def test_the_rule_for_one_map_is_the_objectives():
    label = torch.rand(1, 2, 5, 7, 9)
    assert torch.equal(rescale(label, (3, 4, 5)), objective.rescale(label, (3, 4, 5)))


def test_a_resolution_that_no_output_has_is_refused():
    with pytest.raises(ValueError, match=r"\(3, 3\); there are \[\(4, 6\), \(2, 3\)\]"):
        rescale(Pyramid([FINE, COARSE]), (3, 3))


@every_way
@pytest.mark.parametrize("ignore", [False, True])
def test_a_pyramid_is_mixed_at_each_of_its_resolutions(kind, ignore):
    """Shares and truth as ``naive.rescale`` has them, and each output's own pseudo label."""
    torch.manual_seed(1)
    (_, _), (y_i, annotated, *_) = random_batch(3, 4, "nowhere", regions=False)
    annotated = annotated if ignore else np.ones_like(annotated)
    rng = np.random.default_rng(1)
    sizes = [naive.SHAPES[3], naive.HALF_SHAPES[3]]
    pseudo = [naive.random_label(rng, 2, 4, size) for size in sizes]
    reliable = [rng.random(size=(2, 1, *size)) < 0.6 for size in sizes]
    way = WAYS[kind](True)
    shares = way.shares(way.draw(2, sizes[0]), torch.from_numpy(y_i))
    pyramids = [Pyramid([*map(torch.from_numpy, maps)]) for maps in (pseudo, reliable)]
    known = torch.from_numpy(annotated) if ignore else None
    mixed, counts = mixed_labels(shares, torch.from_numpy(y_i), known, *pyramids)
    for n, size in enumerate(sizes):
        full = [share.expand(2, 1, *sizes[0]).numpy() for share in shares]
        a, b = (naive.rescale(share, size) for share in full)
        by_voxel = {
            (i, v): (a[(i, 0, *v)], b[(i, 0, *v)])
            for i, v in naive_alternatives.every_voxel(pseudo[n])
        }
        label, mask = naive_alternatives.mixed_label(
            by_voxel,
            naive.rescale(y_i, size),
            naive.rescale(annotated, size),
            pseudo[n],
            reliable[n],
        )
        # Rescaling is in float32, as everywhere in training.
        np.testing.assert_allclose(mixed.scales[n], label, rtol=1e-6)
        np.testing.assert_array_equal(counts.scales[n], mask)


def test_a_label_of_one_resolution_is_mixed_there():
    y_i, y_j = (torch.rand(1, 2, 4, 6) for _ in range(2))
    reliable = torch.rand(1, 1, 4, 6) < 0.5
    shares = CutMix(0.5, 0.5).shares(torch.tensor([[[1, 0], [3, 4]]]), y_i)
    expected = shares.mix_labels(y_i, reliable, y_j, reliable)
    assert all(map(torch.equal, mixed_labels(shares, y_i, reliable, y_j, reliable), expected))
