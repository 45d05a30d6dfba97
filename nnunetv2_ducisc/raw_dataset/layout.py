"""Where the three kinds of cases lie in a raw dataset."""

from __future__ import annotations

from enum import Enum

ADDED_CASES = "unlabeled_sources.json"  # which of imagesUn were added to it, and from where


class Part(Enum):
    """A kind of case: the folders of its images and of its labels.

    Planning and stock training see LABELED alone; labels of UNLABELED are withheld truth, which
    only analysis reads.
    """

    LABELED = ("imagesTr", "labelsTr")
    UNLABELED = ("imagesUn", "labelsUn")
    TEST = ("imagesTs", "labelsTs")

    @property
    def images(self) -> str:
        """The folder of the images."""
        return self.value[0]

    @property
    def labels(self) -> str:
        """The folder of the labels."""
        return self.value[1]
