"""Preprocessed cases with what was last predicted of them."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
from nnunetv2.training.dataloading.nnunet_dataset import nnUNetBaseDataset

from nnunetv2_ducisc.nnunet.stacked import Stacked


class PredictedCases:
    """nnU-Net's reader of preprocessed cases, with maps behind the image and foreground to find.

    Until the first prediction the maps are zero and no foreground is known.

    Args:
        cases: nnU-Net's reader.
        num_maps: how many maps a case has.

    Attributes:
        folder: where the last predictions are; None before the first.
    """

    def __init__(self, cases: nnUNetBaseDataset, num_maps: int) -> None:
        self.cases = cases
        self.num_maps = num_maps
        self.folder: Path | None = None

    @property
    def identifiers(self) -> list[str]:
        """Of the cases."""
        return self.cases.identifiers

    def without_maps(self) -> list[str]:
        """The cases that the last prediction did not know."""
        if self.folder is None:
            return []
        there = {file.stem for file in self.folder.glob("*.npy")}
        return [case for case in self.identifiers if case not in there]

    def load_case(self, identifier: str) -> tuple[Any, Any, Any, dict[str, Any]]:
        """As nnU-Net's: image with maps, segmentation, previous stage's, properties."""
        image, segmentation, previous, properties = self.cases.load_case(identifier)
        if self.num_maps:
            image = Stacked(image, self._maps(identifier, image.shape[1:]))
        locations = {} if self.folder is None else read_locations(self.folder, identifier)
        return image, segmentation, previous, {**properties, "class_locations": locations}

    def _maps(self, identifier: str, shape: tuple[int, ...]) -> np.ndarray:
        if self.folder is None:
            return np.zeros((self.num_maps, *shape), np.float16)
        return read_maps(self.folder, identifier)


def write_maps(folder: Path, case: str, maps: np.ndarray) -> None:
    """Keep the maps of a case, shape (maps, *spatial), in half precision."""
    np.save(folder / f"{case}.npy", maps.astype(np.float16))


def read_maps(folder: Path, case: str) -> np.ndarray:
    """The maps of a case, mapped from disk rather than read."""
    return np.load(folder / f"{case}.npy", mmap_mode="r")


def write_locations(folder: Path, case: str, locations: dict[int, np.ndarray]) -> None:
    """Keep voxels of a case, by class, as nnU-Net has them: shape (N, 1 + spatial axes)."""
    with (folder / f"{case}.pkl").open("wb") as file:
        pickle.dump(locations, file)


def read_locations(folder: Path, case: str) -> dict[int, np.ndarray]:
    """What ``write_locations`` kept; nothing where it was not asked to."""
    file = folder / f"{case}.pkl"
    if not file.is_file():
        return {}
    with file.open("rb") as locations:
        return pickle.load(locations)
