"""``ducisc benchmark``."""

from __future__ import annotations

from argparse import ArgumentParser
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Benchmark:
    """Compare methods by a plan: label counts, seeds and folds, all with stock commands."""

    plan: Path
    work: Path
    slurm: bool
    scripts: Path | None
    unit: str | None
    dry_run: bool

    @staticmethod
    def add_options(parser: ArgumentParser) -> None:
        """The plan, the folder, and where it is run."""
        parser.add_argument("plan", metavar="PLAN.yaml", type=Path, help="what is compared")
        parser.add_argument(
            "-o",
            dest="work",
            metavar="WORK",
            type=Path,
            required=True,
            help="folder for everything that is written; what is done there is not done again",
        )
        where = parser.add_mutually_exclusive_group()
        where.add_argument(
            "--slurm",
            action="store_true",
            help="run the units as SLURM jobs, with the parameters below slurm in the plan",
        )
        where.add_argument(
            "--print-jobs",
            dest="scripts",
            metavar="DIR",
            type=Path,
            help="write a job script for each unit instead of running any",
        )
        where.add_argument("--unit", metavar="NAME", help="run this unit alone")
        where.add_argument(
            "--dry-run", action="store_true", help="list the units and their commands"
        )

    def run(self) -> int:
        """Run what is not done, and make the table at the end."""
        from nnunetv2_ducisc.benchmark.benchmark import plan_benchmark
        from nnunetv2_ducisc.benchmark.execution.here import run_here
        from nnunetv2_ducisc.benchmark.execution.slurm import Cluster
        from nnunetv2_ducisc.benchmark.plan.reading import read_plan
        from nnunetv2_ducisc.benchmark.session import listing, print_jobs, run_benchmark, run_unit

        benchmark = plan_benchmark(read_plan(self.plan), self.work.absolute())
        if self.dry_run:
            print(*listing(benchmark), sep="\n")
        elif self.scripts:
            print_jobs(benchmark, self.scripts.absolute())
        elif self.unit:
            run_unit(benchmark, self.unit)
        else:
            slurm = Cluster(benchmark.work / "slurm", benchmark.plan.slurm)
            run_benchmark(benchmark, slurm if self.slurm else run_here)
        return 0
