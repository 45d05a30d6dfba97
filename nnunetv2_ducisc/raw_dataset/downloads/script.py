"""The command line that all scripts in dataset_conversion/ share."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from nnunetv2_ducisc.arguments import number_or_list, positive_number, seed_number
from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.raw_dataset.downloads.assignment import assign
from nnunetv2_ducisc.raw_dataset.downloads.conversion import Conversion
from nnunetv2_ducisc.raw_dataset.downloads.inputs import check_folder
from nnunetv2_ducisc.raw_dataset.downloads.source import Source
from nnunetv2_ducisc.raw_dataset.downloads.split import read_split
from nnunetv2_ducisc.raw_dataset.folders import folder_variable, raw_folder


def main(source: Source, arguments: Sequence[str] | None = None) -> int:
    """Convert a download; bad input is a sentence on stderr and exit status 1."""
    options = _parser(source).parse_args(arguments)
    try:
        conversion = _conversion(source, options)
        if options.dry_run:
            print(conversion.listing())
            return 0
        print(f"{source.title}, {conversion.download.version}: to {conversion.folder}")
        conversion.run(options.processes, options.overwrite)
    except DuCiSCError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130  # what a shell reports for a command that Ctrl-C ended
    _say_next(conversion)
    return 0


def _conversion(source: Source, options: argparse.Namespace) -> Conversion:
    """Look at the download and decide what is to be written."""
    raw = raw_folder()
    labels = check_folder(options.labels, "-l") if source.separate_labels else None
    download = source.find(check_folder(options.input, "-i"), labels)
    if options.split_file:
        split = read_split(options.split_file)
    else:
        split = source.splits[options.split](download, options.seed)
    assignment = assign(download, split, options.labeled, source.withdrawn)
    return Conversion(
        source,
        download,
        split,
        assignment,
        options.protocol,
        options.withheld_labels,
        raw,
        folder_variable("nnUNet_preprocessed"),
    )


def _say_next(conversion: Conversion) -> None:
    """The commands that come now."""
    number = conversion.source.dataset[len("Dataset") :].partition("_")[0]
    fold = "0" if conversion.assignment.folds else "all"
    print(f"nnUNetv2_plan_and_preprocess -d {number} --verify_dataset_integrity")
    print(f"nnUNetv2_train {number} CONFIGURATION {fold} -tr nnUNetTrainerDuCiSC")


def _parser(source: Source) -> argparse.ArgumentParser:
    """The options that make sense for this data set."""
    parser = argparse.ArgumentParser(
        description=f"{source.title} -> nnUNet_raw/{source.dataset} with unlabeled cases. "
        f"Cite: {source.reference}. Licence: {source.licence}."
    )
    parser.add_argument(
        "-i", dest="input", metavar="FOLDER", type=Path, required=True, help="unpacked download"
    )
    if source.separate_labels:
        parser.add_argument(
            "-l", dest="labels", metavar="FOLDER", type=Path, required=True, help="the labels"
        )
    parser.add_argument(
        "--labeled",
        metavar="K|FILE",
        type=number_or_list,
        required=True,
        help="the first K of the training list are labeled, or those that a text file names, one "
        "a line; the rest is unlabeled",
    )
    parser.add_argument("--split", choices=source.splits, default=next(iter(source.splits)))
    parser.add_argument(
        "--split-file", metavar="FILE", type=Path, help="JSON file with lists train, test and val"
    )
    parser.add_argument(
        "--seed",
        type=seed_number,
        default=0,
        help="of a drawn split" if source.drawn else argparse.SUPPRESS,
    )
    parser.add_argument(
        "--protocol", choices=source.protocols, default=next(iter(source.protocols))
    )
    parser.add_argument(
        "--no-withheld-labels",
        dest="withheld_labels",
        action="store_false",
        help="leave labelsUn out: analysis of pseudo labels will not be possible",
    )
    parser.add_argument("-np", dest="processes", metavar="N", type=positive_number, default=4)
    parser.add_argument("--overwrite", action="store_true", help="replace the dataset")
    parser.add_argument("--dry-run", action="store_true", help="list what would be written")
    return parser
