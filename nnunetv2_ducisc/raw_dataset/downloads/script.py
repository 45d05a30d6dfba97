"""The command line that all scripts in dataset_conversion/ share."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from nnunetv2_ducisc.arguments import dataset_number, number_or_list, positive_number, seed_number
from nnunetv2_ducisc.console import print_any_character
from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.raw_dataset.downloads.assignment import assign
from nnunetv2_ducisc.raw_dataset.downloads.conversion import Conversion
from nnunetv2_ducisc.raw_dataset.downloads.inputs import check_folder
from nnunetv2_ducisc.raw_dataset.downloads.source import Download, Source
from nnunetv2_ducisc.raw_dataset.downloads.split import Split, read_split
from nnunetv2_ducisc.raw_dataset.downloads.summary import warning_lines
from nnunetv2_ducisc.raw_dataset.folders import raw_folder
from nnunetv2_ducisc.raw_dataset.replacing import next_commands, number_of

DRAWN = "drawn"  # the name of a split that nobody has published


def main(source: Source, arguments: Sequence[str] | None = None) -> int:
    """Convert a download; bad input is a sentence on stderr and exit status 1."""
    print_any_character()
    options = _parser(source).parse_args(arguments)
    try:
        conversion = _conversion(source, options)
        conversion.check(options.overwrite)
        if options.dry_run:
            return _list(conversion)
        print(f"{source.title}, {conversion.download.version}: to {conversion.folder}")
        conversion.run(options.processes, options.overwrite)
    except DuCiSCError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped: repeat the command to go on, what is done is kept.", file=sys.stderr)
        return 130  # what a shell reports for a command that Ctrl-C ended
    fold = "0" if conversion.assignment.folds else "all"
    print(next_commands(conversion.folder.name, conversion.labeled, fold))
    return 0


def _list(conversion: Conversion) -> int:
    """What would be written, and apart from it what is odd."""
    print(conversion.listing)
    print(*warning_lines(conversion.warnings), sep="\n", file=sys.stderr)
    return 0


def _conversion(source: Source, options: argparse.Namespace) -> Conversion:
    """Look at the download and decide what is to be written."""
    raw = raw_folder()
    download = source.find(check_folder(options.input, "-i"))
    if source.find_labels:
        download = download.with_labels(source.find_labels(check_folder(options.labels, "-l")))
    split, chosen_by = _split(source, download, options)
    return Conversion(
        source,
        download,
        split,
        assign(download, split, options.labeled, source.withdrawn),
        options.protocol,
        options.withheld_labels,
        {"labeled": options.labeled, **chosen_by},
        raw / f"Dataset{options.to:03d}{source.dataset[len('Dataset000') :]}",
    )


def _split(
    source: Source, download: Download, options: argparse.Namespace
) -> tuple[Split, dict[str, str | int]]:
    """The lists, and what they were chosen by."""
    is_drawn = bool(source.draw) and options.split in (None, DRAWN) and not options.split_file
    if options.seed is not None and not is_drawn:
        raise DuCiSCError("--seed is of a drawn split, but the lists are given: leave it out.")
    if options.split_file:
        return read_split(options.split_file), {"split_file": options.split_file.name}
    if source.draw and is_drawn:
        seed = options.seed or 0
        return source.draw(download, seed), {"split": DRAWN, "seed": seed}
    name = options.split or next(iter(source.splits))
    return source.splits[name](download), {"split": name}


def _parser(source: Source) -> argparse.ArgumentParser:
    """The options that make sense for this data set."""
    parser = argparse.ArgumentParser(
        description=f"{source.title} -> nnUNet_raw/{source.dataset} with unlabeled cases. "
        f"Cite: {source.reference}. Licence: {source.licence}."
    )
    _add_input(parser, source)
    _add_lists(parser, source)
    _add_output(parser, source)
    return parser


def _add_input(parser: argparse.ArgumentParser, source: Source) -> None:
    parser.add_argument(
        "-i", dest="input", metavar="FOLDER", type=Path, required=True, help="unpacked download"
    )
    if source.find_labels:
        parser.add_argument(
            "-l", dest="labels", metavar="FOLDER", type=Path, required=True, help="the labels"
        )


def _add_lists(parser: argparse.ArgumentParser, source: Source) -> None:
    parser.add_argument(
        "--labeled",
        metavar="K|FILE",
        type=number_or_list,
        required=True,
        help="the first K of the training list are labeled, or those that a text file names, one "
        "a line; the rest is unlabeled",
    )
    names = [*([DRAWN] if source.draw else []), *source.splits]
    lists = parser.add_mutually_exclusive_group()
    lists.add_argument("--split", choices=names, help=f"the lists (default: {names[0]})")
    lists.add_argument(
        "--split-file", metavar="FILE", type=Path, help="JSON file with lists train, test and val"
    )
    parser.set_defaults(seed=None)
    if source.draw:
        parser.add_argument(
            "--seed", metavar="N", type=seed_number, help="of the drawn split (default: 0)"
        )


def _add_output(parser: argparse.ArgumentParser, source: Source) -> None:
    parser.add_argument(
        "--protocol", choices=source.protocols, default=next(iter(source.protocols))
    )
    parser.add_argument(
        "--no-withheld-labels",
        dest="withheld_labels",
        action="store_false",
        help="leave labelsUn out: analysis of pseudo labels will not be possible",
    )
    parser.add_argument(
        "--to",
        metavar="NUMBER",
        type=dataset_number,
        default=number_of(source.dataset),
        help="number of the dataset (default: %(default)s)",
    )
    parser.add_argument("-np", dest="processes", metavar="N", type=positive_number, default=4)
    parser.add_argument("--overwrite", action="store_true", help="replace an earlier conversion")
    parser.add_argument(
        "--dry-run", action="store_true", help="list what would be written; warnings go to stderr"
    )
