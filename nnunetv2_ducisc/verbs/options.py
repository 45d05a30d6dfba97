"""Options that several verbs take, named as nnU-Net names them."""

from __future__ import annotations

from argparse import ArgumentParser

from nnunetv2_ducisc.arguments import positive_number


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


def trainer(parser: ArgumentParser) -> None:
    """-tr."""
    parser.add_argument(
        "-tr",
        dest="trainer",
        metavar="TRAINER",
        default="nnUNetTrainerDuCiSC",
        help="default: %(default)s",
    )


def checkpoint(parser: ArgumentParser) -> None:
    """-chk."""
    parser.add_argument(
        "-chk",
        dest="checkpoint",
        metavar="FILE",
        default="checkpoint_final.pth",
        help="default: %(default)s; the teacher is checkpoint_final_teacher.pth",
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
    """--copy."""
    parser.add_argument(
        "--copy",
        dest="hard_links",
        action="store_false",
        help="make files of their own instead of hard links, which are one file under two names: "
        "what is changed in place under one name changes under the other",
    )


def dry_run(parser: ArgumentParser, text: str) -> None:
    """--dry-run."""
    parser.add_argument("--dry-run", action="store_true", help=text)
