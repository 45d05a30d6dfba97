"""The published preset gives medpy's numbers to the last digit."""

from __future__ import annotations

import numpy as np
import pytest
from medpy.metric import binary
from numpy.typing import NDArray

from nnunetv2_ducisc.evaluation.metrics.presets import PRESETS
from nnunetv2_ducisc.evaluation.predictions.rows import compare_classes
from nnunetv2_ducisc.evaluation.predictions.segmentation import Segmentation

pytestmark = pytest.mark.unit

Mask = NDArray[np.bool_]


def medpy(reference: Mask, prediction: Mask) -> dict[str, float]:
    """As the papers' code calls it: on the whole volume, without a spacing."""
    return {
        "dice": binary.dc(prediction, reference),
        "jaccard": binary.jc(prediction, reference),
        "hd95_voxels": binary.hd95(prediction, reference),
        "asd_voxels": binary.asd(prediction, reference),
    }


def ours(
    reference: NDArray, prediction: NDArray, spacing: tuple[float, ...] = (3.0, 1.0, 0.5)
) -> dict[str, dict[str, float]]:
    """Label -> its values; of a spacing that must not matter."""
    both = [
        Segmentation(labels.astype(np.int32), spacing[-labels.ndim :], {})
        for labels in (reference, prediction)
    ]
    classes = {str(label): (label,) for label in both[0].boxes}
    rows = compare_classes("a", *both, classes, PRESETS["published"])
    return {row.class_name: dict(row.values) for row in rows}


def box(shape: tuple[int, ...], *sides: tuple[int, int]) -> Mask:
    mask = np.zeros(shape, dtype=bool)
    mask[tuple(slice(*side) for side in sides)] = True
    return mask


def sphere(shape: tuple[int, ...], center: tuple[float, ...], radius: float) -> Mask:
    axes = np.ogrid[tuple(slice(size) for size in shape)]
    squares = [(axis - c) ** 2 for axis, c in zip(axes, center, strict=True)]
    return np.asarray(sum(squares) <= radius**2)


@pytest.mark.parametrize("seed", range(24))
def test_random_masks_of_any_density_and_size(seed: int) -> None:
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(3, 16, 2 + seed % 2))
    reference, prediction = (rng.random(shape) < rng.uniform(0.02, 0.9) for _ in range(2))
    reference[tuple(rng.integers(0, shape))] = prediction[tuple(rng.integers(0, shape))] = True
    assert ours(reference, prediction)["1"] == medpy(reference, prediction)


@pytest.mark.parametrize(
    ("reference", "prediction"),
    [
        pytest.param(
            sphere((40, 40, 40), (20, 19, 21), 12.3),
            sphere((40, 40, 40), (18, 20, 21), 13),
            id="3D",
        ),
        pytest.param(sphere((60, 50), (30, 20), 15), sphere((60, 50), (28, 27), 11), id="2D"),
        pytest.param(
            box((9, 9, 9), (4, 5), (4, 5), (4, 5)),
            box((9, 9, 9), (0, 1), (8, 9), (2, 3)),
            id="voxel",
        ),
        pytest.param(
            box((12, 9, 7), (0, 6), (0, 9), (3, 7)),
            box((12, 9, 7), (2, 12), (0, 9), (0, 7)),
            id="edge",
        ),
        pytest.param(np.ones((5, 6, 7), dtype=bool), np.ones((5, 6, 7), dtype=bool), id="full"),
        pytest.param(
            box((90, 9, 9), (2, 6), (2, 7), (2, 7)),
            box((90, 9, 9), (80, 86), (2, 7), (2, 7)),
            id="far",
        ),
    ],
)
def test_named_masks(reference: Mask, prediction: Mask) -> None:
    assert ours(reference, prediction)["1"] == medpy(reference, prediction)


def test_each_of_several_classes_although_cropped() -> None:
    """The classes lie in different corners of a volume of which most is empty."""
    rng = np.random.default_rng(0)
    reference = np.zeros((30, 28, 26), dtype=np.int32)
    prediction = reference.copy()
    for label, corner in ((1, (0, 0, 0)), (2, (18, 15, 3)), (7, (20, 2, 16))):
        window = tuple(slice(start, start + 10) for start in corner)
        reference[window] = label * (rng.random((10, 10, 10)) < 0.6)
        prediction[window] = label * (rng.random((10, 10, 10)) < 0.5)
    assert ours(reference, prediction) == {
        str(label): medpy(reference == label, prediction == label) for label in (1, 2, 7)
    }
