"""Runs units as jobs of a cluster, through submitit."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from tqdm import tqdm

from nnunetv2_ducisc.benchmark.execution.here import Outcome
from nnunetv2_ducisc.benchmark.execution.submitted import Submitted, is_over
from nnunetv2_ducisc.benchmark.units.unit import Unit
from nnunetv2_ducisc.errors import DuCiSCError, one_line

_TIME = {"timeout_min", "slurm_time"}


@dataclass(frozen=True)
class UnitJob:
    """What a job runs."""

    unit: Unit

    def __call__(self) -> str | None:
        """Do what is left; what went wrong, or None."""
        return self.unit.run()

    def checkpoint(self) -> Any:  # noqa: ANN401 (submitit is an extra)
        """A job that runs out of time or is preempted is queued again, and goes on."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)


@dataclass(frozen=True)
class Cluster:
    """A runner: every stage is one array of jobs, whose end is waited for here.

    Attributes:
        folder: for what submitit writes.
        parameters: of its ``update_parameters``.
        name: of its executor: "slurm", or "local" for processes on this machine.
        pause: seconds between two looks at the jobs.
    """

    folder: Path
    parameters: Mapping[str, Any]
    name: str = "slurm"
    pause: float = 10

    def __call__(self, units: Sequence[Unit]) -> Iterator[Outcome]:
        """Submit what no earlier call has under way, and yield the units as they finish.

        Raises:
            DuCiSCError: submitit is not installed, there is no such cluster, it takes no such
                parameters, or none says how long a job may take.
        """
        if not units:
            return
        self._check_time()
        begun = self._begun(units)
        new = [unit for unit in units if unit not in begun.values()]
        waiting = begun | (self._submit(new) if new else {})
        while waiting:
            for job in [job for job in waiting if job.done()]:
                unit, reason = waiting.pop(job), _outcome(job)
                if job in begun and reason is None and not unit.is_done:
                    waiting.update(self._submit([unit]))  # the earlier call's plan asked for less
                else:
                    yield unit, reason
            if waiting:
                time.sleep(self.pause)

    def _check_time(self) -> None:
        if self.name == "slurm" and not _TIME & self.parameters.keys():
            raise DuCiSCError(
                "The plan does not say how long a job may take, and submitit's default is five "
                "minutes: write something like slurm: {timeout_min: 1440, gpus_per_node: 1, "
                "cpus_per_task: 12, mem_gb: 48} into it."
            )

    def _begun(self, units: Sequence[Unit]) -> dict[Any, Unit]:
        """Job -> unit, of an earlier call and not over; those of this machine never outlive it."""
        if self.name != "slurm":
            return {}
        ids = Submitted(self.folder).jobs()
        job_class = _submitit().SlurmJob
        jobs = {job_class(self.folder, ids[u.name]): u for u in units if u.name in ids}
        begun = {job: unit for job, unit in jobs.items() if not is_over(job, unit.name)}
        for job, unit in begun.items():
            tqdm.write(f"{unit.name}: waiting for job {job.job_id}, which was submitted before")
        return begun

    def _submit(self, units: Sequence[Unit]) -> dict[Any, Unit]:
        """Job -> unit."""
        submitit = _submitit()
        try:
            executor = submitit.AutoExecutor(self.folder, cluster=self.name)
            executor.update_parameters(**{"name": "ducisc", **self.parameters})
            jobs = executor.submit_array([UnitJob(unit) for unit in units])
        except (RuntimeError, NameError, TypeError, ValueError, OSError) as error:
            raise DuCiSCError(
                f"The jobs cannot be submitted ({one_line(error)}): see to slurm in the plan, or "
                "run the command where sbatch works."
            ) from error
        submitted = dict(zip(jobs, units, strict=True))
        Submitted(self.folder).note({unit.name: job.job_id for job, unit in submitted.items()})
        return submitted


def _submitit() -> ModuleType:
    try:
        import submitit
    except ImportError as error:
        raise DuCiSCError(
            "--slurm needs submitit, which is not installed: run pip install "
            '"nnunetv2-ducisc[slurm]".'
        ) from error
    return submitit


def _outcome(job: Any) -> str | None:  # noqa: ANN401 (submitit is an extra)
    """What a finished job says went wrong; submitit's own words where it never got so far."""
    error = job.exception()
    return job.result() if error is None else f"{one_line(error)}, see {job.paths.stderr}"
