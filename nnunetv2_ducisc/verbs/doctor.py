"""``ducisc doctor``."""

from __future__ import annotations

from argparse import ArgumentParser
from dataclasses import dataclass

from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.verbs import options


@dataclass(frozen=True)
class Doctor:
    """Check the installation and, with -d, a dataset; say what to do about what is wrong."""

    dataset: str | None
    configuration: str | None
    plans: str

    @staticmethod
    def add_options(parser: ArgumentParser) -> None:
        """-d, -c and -p, none of them required."""
        options.dataset(parser, required=False)
        options.configuration(parser, required=False)

    def run(self) -> int:
        """Print a line for each check; the exit status is 1 if one failed."""
        from nnunetv2_ducisc.doctor import diagnose

        if self.configuration and not self.dataset:
            raise DuCiSCError("-c was given without -d: add -d DATASET.")
        return 0 if diagnose(self.dataset, self.configuration, self.plans) else 1
