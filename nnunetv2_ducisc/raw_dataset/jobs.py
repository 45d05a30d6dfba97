"""Many independent jobs behind a progress bar."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from tqdm import tqdm

from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.workers import as_they_finish, processes

Job = TypeVar("Job")
Result = TypeVar("Result")


def run_jobs(
    description: str,
    work: Callable[[Job], Result],
    jobs: Sequence[Job],
    num_processes: int,
    unit: str = "case",
) -> Iterator[Result | DuCiSCError]:
    """Run the jobs in worker processes, and yield what comes out as they finish.

    Args:
        description: of the progress bar.
        work: a function of module level; a ``DuCiSCError`` of it is a result like others.
        jobs: its arguments.
        num_processes: workers; 1 means none but this process.
        unit: what a job is, for the progress bar.
    """
    number = max(1, min(num_processes, len(jobs)))
    with (
        tqdm(desc=description, total=len(jobs), unit=unit, disable=not jobs) as progress,
        processes(number) as executor,
    ):
        for finished in as_they_finish(executor, work, jobs, 1 if number == 1 else 2 * number):
            error = finished.exception()
            if isinstance(error, DuCiSCError):
                yield error
            elif error is not None:
                raise error
            else:
                yield finished.result()
            progress.update()
