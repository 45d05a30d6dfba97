"""``ducisc VERB``: the command line."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Protocol

from nnunetv2_ducisc import __version__
from nnunetv2_ducisc.console import print_any_character
from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.verbs.add_unlabeled import AddUnlabeled
from nnunetv2_ducisc.verbs.analyze import Analyze
from nnunetv2_ducisc.verbs.benchmark import Benchmark
from nnunetv2_ducisc.verbs.compare import Compare
from nnunetv2_ducisc.verbs.doctor import Doctor
from nnunetv2_ducisc.verbs.evaluate import Evaluate
from nnunetv2_ducisc.verbs.export import Export
from nnunetv2_ducisc.verbs.preprocess import Preprocess
from nnunetv2_ducisc.verbs.withhold import Withhold


class Verb(Protocol):
    """A dataclass whose fields are the verb's options, and whose docstring is its help."""

    @staticmethod
    def add_options(parser: argparse.ArgumentParser) -> None:
        """Declare the options."""

    def run(self) -> int:
        """Do it and return the exit status; bad input is a ``DuCiSCError``."""
        ...


VERBS: dict[str, type[Verb]] = {
    "doctor": Doctor,
    "withhold": Withhold,
    "add-unlabeled": AddUnlabeled,
    "preprocess": Preprocess,
    "export": Export,
    "compare": Compare,
    "evaluate": Evaluate,
    "analyze": Analyze,
    "benchmark": Benchmark,
}


def parse(arguments: Sequence[str] | None = None) -> Verb:
    """The verb that the arguments ask for."""
    parser = argparse.ArgumentParser(
        prog="ducisc", description="Semi-supervised training inside nnU-Net v2."
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    for name, verb in VERBS.items():
        text = (verb.__doc__ or "").strip()
        of_verb = verbs.add_parser(name, help=text, description=text)
        of_verb.set_defaults(verb=verb)
        verb.add_options(of_verb)
    options = vars(parser.parse_args(arguments))
    return options.pop("verb")(**options)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; bad input is one sentence on stderr and exit status 1."""
    print_any_character()
    try:
        return _run(parse(arguments))
    except BrokenPipeError:
        if not _nobody_reads():
            raise
        return 141  # what a shell reports for a command whose reader, such as head, has gone
    except KeyboardInterrupt:
        return 130  # what a shell reports for a command that Ctrl-C ended


def _run(verb: Verb) -> int:
    try:
        status = verb.run()
    except DuCiSCError as error:
        print(error, file=sys.stderr)
        status = 1
    sys.stdout.flush()  # here, where an error is caught, and not at the interpreter's end
    return status


def _nobody_reads() -> bool:
    """Whether standard output is the pipe that broke; what is left of it then goes nowhere."""
    try:
        print(flush=True)  # what the failed print held is dropped, and a flush alone would succeed
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return True
    return False
