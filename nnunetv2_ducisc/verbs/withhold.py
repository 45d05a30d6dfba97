"""``ducisc withhold``."""

from __future__ import annotations

from argparse import ArgumentParser
from dataclasses import dataclass
from pathlib import Path

from nnunetv2_ducisc.arguments import dataset_number, number_or_list, seed_number
from nnunetv2_ducisc.verbs import options


@dataclass(frozen=True)
class Withhold:
    """Copy a labeled dataset, and withhold the labels of all but some cases."""

    dataset: str
    labeled: int | list[str]
    seed: int
    to: int
    groups: Path | None
    withheld_labels: bool
    overwrite: bool
    hard_links: bool
    dry_run: bool

    @staticmethod
    def add_options(parser: ArgumentParser) -> None:
        """Which copy of which dataset."""
        options.dataset(parser)
        parser.add_argument(
            "--labeled",
            metavar="K|FILE",
            type=number_or_list,
            required=True,
            help="how many cases stay labeled, or a text file that names them, one a line; with "
            "--groups, how many or which groups",
        )
        parser.add_argument(
            "--seed",
            metavar="N",
            type=seed_number,
            default=0,
            help="of the draw; the draw of K is part of the draw of K+1 (default: %(default)s)",
        )
        parser.add_argument(
            "--to", metavar="NUMBER", type=dataset_number, required=True, help="number of the copy"
        )
        parser.add_argument(
            "--groups",
            metavar="FILE",
            type=Path,
            help="text or CSV file with the group of each case (its patient), CASE,GROUP a line; "
            "groups stay whole",
        )
        parser.add_argument(
            "--no-withheld-labels",
            dest="withheld_labels",
            action="store_false",
            help="leave labelsUn out: analysis of pseudo labels will not be possible",
        )
        parser.add_argument("--overwrite", action="store_true", help="replace an earlier copy")
        options.copy(parser)
        options.dry_run(parser, "list what would be written")

    def run(self) -> int:
        """Write the copy, or list it, and say what comes next."""
        from nnunetv2_ducisc.raw_dataset.withholding.withhold import commands_after, plan_copy

        copy = plan_copy(
            self.dataset,
            self.to,
            self.labeled,
            self.seed,
            self.groups,
            self.withheld_labels,
            self.overwrite,
            self.hard_links,
        )
        if self.dry_run:
            print(copy.listing)
        else:
            copy.run(self.overwrite)
            print(commands_after(copy))
        return 0
