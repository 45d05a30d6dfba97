"""The default preset against geometry: what is known of spheres and boxes, in mm."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage.measure import marching_cubes

from nnunetv2_ducisc.evaluation.metrics.patches import patches
from nnunetv2_ducisc.evaluation.metrics.published import published_distances
from nnunetv2_ducisc.evaluation.metrics.symmetric import symmetric_distances, weighted_percentile

pytestmark = pytest.mark.unit

ISOTROPIC, THICK_SLICES = (1.0, 1.0, 1.0), (3.0, 1.0, 1.0)
Mask = NDArray[np.bool_]


def sphere(spacing: tuple[float, ...], center: list[float], radius: float) -> Mask:
    """In 60 mm along each axis."""
    axes = np.ogrid[tuple(slice(round(60 / length)) for length in spacing)]
    places = [axis * length - c for axis, length, c in zip(axes, spacing, center, strict=True)]
    return np.asarray(sum(place**2 for place in places) <= radius**2)


def box(shape: tuple[int, ...], *sides: tuple[int, int]) -> Mask:
    mask = np.zeros(shape, dtype=bool)
    mask[tuple(slice(*side) for side in sides)] = True
    return mask


def test_equal_masks_are_at_distance_0() -> None:
    mask = np.random.default_rng(0).random((9, 8, 7)) < 0.5
    assert symmetric_distances(mask, mask, (2.0, 0.7, 1.1)) == (0.0, 0.0)


@pytest.mark.parametrize(("spacing", "accuracy"), [(ISOTROPIC, 0.06), (THICK_SLICES, 0.14)])
def test_concentric_spheres_are_as_far_apart_as_their_radii(
    spacing: tuple[float, ...], accuracy: float
) -> None:
    """Radii 20 and 23 mm: every point is 3 mm from the other surface."""
    center = [29.3, 30.1, 30.7]
    found = symmetric_distances(sphere(spacing, center, 20), sphere(spacing, center, 23), spacing)
    assert found == pytest.approx((3, 3), rel=accuracy)


@pytest.mark.parametrize("axis", range(3))
@pytest.mark.parametrize("spacing", [ISOTROPIC, THICK_SLICES])
def test_a_shift_measures_the_same_along_every_axis(axis: int, spacing: tuple[float, ...]) -> None:
    """Radius 20 mm, shifted by 4 mm: a point at an angle of cosine u to the shift is about 4 |u| mm
    from the other surface, and u is uniform on a sphere. The mean is 2 mm, the 95th percentile
    4 x 0.95 = 3.8 mm. Unweighted border voxels give 1.5 or 2.3 mm, by axis.
    """
    center, shifted = [28.3, 29.1, 29.7], [28.3, 29.1, 29.7]
    shifted[axis] += 4
    hd95, assd = symmetric_distances(
        sphere(spacing, center, 20), sphere(spacing, shifted, 20), spacing
    )
    assert assd == pytest.approx(2, rel=0.05)
    assert hd95 == pytest.approx(3.8, rel=0.09)


@pytest.mark.parametrize("axis", range(3))
def test_a_box_that_is_longer_by_two_voxels_is_longer_by_their_length(axis: int) -> None:
    """20 mm cube A; B reaches 2 voxels, h mm, beyond one face.

    That face is 400 of B's 2400 + 80 h mm², more than 5 %, and each point of it is h from A.
    B -> A: 400 h on the face, 4 x 20 h²/2 on the new walls. A -> B: on A's covered face the
    nearest is the wall, but at most h: 8 times the integral of t (10 - t) dt up to m, plus
    (20 - 2 m)² h, with m = h for h below 10.
    """
    spacing = (2.5, 1.0, 2.0)
    sides = [(5, 5 + round(20 / length)) for length in spacing]
    longer = list(sides)
    longer[axis] = (sides[axis][0], sides[axis][1] + 2)
    h = 2 * spacing[axis]
    hd95, assd = symmetric_distances(box((20, 35, 25), *sides), box((20, 35, 25), *longer), spacing)
    there = 400 * h + 40 * h**2
    back = 8 * (5 * h**2 - h**3 / 3) + (20 - 2 * h) ** 2 * h
    assert hd95 == pytest.approx(h)
    assert assd == pytest.approx((there + back) / (2400 + 2400 + 80 * h), rel=0.08)


def test_a_square_in_2d() -> None:
    """20 mm square; the other one is 3 mm longer, and its far side 20 of 86 mm."""
    spacing = (0.5, 1.0)
    hd95, _ = symmetric_distances(
        box((60, 40), (5, 45), (5, 25)), box((60, 40), (5, 51), (5, 25)), spacing
    )
    assert hd95 == pytest.approx(3)


def test_the_order_of_the_masks_does_not_matter() -> None:
    a, b = (np.random.default_rng(seed).random((9, 8, 7)) < 0.4 for seed in (1, 2))
    forth, back = (symmetric_distances(*pair, (2.0, 1.0, 1.0)) for pair in ((a, b), (b, a)))
    assert forth == pytest.approx(back)


def test_what_the_prediction_lacks_is_not_diluted_by_its_own_surface() -> None:
    """The prediction lacks a cube of 4 voxels, 28 apart; that is 6 x 16 of 6 x (256 + 16) faces of
    the reference, 5.9 %, but 3 % of both surfaces, so that medpy's pooled percentile does not see
    it.
    """
    prediction = box((70, 20, 20), (2, 18), (2, 18), (2, 18))
    reference = prediction | box((70, 20, 20), (46, 50), (8, 12), (8, 12))
    assert symmetric_distances(reference, prediction, ISOTROPIC)[0] >= 28
    assert published_distances(reference, prediction, ISOTROPIC)[0] == 0


def test_the_surface_of_one_voxel_is_an_octahedron() -> None:
    """Through the middles to its neighbours, with half axes of 1, 1.5 and 3 mm: 8 triangles of area
    sqrt((1 x 1.5)² + (1.5 x 3)² + (3 x 1)²) / 2 = 2.806 mm² each.
    """
    found = patches(np.ones((1, 1, 1), dtype=bool), (2.0, 3.0, 6.0))
    assert found.areas == pytest.approx([math.sqrt(1.5**2 + 4.5**2 + 3**2) / 2] * 8)
    # The voxel's own place is one voxel after the first corner of the padded grid.
    assert found.centroids.mean(axis=0) == pytest.approx([2, 3, 6])
    assert np.abs(found.centroids - [2, 3, 6]) == pytest.approx(np.tile([1 / 3, 0.5, 1], (8, 1)))


def test_the_outline_of_one_pixel_is_a_rhombus() -> None:
    """Half axes 1.5 and 2 mm: four sides of 2.5 mm."""
    assert patches(np.ones((1, 1), dtype=bool), (3.0, 4.0)).areas == pytest.approx([2.5] * 4)


def test_a_flat_surface_has_the_area_it_has() -> None:
    """The faces of 10 x 8 x 6 voxels but for their edges, which are cut off at half a voxel."""
    found = patches(np.ones((10, 8, 6), dtype=bool), (1.0, 2.0, 3.0))
    faces = 2 * (9 * 7 * 2 + 7 * 5 * 6 + 9 * 5 * 3)
    lengths = np.array(
        [math.hypot(2, 3) * 9 * 1, math.hypot(1, 3) * 7 * 2, math.hypot(1, 2) * 5 * 3]
    )
    corner = math.sqrt((2 * 3) ** 2 + (1 * 3) ** 2 + (1 * 2) ** 2) / 8
    assert found.areas.sum() == pytest.approx(faces + 4 * lengths.sum() / 2 + 8 * corner)


def test_the_patches_are_the_surface_of_marching_cubes() -> None:
    mask, spacing = np.random.default_rng(0).random((7, 8, 9)) < 0.4, (3.0, 1.0, 0.5)
    vertices, faces, _, _ = marching_cubes(np.pad(mask, 1), 0.5, spacing=spacing)
    triangles = vertices[faces]
    edges = triangles[:, 1:] - triangles[:, :1]
    areas = np.linalg.norm(np.cross(edges[:, 0], edges[:, 1]), axis=1) / 2
    found = patches(mask, spacing)
    assert found.areas.sum() == pytest.approx(areas.sum())
    assert found.areas @ found.centroids == pytest.approx(areas @ triangles.mean(axis=1))


def test_every_cell_that_is_cut_has_a_patch() -> None:
    for size in ((2, 2, 2), (2, 2)):
        for code in range(1, 2**2 ** len(size) - 1):
            bits = [bool(code >> bit & 1) for bit in range(2 ** len(size))]
            inner = patches(np.array(bits).reshape(size), (1.0,) * len(size))
            middle = np.all(np.abs(inner.centroids - 1.5) < 0.5, axis=1)
            assert middle.sum() == 1


def test_the_percentile_is_the_value_that_has_the_share_of_the_weight_below_it() -> None:
    """Sorted: 1 (weight 6), 2 (3), 5 (1). 60 % of the weight is at 1, 90 % up to 2."""
    values, weights = np.array([5.0, 1.0, 2.0]), np.array([1.0, 6.0, 3.0])
    found = [weighted_percentile(values, weights, percent) for percent in (50, 60, 61, 89, 95, 100)]
    assert found == [1, 1, 2, 2, 5, 5]
