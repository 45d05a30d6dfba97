"""imagesUn -> the ``_unlabeled`` sibling of the preprocessed folder, by the plans' preprocessor."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from tqdm import tqdm

from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.nnunet.preprocessing_case import CaseJob, install, preprocess_case
from nnunetv2_ducisc.nnunet.unlabeled_data import UnlabeledData
from nnunetv2_ducisc.workers import as_they_finish, processes


def prepare_unlabeled(
    data: UnlabeledData, num_processes: int, may_preprocess: bool = True
) -> tuple[Path, list[str]]:
    """Preprocess the unlabeled cases that are missing or whose image or plans have changed.

    A case appears whole or not at all, and two processes may do this at once. Labels are not
    looked for. Cases that are no longer in imagesUn are left on the disk, but not returned.

    Args:
        data: where the cases are, and the plans.
        num_processes: worker processes; 1 means none but this one.
        may_preprocess: whether a missing case is made, or is an error (under several GPUs, where
            the other processes would wait until they time out).

    Returns:
        The ``<data_identifier>_unlabeled`` folder, and the sorted identifiers of the cases in
        imagesUn, all of which are in it and current.

    Raises:
        DuCiSCError: imagesUn cannot be used, or a line for each case that cannot; the other cases
            are preprocessed all the same.
    """
    cases = data.cases()
    missing = data.missing(cases)
    if missing and not may_preprocess:
        raise DuCiSCError(
            f"{len(missing)} of {len(cases)} unlabeled cases are not preprocessed from their "
            f"present images and plans, {next(iter(missing))} among them: run {data.command()} "
            "before you train on several GPUs."
        )
    if missing:
        with locked(data.folder):
            _preprocess(data, cases, num_processes)
    return data.folder, list(cases)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Be the only one who writes into the folder; clean up behind those who were killed.

    The lock lies beside the folder, since nnU-Net expects nothing but cases in it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(f"{folder}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        print(
            f"Waiting for another process that writes unlabeled cases into {folder}.",
            flush=True,
        )
        lock.acquire()
    try:
        for stale in folder.parent.glob(f"{folder.name}.tmp-*"):
            shutil.rmtree(stale, ignore_errors=True)  # a dying worker may still write into it
        yield
    finally:
        lock.release()


def _preprocess(data: UnlabeledData, cases: dict[str, list[Path]], num_processes: int) -> None:
    """Preprocess what is missing by now (somebody else may have had the lock)."""
    missing = data.missing(cases)
    if not missing:
        return
    with tempfile.TemporaryDirectory(
        prefix=f"{data.folder.name}.tmp-", dir=data.folder.parent, ignore_cleanup_errors=True
    ) as temporary:
        jobs = [
            CaseJob(case, cases[case], source, Path(temporary) / case, data)
            for case, source in missing.items()
        ]
        failures = list(_failures(data, jobs, max(1, min(num_processes, len(jobs)))))
    if failures:
        raise DuCiSCError("\n".join(map(str, failures))) from failures[0]


def _failures(
    data: UnlabeledData, jobs: list[CaseJob], num_processes: int
) -> Iterator[DuCiSCError]:
    """Run the jobs, move what they have written into place, and yield what went wrong."""
    in_flight = 1 if num_processes == 1 else 2 * num_processes
    with (
        tqdm(desc="Preprocessing unlabeled cases", total=len(jobs)) as progress,
        processes(num_processes) as executor,
    ):
        try:
            for finished in as_they_finish(executor, preprocess_case, jobs, in_flight):
                if (error := finished.exception()) is None:
                    install(finished.result(), data.folder)
                elif isinstance(error, DuCiSCError):
                    yield error
                else:
                    raise error
                progress.update()
        except BrokenProcessPool as error:
            yield _killed(data, num_processes, error)


def _killed(data: UnlabeledData, num_processes: int, error: BrokenProcessPool) -> DuCiSCError:
    """What to tell of a worker that was killed."""
    sentence = (
        f"One of {num_processes} worker processes was killed while preprocessing unlabeled cases, "
        "most likely because memory ran out: run "
        f"{data.command(f' -np {num_processes // 2}')}, which has fewer workers."
    )
    killed = DuCiSCError(sentence)
    killed.__cause__ = error
    return killed
