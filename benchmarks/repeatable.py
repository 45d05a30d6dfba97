"""Trainings that repeat to the last bit, and the first place where two of them differ."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

# nnU-Net's own entry point. Its blur transform times two algorithms at their first use and goes on
# with the faster, on which no two runs need agree: here it always takes the same one.
TRAIN = """
from batchgeneratorsv2.transforms.noise import gaussian_blur
gaussian_blur.GaussianBlurTransform._benchmark_wrapper = (
    lambda self, image, sigma, axis: gaussian_blur.blur_dimension(image, sigma, axis)
)
from nnunetv2.run.run_training import run_training_entry
run_training_entry()
"""


def first_difference(a: Any, b: Any, where: str = "") -> str | None:  # noqa: ANN401 (any content)
    """Where two nested containers of tensors, arrays and plain values are not equal to the bit.

    Returns:
        The path of keys and indices, ``/optimizer_state/state/0``; None where they are equal.
    """
    if type(a) is not type(b):
        return f"{where} ({type(a).__name__} and {type(b).__name__})"
    if isinstance(a, dict | list | tuple):
        if _keys(a) != _keys(b):
            return f"{where} (keys or lengths)"
        found = (first_difference(a[key], b[key], f"{where}/{key}") for key in _keys(a))
        return next(filter(None, found), None)
    if isinstance(a, torch.Tensor):
        same = torch.equal(a, b)
    elif isinstance(a, np.ndarray):
        same = np.array_equal(a, b)
    else:
        same = bool(a == b)
    return None if same else where or "the values"


def _keys(container: dict | list | tuple) -> list[Any]:
    return list(container) if isinstance(container, dict) else list(range(len(container)))


def state_of(checkpoint: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """What a checkpoint knows of the training itself: no times of day, which every run has anew."""
    yield "network_weights", checkpoint["network_weights"]
    yield "optimizer_state", checkpoint["optimizer_state"]
    for key in ("teacher", "thresholds", "progress", "iteration", "random_state"):
        yield key, checkpoint["ducisc"][key]
