"""The shapes of a phantom: a bent chamber, its wall, its outflow vessel, and look-alikes.

Positions are in units of half an image side: the image spans [-1, 1] on every axis. Axis 0 is the
chamber's long axis, the last axis the one along which it bends. Works in 2D and 3D.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

Field: TypeAlias = NDArray[np.float64]
Mask: TypeAlias = NDArray[np.bool_]


def smooth_noise(rng: np.random.Generator, shape: tuple[int, ...], length: float) -> Field:
    """Gaussian noise of mean 0 and variance 1, correlated over ``length`` image sides."""
    sigma = [length * side for side in shape]
    noise = gaussian_filter(rng.standard_normal(shape), sigma, mode="nearest")
    return (noise - noise.mean()) / noise.std()


def body_coordinates(rng: np.random.Generator, shape: tuple[int, ...]) -> Field:
    """Every voxel's position in the chamber's own frame, shape [len(shape), *shape].

    The frame is turned, scaled and shifted against the image and warped by a smooth random field,
    so that every patient has a pose and a shape of their own.
    """
    axes = [(np.arange(side) + 0.5) * 2 / side - 1 for side in shape]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"))
    warp = np.stack([smooth_noise(rng, shape, length=0.15) for _ in shape])
    shifted = grid + 0.08 * warp - _along_axes(rng.uniform(-0.12, 0.12, len(shape)))
    turned = np.tensordot(_rotation(rng, len(shape)), shifted, axes=1)
    return turned * _along_axes(rng.uniform(0.75, 1.0, len(shape)))


def chamber_and_wall(rng: np.random.Generator, position: Field) -> tuple[Mask, Mask]:
    """The bent chamber, and the wall around it, which is thin, uneven and open at the base."""
    local = position - _along_axes(_point(position, first=-0.25))
    local[-1] -= rng.choice([-1.0, 1.0]) * rng.uniform(0.2, 1.2) * (local[0] ** 2 - 0.1)
    radius = _ellipsoid(local, rng.uniform(0.40, 0.60), rng.uniform(0.22, 0.36))
    thickness = rng.uniform(0.30, 0.45) * (1 + 0.25 * smooth_noise(rng, radius.shape, 0.2))
    chamber = radius < 1
    return chamber, ~chamber & (radius < 1 + np.maximum(thickness, 0.2)) & (local[0] < 0.3)


def outflow_vessel(rng: np.random.Generator, position: Field) -> Mask:
    """The tube that leaves the chamber's base, bends and ends a little before the image does."""
    height = position[0]
    end = rng.uniform(0.65, 0.95)
    return _tube(rng, position, radius=rng.uniform(0.22, 0.30)) & (height > 0.1) & (height < end)


def look_alikes(rng: np.random.Generator, position: Field) -> Mask:
    """Structures as bright as the vessel that no label marks: a side chamber and stray vessels."""
    side = rng.choice([-1.0, 1.0])
    beside = position - _along_axes(
        _point(position, first=rng.uniform(-0.2, 0.1), last=0.72 * side)
    )
    mask = _ellipsoid(beside, rng.uniform(0.3, 0.5), rng.uniform(0.15, 0.25)) < 1
    for _ in range(2):
        away = rng.uniform(-0.75, 0.75, len(position))
        mask |= _tube(rng, position - _along_axes(away), radius=rng.uniform(0.10, 0.20))
    return mask


def _tube(rng: np.random.Generator, position: Field, radius: float) -> Mask:
    """A bent tube along axis 0 whose center line passes through the origin."""
    height = position[0]
    slope, curve = rng.uniform(-0.3, 0.3, 2), rng.uniform(-0.5, 0.5, 2)
    across = [
        position[axis] - slope[axis - 1] * height - curve[axis - 1] * height**2
        for axis in range(1, len(position))
    ]
    return np.sqrt(sum(offset**2 for offset in across)) < radius


def _ellipsoid(position: Field, long: float, short: float) -> Field:
    """Distance from the center in radii: 1 on the surface of the ellipsoid."""
    radii = np.full(len(position), short)
    radii[0] = long
    return np.sqrt(((position / _along_axes(radii)) ** 2).sum(axis=0))


def _rotation(rng: np.random.Generator, dimensions: int) -> Field:
    """A rotation near the identity: the orthogonal factor of a slightly disturbed one."""
    disturbed = np.eye(dimensions) + rng.uniform(-0.6, 0.6, (dimensions, dimensions))
    left, _, right = np.linalg.svd(disturbed)
    return left @ right


def _point(position: Field, first: float, last: float = 0.0) -> Field:
    point = np.zeros(len(position))
    point[0], point[-1] = first, last
    return point


def _along_axes(values: Field) -> Field:
    """One value per axis, shaped to broadcast over [axes, *shape]."""
    return values.reshape(-1, *[1] * len(values))
