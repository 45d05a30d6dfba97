"""A copy of a labeled raw dataset in which most cases have no label, as files and records."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from batchgenerators.utilities.file_and_folder_operations import save_json
from tqdm import tqdm

from nnunetv2_ducisc import __version__
from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.raw_dataset.dataset import LabeledCase, RawDataset, image_sidecar
from nnunetv2_ducisc.raw_dataset.layout import Part
from nnunetv2_ducisc.raw_dataset.links import SHARED, Way, is_placed, place, tally
from nnunetv2_ducisc.raw_dataset.staging import Staging, write_json
from nnunetv2_ducisc.raw_dataset.withholding.draw import Draw

METHOD = "withhold"


@dataclass(frozen=True)
class SemiSupervisedCopy:
    """What is copied, and where each case goes.

    Attributes:
        source: the labeled dataset.
        cases: its labeled cases.
        draw: which of them stay labeled.
        withheld_labels: whether the labels of the others go to labelsUn.
        hard_links: whether its files may be the source's very own.
        folder: the copy's, in nnUNet_raw.
    """

    source: RawDataset
    cases: Mapping[str, LabeledCase]
    draw: Draw
    withheld_labels: bool
    hard_links: bool
    folder: Path

    def run(self, overwrite: bool) -> None:
        """Write the copy beside its place, and put it there whole.

        Raises:
            DuCiSCError: the place is taken, or a file cannot be brought there.
        """
        staging = Staging(self.folder)
        with staging.opened(self.recipe, overwrite):
            printed = self._place_all(staging.dataset)
            # Unsorted: of regions, the order has a meaning.
            save_json(self._dataset_json, staging.dataset / "dataset.json", sort_keys=False)
            write_json(staging.dataset / "conversion.json", self.recipe)
            staging.install()
        print(self.summary, *printed, sep="\n")

    @property
    def listing(self) -> str:
        """What would be written, a line for each file, and the numbers."""
        names = [*self.files, "dataset.json", "conversion.json"]
        return "\n".join([*(str(self.folder / name) for name in names), self.summary])

    @property
    def summary(self) -> str:
        """The number of cases of each part."""
        truth = "with their truth in labelsUn" if self.withheld_labels else "without their truth"
        return (
            f"{self.folder.name}: {len(self.draw.labeled)} labeled cases, "
            f"{len(self.draw.unlabeled)} unlabeled {truth}, {len(self._test)} for test."
        )

    @cached_property
    def files(self) -> dict[str, Path]:
        """Path in the copy -> file that is brought there.

        Raises:
            DuCiSCError: a symbolic link that leads nowhere.
        """
        files = {target: file for part in Part for target, file in self._files_of(part)}
        for file in files.values():
            if not file.is_file():
                raise DuCiSCError(f"{file} leads to no file: mend the link or take it away.")
        return files

    @cached_property
    def recipe(self) -> dict[str, Any]:
        """What makes two copies the same one, and conversion.json."""
        return {
            "method": METHOD,
            "source": {"dataset": self.source.name, "state": self._state},
            "nnunetv2_ducisc": __version__,
            "options": self._options,
            "split": {
                "source": f"ducisc {METHOD}",
                "labeled": list(self.draw.labeled),
                "unlabeled": list(self.draw.unlabeled),
                "test": self._test,
            },
        }

    @property
    def _options(self) -> dict[str, Any]:
        others = {"withheld_labels": self.withheld_labels, "copy": not self.hard_links}
        return self.draw.options | others

    @property
    def _test(self) -> list[str]:
        return sorted(self.source.images(Part.TEST.images))

    @property
    def _state(self) -> str:
        """A hash that changes with the names, sizes and times of the source's files."""
        stats = [(target, file.stat()) for target, file in sorted(self.files.items())]
        state = [[target, stat.st_size, stat.st_mtime_ns] for target, stat in stats]
        return hashlib.sha256(json.dumps([state, self.source.json]).encode()).hexdigest()

    @property
    def _dataset_json(self) -> dict[str, Any]:
        """The source's, for the labeled cases alone, all of which lie in plain folders now."""
        kept = {key: value for key, value in self.source.json.items() if key != "dataset"}
        return kept | {"numTraining": len(self.draw.labeled)}

    def _place_all(self, folder: Path) -> list[str]:
        """Bring all files there, but for those of a run that was stopped; say how, a line each."""
        ways: Counter[Way] = Counter()
        for name, source in tqdm(self.files.items(), desc="Bringing", unit="file"):
            if not is_placed(source, folder / name):
                ways[_place(source, folder / name, self.hard_links)] += 1
        there = len(self.files) - ways.total()
        stopped = f", and {there} were there from a run that was stopped" if there else ""
        return [f"{tally(ways)}{stopped}.", *([SHARED] if ways[Way.HARD_LINK] else [])]

    def _files_of(self, part: Part) -> Iterator[tuple[str, Path]]:
        """The files of one part, and the sidecars of TIFF among them."""
        if part is Part.TEST:
            for folder in (part.images, part.labels):
                yield from ((f"{folder}/{file.name}", file) for file in self.source.files(folder))
            return
        for case in self.draw.labeled if part is Part.LABELED else self.draw.unlabeled:
            yield from self._images_of(case, part.images)
            if part is Part.LABELED or self.withheld_labels:
                yield from self._label_of(case, part.labels)

    def _images_of(self, case: str, folder: str) -> Iterator[tuple[str, Path]]:
        images = self.cases[case].images
        names = self.source.image_names(case, len(images))
        yield from ((f"{folder}/{name}", file) for name, file in zip(names, images, strict=True))
        if (sidecar := image_sidecar(images[0], self.source.ending)).is_file():
            yield f"{folder}/{case}.json", sidecar

    def _label_of(self, case: str, folder: str) -> Iterator[tuple[str, Path]]:
        label, ending = self.cases[case].label, self.source.ending
        yield f"{folder}/{case}{ending}", label
        if (sidecar := label.with_name(f"{label.name[: -len(ending)]}.json")).is_file():
            yield f"{folder}/{case}.json", sidecar


def is_copy_of(source: RawDataset, folder: Path) -> bool:
    """Whether a folder holds what was written here from the source."""
    try:
        record = json.loads((folder / "conversion.json").read_text(encoding="utf-8"))
        return record["method"] == METHOD and record["source"]["dataset"] == source.name
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _place(source: Path, target: Path, hard_links: bool) -> Way:
    try:
        target.parent.mkdir(exist_ok=True)
        return place(source, target, hard_links)
    except OSError as error:
        raise DuCiSCError(
            f"{source} cannot be brought to {target} ({error.strerror}): see to permissions and "
            "space on the disk, then repeat the command."
        ) from error
