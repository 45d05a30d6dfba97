"""The options that verbs of the command line take, named as nnU-Net names them."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path

from nnunetv2_ducisc.arguments import (
    dataset_number,
    number_or_list,
    positive_number,
    seed_number,
)


def dataset(parser: ArgumentParser, required: bool = True) -> None:
    """-d."""
    parser.add_argument(
        "-d",
        dest="dataset",
        metavar="DATASET",
        required=required,
        help="number or name of the dataset",
    )


def configuration(parser: ArgumentParser, required: bool = True) -> None:
    """-c and -p."""
    parser.add_argument(
        "-c",
        dest="configuration",
        metavar="CONFIG",
        required=required,
        help="configuration in the plans, like 3d_fullres",
    )
    parser.add_argument(
        "-p", dest="plans", metavar="PLANS", default="nnUNetPlans", help="default: %(default)s"
    )


def processes(parser: ArgumentParser) -> None:
    """-np."""
    parser.add_argument(
        "-np",
        dest="processes",
        metavar="N",
        type=positive_number,
        help="processes at work (default: nnU-Net's nnUNet_def_n_proc, else 8)",
    )


def copy(parser: ArgumentParser) -> None:
    """Of ``withhold``: which copy of a dataset."""
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
    _dry_run(parser, "list what would be written")


def images(parser: ArgumentParser) -> None:
    """Of ``add-unlabeled``: what to add."""
    parser.add_argument(
        "images",
        metavar="IMAGE",
        type=Path,
        nargs="+",
        help="image file, folder of image files (folders in it are not searched), or folder of one "
        "DICOM series, which gives the case its name",
    )
    _dry_run(parser, "list what would be written, judged by names alone")


def model(parser: ArgumentParser) -> None:
    """Of ``export``: which model, and where to."""
    parser.add_argument(
        "-tr",
        dest="trainer",
        metavar="TRAINER",
        default="nnUNetTrainerDuCiSC",
        help="default: %(default)s",
    )
    parser.add_argument(
        "-f",
        dest="folds",
        metavar="FOLD",
        nargs="+",
        default=["0", "1", "2", "3", "4"],
        help="the folds to export (default: 0 1 2 3 4)",
    )
    parser.add_argument(
        "-chk",
        dest="checkpoint",
        metavar="FILE",
        default="checkpoint_final.pth",
        help="default: %(default)s; the teacher is checkpoint_final_teacher.pth",
    )
    parser.add_argument(
        "-o",
        dest="output",
        metavar="OUT",
        type=Path,
        required=True,
        help="the model folder to write, which must not exist",
    )


def _dry_run(parser: ArgumentParser, text: str) -> None:
    parser.add_argument("--dry-run", action="store_true", help=text)
