"""``ducisc add-unlabeled``."""

from __future__ import annotations

from argparse import ArgumentParser
from dataclasses import dataclass
from pathlib import Path

from nnunetv2_ducisc.verbs import options


@dataclass(frozen=True)
class AddUnlabeled:
    """Check images and add them to the unlabeled ones of a dataset."""

    dataset: str
    images: list[Path]
    processes: int | None
    hard_links: bool
    dry_run: bool

    @staticmethod
    def add_options(parser: ArgumentParser) -> None:
        """Which images for which dataset."""
        options.dataset(parser)
        parser.add_argument(
            "images",
            metavar="IMAGE",
            type=Path,
            nargs="+",
            help="image file, folder of image files, or folder that is searched for DICOM "
            "series at any depth; a series gets the names of the folders from IMAGE to it",
        )
        options.processes(parser)
        options.copy(parser)
        options.dry_run(parser, "list what would be written, judged by names alone")

    def run(self) -> int:
        """Add what is sound and new; the exit status is 1 if that is not all."""
        from nnunetv2.configuration import default_num_processes

        from nnunetv2_ducisc.raw_dataset.adding.add_unlabeled import add_unlabeled

        processes = self.processes or default_num_processes
        add_unlabeled(self.dataset, self.images, processes, self.dry_run, self.hard_links)
        return 0
