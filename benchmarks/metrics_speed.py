"""Time of the four published metrics against medpy's, on volumes of 200 voxels a side, as a ratio.

    python -m benchmarks.metrics_speed [--repetitions N]

Both run in this process and alternate; numbers that differ from medpy's in any digit end it. medpy
comes with the extra ``dev``.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
from medpy.metric import binary
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from nnunetv2_ducisc.evaluation.metrics.presets import PRESETS
from nnunetv2_ducisc.evaluation.predictions.rows import compare_classes
from nnunetv2_ducisc.evaluation.predictions.segmentation import Segmentation

SIZE = 200
Labels = NDArray[np.int32]


def organ(radii: tuple[int, int, int], bumps: float, seed: int) -> Labels:
    """An ellipsoid in the middle whose surface goes in and out by smooth noise."""
    axes = np.ogrid[:SIZE, :SIZE, :SIZE]
    inside = sum(
        ((axis - SIZE / 2) / radius) ** 2 for axis, radius in zip(axes, radii, strict=True)
    )
    noise = gaussian_filter(np.random.default_rng(seed).standard_normal((SIZE,) * 3), 8)
    return (inside + bumps * noise / noise.std() < 1).astype(np.int32)


def masks() -> dict[str, tuple[Labels, Labels]]:
    """Name -> reference and prediction, from good to hopeless."""
    return {
        "good, 10 % of the volume": (organ((70, 50, 60), 0.1, 0), organ((69, 51, 59), 0.12, 0)),
        "good, 1 % of the volume": (organ((25, 30, 25), 0.1, 0), organ((25, 29, 26), 0.12, 0)),
        "poor, 10 % of the volume": (organ((70, 50, 60), 0.1, 0), organ((60, 60, 60), 0.4, 1)),
        "scattered everywhere": (organ((70, 50, 60), 0.1, 0), organ((60, 60, 60), 3.0, 1)),
    }


def medpy(reference: Labels, prediction: Labels) -> list[float]:
    """As the papers' code calls it."""
    ours, theirs = prediction == 1, reference == 1
    return [metric(ours, theirs) for metric in (binary.dc, binary.jc, binary.hd95, binary.asd)]


def ours(preset: str) -> Callable[[Labels, Labels], list[float]]:
    """As ``ducisc evaluate`` does it once the files are read."""

    def run(reference: Labels, prediction: Labels) -> list[float]:
        spacing = (1.0,) * 3
        both = (Segmentation(labels, spacing, {}) for labels in (reference, prediction))
        return list(compare_classes("", *both, {"organ": (1,)}, PRESETS[preset])[0].values.values())

    return run


def main() -> None:
    """Measure and print a line for each pair of masks."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=3)
    repetitions = parser.parse_args().repetitions
    tools = {"medpy": medpy, "published": ours("published"), "mm": ours("mm")}
    print("| masks | medpy, s | published, s | times faster | mm, s |\n" + "| --- " * 5 + "|")
    for name, pair in masks().items():
        assert tools["published"](*pair) == medpy(*pair), f"{name}: not medpy's numbers"
        seconds: dict[str, list[float]] = {tool: [] for tool in tools}
        for _ in range(repetitions):
            for tool, run in tools.items():
                start = time.perf_counter()
                run(*pair)
                seconds[tool].append(time.perf_counter() - start)
        theirs, published, mm = (statistics.median(seconds[tool]) for tool in tools)
        ratio = theirs / published
        print(f"| {name} | {theirs:.2f} | {published:.2f} | {ratio:.1f} | {mm:.2f} |", flush=True)


if __name__ == "__main__":
    main()
