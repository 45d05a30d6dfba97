"""What has become of the images that were to be added, and what the user is told of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from nnunetv2_ducisc.raw_dataset.adding.destination import Destination
from nnunetv2_ducisc.raw_dataset.adding.header import differences, read_header
from nnunetv2_ducisc.raw_dataset.adding.masks import FEW
from nnunetv2_ducisc.raw_dataset.adding.staged_case import StagedCase
from nnunetv2_ducisc.raw_dataset.adding.wording import first_few, some
from nnunetv2_ducisc.raw_dataset.dataset import RawDataset
from nnunetv2_ducisc.raw_dataset.layout import Part
from nnunetv2_ducisc.raw_dataset.links import SHARED, Way, tally
from nnunetv2_ducisc.raw_dataset.replacing import preprocessed_folder


@dataclass
class Outcome:
    """What has become of the images.

    Attributes:
        present: how many cases were there already.
        refusals: a sentence for each case that is not added.
        warnings: a sentence each.
        added: the cases that are in imagesUn now.
    """

    present: int
    refusals: list[str]
    warnings: list[str]
    added: list[StagedCase] = field(default_factory=list)

    def report(self, destination: Destination) -> str:
        """The numbers, the warnings and the next command, a line each."""
        warnings = [*self.warnings, *self._odd_ones(destination), *self._masks()]
        lines = [*self._numbers(destination), *(f"Warning: {warning}." for warning in warnings)]
        if self.added:
            lines.append(_next_step(destination.dataset))
        return "\n".join(lines)

    def _numbers(self, destination: Destination) -> list[str]:
        """How many cases came, and how."""
        ways = Counter(way for staged in self.added for way in staged.ways)
        there = f"; there already: {self.present}" if self.present else ""
        files = f" ({tally(ways)})" if self.added else ""
        folder = destination.dataset.folder / Part.UNLABELED.images
        numbers = f"Cases added to {folder}: {len(self.added)}{files}{there}."
        return [numbers, *([SHARED] if ways[Way.HARD_LINK] else [])]

    def _odd_ones(self, destination: Destination) -> list[str]:
        """A sentence for each case that looks like another kind of scan than the labeled ones."""
        ending = destination.dataset.ending
        headers = [read_header(case.images[0], ending) for case in destination.labeled.values()]
        labeled = [header for header in headers if header] if self.added else []
        odd = [
            f"{staged.case} has {' and '.join(found)}: check that it is the same kind of scan"
            for staged in sorted(self.added, key=lambda staged: staged.case)
            if staged.header and (found := differences(staged.header, labeled))
        ]
        return first_few(odd, "more differ so")

    def _masks(self) -> list[str]:
        """A sentence for all cases that look like segmentations."""
        cases = sorted(staged.case for staged in self.added if staged.is_like_a_mask)
        if not cases:
            return []
        return [
            f"images with at most {FEW} values, all whole, like segmentations and unlike the "
            f"labeled images ({len(cases)}): {some(cases)}: take them out of "
            f"{Part.UNLABELED.images} if they are no scans"
        ]


def _next_step(dataset: RawDataset) -> str:
    """Planning, where there are no plans yet; it sees the labeled images only."""
    preprocessed = preprocessed_folder(dataset.name)
    if preprocessed and list(preprocessed.glob("*Plans*.json")):
        return (
            "Training preprocesses them when it starts; ahead of time, ducisc preprocess "
            f"-d {dataset.number} -c CONFIGURATION does."
        )
    # nnU-Net's check of a dataset knows only the new name of the channels.
    verify = "" if "modality" in dataset.json else " --verify_dataset_integrity"
    return f"nnUNetv2_plan_and_preprocess -d {dataset.number}{verify}"
