"""A download that is quickly written and read, for the tests of what all data sets share.

``CASE.npy`` is an image in (z, y, x) and ``CASE_label.npy`` its label; ``p1_a`` is of unit ``p1``.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from nnunetv2_ducisc.raw_dataset.downloads.known import Known
from nnunetv2_ducisc.raw_dataset.downloads.source import Case, Download, Protocol, Source
from nnunetv2_ducisc.raw_dataset.downloads.split import Split
from nnunetv2_ducisc.raw_dataset.downloads.volume import Volume, volume_of

SPACING = (0.5, 1.0, 2.0)

Convert = Callable[..., int]  # runs the script with more options


def write_case(folder: Path, name: str, seed: int = 0) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    image = np.random.default_rng(seed).normal(size=(4, 6, 8))
    label = np.zeros(image.shape, dtype=np.uint8)
    label[1:3, 1:4, 2:7] = 1  # 30 voxels of 1 mm^3: 0.03 ml
    np.save(folder / f"{name}.npy", image)
    np.save(folder / f"{name}_label.npy", label)


def find(folder: Path) -> Download:
    images = sorted(file for file in folder.glob("*.npy") if not file.stem.endswith("_label"))
    return Download("toy", tuple(_case(file) for file in images), folder)


def _case(image: Path) -> Case:
    label = image.with_name(f"{image.stem}_label.npy")
    unit = image.stem.partition("_")[0]
    return Case(image.stem, unit, (image,), label if label.is_file() else None)


def read(case: Case, with_label: bool) -> Volume:
    image = np.load(case.images[0])
    return volume_of(image, np.load(case.label) if with_label else None, SPACING)


def left_half(volume: Volume) -> Volume:
    return Volume(volume.image[:4, :, :], volume.label[:4, :, :])


def split(_: Download) -> Split:
    return Split(("p1", "p2", "p3"), ("t1",), ("v1",), "made up")


def split_without_validation(_: Download) -> Split:
    return Split(("p1", "p2", "p3", "v1"), ("t1",), (), "made up")


TOY = Source(
    dataset="Dataset777_Toy",
    title="Toy",
    labels={"background": 0, "thing": 1},
    find=find,
    read=read,
    protocols={
        "whole": Protocol("MRI", "whole scans"),
        "published": Protocol("CT", "left half", left_half, needs_label=True),
    },
    splits={"published": split, "plain": split_without_validation},
    licence="none",
    reference="nobody",
    known=Known(label_ml=(0.01, 0.05)),
)
CASES = ("p1_a", "p1_b", "p2_a", "p3_a", "t1_a", "v1_a")


def write_download(folder: Path) -> Path:
    for seed, name in enumerate(CASES):
        write_case(folder, name, seed)
    return folder


def names(folder: Path) -> set[str]:
    """Of the files in a folder."""
    return {file.name for file in folder.iterdir()}
