"""Background processes for many independent jobs, a few of which wait at any time."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import (
    FIRST_COMPLETED,
    Executor,
    Future,
    ProcessPoolExecutor,
    wait,
)
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from typing import Any, TypeVar

from nnunetv2_ducisc.errors import DuCiSCError

Job = TypeVar("Job")
Result = TypeVar("Result")


@contextmanager
def processes(number: int) -> Iterator[Executor]:
    """Spawn worker processes; no job starts any more once this context is left, in whatever way.

    Ctrl-C ends the workers at once and without their tracebacks, and the death of this process
    ends them too. With one worker the jobs run in this process.

    Raises:
        DuCiSCError: a worker was killed, and who uses this context has not dealt with it.
    """
    if number == 1:
        yield _ThisProcess()
        return
    pool = ProcessPoolExecutor(
        number, multiprocessing.get_context("spawn"), initializer=_prepare_worker
    )
    try:
        with _ctrl_c_put_off():
            for _ in range(number):
                pool.submit(_start)
        yield pool
    except BrokenProcessPool as error:
        raise DuCiSCError(
            f"One of {number} worker processes was killed, most likely because memory ran out: "
            f"repeat the command with -np {number // 2}; what is done is kept."
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def as_they_finish(
    executor: Executor, work: Callable[[Job], Result], jobs: Iterable[Job], in_flight: int
) -> Iterator[Future[Result]]:
    """Submit jobs so that never more than ``in_flight`` wait, and yield what has finished."""
    remaining = iter(jobs)
    waiting = {executor.submit(work, job) for job in islice(remaining, in_flight)}
    while waiting:
        finished, waiting = wait(waiting, return_when=FIRST_COMPLETED)
        yield from finished
        waiting |= {executor.submit(work, job) for job in islice(remaining, len(finished))}


class _ThisProcess(Executor):
    """Runs a job when it is submitted."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:  # noqa: ANN401
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except DuCiSCError as error:
            future.set_exception(error)
        return future


@contextmanager
def _ctrl_c_put_off() -> Iterator[None]:
    """Start processes that take no notice of Ctrl-C until ``_prepare_worker`` lets them.

    They inherit the mask; else one that is still importing would die with a traceback.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start() -> None:
    """A job that makes the pool start a worker."""


def _prepare_worker() -> None:
    """Die silently on Ctrl-C, and with the parent: a pool outlives a parent that was killed."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    threading.Thread(target=_die_with_parent, daemon=True).start()


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None  # this runs in workers only
    parent.join()
    os._exit(1)
