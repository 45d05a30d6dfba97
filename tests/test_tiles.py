"""Tiles: windows as nnU-Net slides them, cores that partition the image."""

from __future__ import annotations

import pytest
import torch

from nnunetv2_ducisc.nnunet.tiles import tiles

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("shape", "patch"),
    [
        ((7,), (4,)),
        ((20, 9), (8, 8)),
        ((5, 30, 12), (8, 16, 12)),
        ((1, 1, 1), (4, 6, 8)),
        ((33, 33, 17), (16, 32, 17)),
    ],
)
def test_every_voxel_is_in_one_core_with_its_own_value(shape, patch):
    image = torch.arange(1.0, 1 + 2 * 3 * torch.Size(shape).numel()).reshape(2, 3, *shape)
    rebuilt, count = torch.zeros_like(image), torch.zeros_like(image)
    for tile in tiles(image, patch):
        assert tile.image.shape == (2, 3, *patch)
        rebuilt[tile.place] = tile.image[tile.core]
        count[tile.place] += 1
    assert torch.equal(rebuilt, image)
    assert torch.equal(count, torch.ones_like(count))


def test_a_voxel_is_seen_from_the_window_whose_middle_is_nearest():
    """Windows of 8 over 16 voxels start at 0, 4 and 8, with middles at 4, 8 and 12: the borders
    between them are at 6 and 10.
    """
    image = torch.arange(16.0).reshape(1, 1, 16)
    cores = [tile.image[tile.core].flatten().tolist() for tile in tiles(image, (8,))]
    assert cores == [[*range(6)], [6, 7, 8, 9], [*range(10, 16)]]


def test_a_small_image_lies_in_the_middle_of_zeros():
    [tile] = tiles(torch.ones(1, 1, 3), (8,))
    assert tile.image.flatten().tolist() == [0, 0, 1, 1, 1, 0, 0, 0]
    assert tile.core[2:] == (slice(2, 5),) and tile.place[2:] == (slice(0, 3),)
