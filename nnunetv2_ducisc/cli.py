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

from nnunetv2_ducisc import __version__, options_of
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
    dry_run: bool

    def run(self) -> int:
        """Write the copy, or list it, and say what comes next."""
        from nnunetv2_ducisc.raw_dataset.withhold import next_commands, plan_copy

        copy = plan_copy(
            self.dataset,
            self.to,
            self.labeled,
            self.seed,
            self.groups,
            self.withheld_labels,
            self.overwrite,
        )
        if self.dry_run:
            print(copy.listing)
        else:
            copy.run(self.overwrite)
            print(next_commands(copy))
        return 0


@dataclass(frozen=True)
class AddUnlabeled:
    """Check images and add them to the unlabeled ones of a dataset."""

    dataset: str
    images: list[Path]
    processes: int | None
    dry_run: bool

    def run(self) -> int:
        """Add what is sound and new; the exit status is 1 if that is not all."""
        from nnunetv2.configuration import default_num_processes

        from nnunetv2_ducisc.raw_dataset.add_unlabeled import add_unlabeled

        processes = self.processes or default_num_processes
        add_unlabeled(self.dataset, self.images, processes, self.dry_run)
        return 0


Verb = Doctor | Preprocess | Export | Withhold | AddUnlabeled


def parse(arguments: Sequence[str] | None = None) -> Verb:
    """The verb that the arguments ask for; its options are named as nnU-Net names them."""
    parser = argparse.ArgumentParser(
        prog="ducisc", description="Semi-supervised training inside nnU-Net v2."
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    doctor = _add_verb(verbs, "doctor", Doctor)
    options_of.dataset(doctor, required=False)
    options_of.configuration(doctor, required=False)
    withhold = _add_verb(verbs, "withhold", Withhold)
    options_of.dataset(withhold)
    options_of.copy(withhold)
    add_unlabeled = _add_verb(verbs, "add-unlabeled", AddUnlabeled)
    options_of.dataset(add_unlabeled)
    options_of.images(add_unlabeled)
    options_of.processes(add_unlabeled)
    preprocess = _add_verb(verbs, "preprocess", Preprocess)
    options_of.dataset(preprocess)
    options_of.configuration(preprocess)
    options_of.processes(preprocess)
    export = _add_verb(verbs, "export", Export)
    options_of.dataset(export)
    options_of.configuration(export)
    options_of.model(export)
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
