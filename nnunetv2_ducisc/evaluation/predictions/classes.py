"""Which masks of a segmentation are evaluated, and what they are called."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.raw_dataset.dataset import RawDataset


@dataclass(frozen=True)
class Classes:
    """What dataset.json says of labels.

    Attributes:
        source: the dataset.json.
        json: its content.
        labels: class -> the labels whose union it is; without the background.
        known: all labels that may occur.
        ignore: voxels that the reference labels so belong to no mask.
    """

    source: Path
    json: Mapping[str, Any]
    labels: Mapping[str, tuple[int, ...]]
    known: frozenset[int]
    ignore: int | None


def find_classes(dataset: str | None, reference: Path, prediction: Path) -> Classes | None:
    """By the dataset that is named, else by the dataset.json beside the files.

    ``nnUNetv2_predict`` leaves one with its predictions; that of a raw dataset lies beside its
    folders of labels.

    Returns:
        None if there is none: then each label that occurs is a class.

    Raises:
        DuCiSCError: no such dataset, or its dataset.json cannot be used.
    """
    if dataset is not None:
        named = RawDataset.named(dataset)
        return read_classes(named.folder / "dataset.json", named.json)
    for folder in (prediction, reference.parent):
        file = folder / "dataset.json"
        if file.is_file():
            try:
                return read_classes(file, json.loads(file.read_text(encoding="utf-8")))
            except (OSError, ValueError) as error:
                raise DuCiSCError(
                    f"{file} cannot be read ({error}): mend it, or name the dataset with -d."
                ) from error
    return None


def read_classes(source: Path, content: Mapping[str, Any]) -> Classes:
    """Let nnU-Net interpret the labels and regions.

    Raises:
        DuCiSCError: nnU-Net does not accept them.
    """
    from nnunetv2.utilities.label_handling.label_handling import LabelManager  # imports torch

    try:
        manager = LabelManager(content["labels"], content.get("regions_class_order"))
        values = {
            name: tuple(map(int, value)) if isinstance(value, (list, tuple)) else (int(value),)
            for name, value in content["labels"].items()
            if name not in ("background", "ignore")
        }
        known = frozenset(map(int, manager.all_labels))
    except (AssertionError, RuntimeError, KeyError, TypeError, ValueError) as error:
        raise DuCiSCError(
            f"nnU-Net does not accept the labels in {source} ({type(error).__name__}: {error}): "
            "mend them, or name another dataset with -d."
        ) from error
    if not values:
        raise DuCiSCError(f"{source} names no class but the background: add the classes.")
    return Classes(source, content, values, known, manager.ignore_label)
