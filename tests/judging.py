"""Ways to judge a pseudo label, what they are told, and a teacher that can be asked again."""

import itertools

import numpy as np
import pytest
import torch

from nnunetv2_ducisc.method.confidence import (
    AnyClassPerOutput,
    FixedThreshold,
    LowEntropy,
    MonteCarlo,
    SelfAware,
    TeacherSays,
)
from nnunetv2_ducisc.method.labeling import ExclusiveClasses, OverlappingRegions
from tests import naive

BETA, ITERATIONS = 0.9, 100
every_size = pytest.mark.parametrize(
    ("dimensions", "outputs"), list(itertools.product((2, 3), (2, 4)))
)
both_labelings = pytest.mark.parametrize("regions", [False, True])

WAYS = {
    "self_aware": lambda labeling, n: SelfAware(labeling, n, BETA),
    "none": lambda labeling, n: FixedThreshold(labeling, n, 0.0),
    "probability": lambda labeling, n: FixedThreshold(labeling, n, 0.95),
    "entropy": lambda labeling, n: LowEntropy(labeling, n, ITERATIONS),
    "monte_carlo": lambda labeling, n: MonteCarlo(labeling, n, ITERATIONS, passes=2),
    "official": lambda labeling, n: AnyClassPerOutput(labeling, n, 2, BETA),
}


def labeling_of(regions: bool, outputs: int):
    return OverlappingRegions() if regions else ExclusiveClasses(outputs)


def probabilities_of(regions: bool, logits: np.ndarray) -> np.ndarray:
    return naive.sigmoid(logits) if regions else naive.softmax(logits)


def random_logits(dimensions: int, outputs: int, seed: int = 0) -> list[np.ndarray]:
    """Of two images at two scales; the last class is never the largest, and no region: empty."""
    rng = np.random.default_rng(seed)
    logits = [
        rng.normal(size=(2, outputs, *shapes[dimensions]))
        for shapes in (naive.SHAPES, naive.HALF_SHAPES)
    ]
    for scale in logits:
        scale[:, -1] = np.minimum(scale[:, :-1].min(1), 0) - abs(scale[:, -1]) / 2
    return logits


def never(images: torch.Tensor) -> torch.Tensor:
    raise AssertionError("the teacher is asked once more")


def says(*outputs: np.ndarray | torch.Tensor, ask=never, images=None) -> TeacherSays:
    return TeacherSays(images, [torch.as_tensor(output) for output in outputs], ask)


def voxels(*probabilities: tuple[float, ...]) -> torch.Tensor:
    """Probabilities of the outputs, voxel by voxel, as one image of shape (1, C, N, 1)."""
    return torch.tensor(probabilities, dtype=torch.float64).T[None, ..., None]


class Teacher:
    """A network of one layer that remembers what it was shown."""

    def __init__(self, outputs: int, regions: bool) -> None:
        self.weights = np.linspace(-3, 3, outputs)
        self.regions = regions
        self.seen: list[np.ndarray] = []

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        self.seen.append(images.numpy().copy())
        return torch.from_numpy(self.probabilities(self.seen[-1]))

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        spread = self.weights.reshape(1, -1, *[1] * (images.ndim - 2))
        return probabilities_of(self.regions, spread * images)
