"""The user's images, sorted by what is to be done with them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from nnunetv2_ducisc.raw_dataset.adding.destination import Destination
from nnunetv2_ducisc.raw_dataset.adding.incoming import Incoming
from nnunetv2_ducisc.raw_dataset.adding.search import find_images
from nnunetv2_ducisc.raw_dataset.adding.staged_case import refusal
from nnunetv2_ducisc.raw_dataset.adding.unlabeled_folder import UnlabeledFolder
from nnunetv2_ducisc.raw_dataset.layout import Part


@dataclass(frozen=True)
class Newcomers:
    """Images for a dataset.

    Attributes:
        cases: to be brought and checked.
        present: identifiers of those that are in imagesUn already.
        refusals: a sentence for each that is not taken.
        warnings: a sentence for what the user should look at.
    """

    cases: tuple[Incoming, ...]
    present: tuple[str, ...]
    refusals: tuple[str, ...]
    warnings: tuple[str, ...]


def sort_out(
    paths: Sequence[Path], destination: Destination, unlabeled: UnlabeledFolder
) -> Newcomers:
    """Find the images, and refuse those whose identifier is not free; no image is opened.

    Args:
        paths: image files, folders of them, and folders with DICOM series at any depth.
        destination: the dataset.
        unlabeled: its folder imagesUn.
    """
    arrivals = find_images(
        paths,
        destination.dataset.ending,
        destination.images_per_case,
        destination.is_convertible,
    )
    test = destination.dataset.images(Part.TEST.images)
    cases, present, refusals = [], [], list(arrivals.refusals)
    for incoming in arrivals.cases:
        if reason := _not_free(incoming.case, destination.labeled, test):
            refusals.append(str(refusal(incoming.case, reason, "rename it or leave it out")))
        elif unlabeled.has_from(incoming):
            present.append(incoming.case)
        else:
            cases.append(incoming)
    return Newcomers(tuple(cases), tuple(present), tuple(refusals), tuple(arrivals.warnings))


def _not_free(case: str, labeled: Collection[str], test: Collection[str]) -> str | None:
    """Why an identifier cannot be an unlabeled case's."""
    if case in labeled:
        return "a labeled case is called so"
    if case in test:
        return "a case in imagesTs is called so"
    if case.endswith("_seg"):
        return "its name ends in _seg, which nnU-Net keeps for its own files"
    return None
