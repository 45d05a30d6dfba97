"""``ducisc VERB``: the command line. Parse -> dataclass -> run.

What a verb needs is imported when it runs: ``ducisc --help`` must not wait for torch, and ``ducisc
doctor`` must work where torch or nnU-Net do not.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nnunetv2_ducisc import __version__
from nnunetv2_ducisc.arguments import positive_number
from nnunetv2_ducisc.errors import DuCiSCError


@dataclass(frozen=True)
class Doctor:
    """Check the installation and, with -d, a dataset; say what to do about what is wrong."""

    dataset: str | None
    configuration: str | None
    plans: str

    def run(self) -> int:
        """Print a line for each check; the exit status is 1 if one failed."""
        from nnunetv2_ducisc.doctor import diagnose

        return 0 if diagnose(self.dataset, self.configuration, self.plans) else 1


@dataclass(frozen=True)
class Preprocess:
    """Preprocess the unlabeled images of a dataset now, as training would when it starts."""

    dataset: str
    configuration: str
    plans: str
    processes: int | None

    def run(self) -> int:
        """Preprocess what is missing or out of date."""
        from nnunetv2.configuration import default_num_processes

        from nnunetv2_ducisc.nnunet.preprocessing import prepare_unlabeled
        from nnunetv2_ducisc.nnunet.unlabeled_data import UnlabeledData

        data = UnlabeledData.named(self.dataset, self.configuration, self.plans)
        folder, cases = prepare_unlabeled(data, self.processes or default_num_processes)
        print(f"{len(cases)} unlabeled cases are preprocessed in {folder}.")
        return 0


@dataclass(frozen=True)
class Export:
    """Write a trained model as one that stock nnU-Net predicts with, without this package."""

    dataset: str
    configuration: str
    plans: str
    trainer: str
    folds: list[str]
    checkpoint: str
    output: Path

    def run(self) -> int:
        """Copy the model and say how to predict with it."""
        from nnunetv2_ducisc.nnunet.export import export_model
        from nnunetv2_ducisc.nnunet.names import model_folder

        source = model_folder(self.dataset, self.trainer, self.plans, self.configuration)
        export_model(source, self.folds, self.checkpoint, self.output)
        print(
            f"{self.output} is written; stock nnU-Net predicts with it: nnUNetv2_predict_from_"
            f"modelfolder -i INPUT -o OUTPUT -m {self.output} -f {' '.join(self.folds)}"
        )
        return 0


def parse(arguments: Sequence[str] | None = None) -> Doctor | Preprocess | Export:
    """The verb that the arguments ask for; its options are named as nnU-Net names them."""
    parser = argparse.ArgumentParser(
        prog="ducisc", description="Semi-supervised training inside nnU-Net v2."
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    doctor = _add_verb(verbs, "doctor", Doctor)
    _add_dataset(doctor, required=False)
    preprocess = _add_verb(verbs, "preprocess", Preprocess)
    _add_dataset(preprocess, required=True)
    preprocess.add_argument(
        "-np",
        dest="processes",
        metavar="N",
        type=positive_number,
        help="processes at work (default: nnU-Net's nnUNet_def_n_proc, else 8)",
    )
    export = _add_verb(verbs, "export", Export)
    _add_dataset(export, required=True)
    _add_model(export)
    options = vars(parser.parse_args(arguments))
    verb = options.pop("verb")
    if verb is Doctor and options["configuration"] and not options["dataset"]:
        doctor.error("-c was given without -d: add -d DATASET")
    return verb(**options)


def _add_verb(verbs: argparse._SubParsersAction, name: str, verb: type) -> argparse.ArgumentParser:
    """A verb's parser, which describes it as its class does."""
    text = (verb.__doc__ or "").strip()
    parser = verbs.add_parser(name, help=text, description=text)
    parser.set_defaults(verb=verb)
    return parser


def _add_dataset(parser: argparse.ArgumentParser, required: bool) -> None:
    parser.add_argument(
        "-d",
        dest="dataset",
        metavar="DATASET",
        required=required,
        help="number or name of the dataset",
    )
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


def _add_model(parser: argparse.ArgumentParser) -> None:
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


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; bad input is one sentence on stderr and exit status 1."""
    verb = parse(arguments)
    try:
        return verb.run()
    except DuCiSCError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130  # what a shell reports for a command that Ctrl-C ended
