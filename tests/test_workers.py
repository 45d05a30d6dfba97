"""Background processes: jobs are submitted lazily, and no worker outlives its parent."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest

from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.workers import as_they_finish, processes

# Two workers that note their process id; then one is idle and one busy for longer than any test.
SLEEPERS = """
from pathlib import Path
from nnunetv2_ducisc.workers import as_they_finish, processes
from tests.test_workers import note_and_sleep
if __name__ == "__main__":
    with processes(2) as executor:
        list(as_they_finish(executor, note_and_sleep, [Path("0"), Path("1")], 2))
"""


def note_and_sleep(note: Path) -> None:
    Path(f"{note}_{os.getpid()}").touch()
    if note.name == "0":
        time.sleep(600)


def double(number: int) -> int:
    if number == 3:
        raise DuCiSCError("three")
    return 2 * number


def die(number: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def seconds_until(condition: Callable[[], bool]) -> float:
    start = time.monotonic()
    while not condition() and time.monotonic() - start < 30:
        time.sleep(0.02)
    return time.monotonic() - start


def runs(pid: int) -> bool:
    """Whether a process is there and not a zombie that waits to be reaped."""
    try:
        return (
            Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
            != "Z"
        )
    except OSError:
        return False


@pytest.fixture
def sleepers(tmp_path: Path) -> Iterator[tuple[subprocess.Popen, list[int]]]:
    """A process with a busy and an idle worker, and the workers' ids."""
    script = tmp_path / "sleepers.py"
    script.write_text(SLEEPERS, encoding="utf-8")
    parent = subprocess.Popen(
        [sys.executable, script],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    assert seconds_until(lambda: len(list(tmp_path.glob("[01]_*"))) == 2) < 30
    workers = [int(note.name[2:]) for note in tmp_path.glob("[01]_*")]
    yield parent, workers
    for pid in (parent.pid, *workers):
        if runs(pid):
            os.kill(pid, signal.SIGKILL)
    parent.communicate()


@pytest.mark.parametrize("number", [1, 2])
def test_every_job_is_done_and_errors_come_with_their_job(number: int) -> None:
    with processes(number) as executor:
        done: list[Future[int]] = list(as_they_finish(executor, double, range(6), 3))
    assert sorted(d.result() for d in done if d.exception() is None) == [0, 2, 4, 8, 10]
    assert [str(d.exception()) for d in done if d.exception()] == ["three"]


def test_jobs_are_drawn_only_when_there_is_room() -> None:
    """With 2 in flight, the third job is drawn when the first two have been seen."""
    drawn: list[int] = []

    def jobs() -> Iterator[int]:
        for number in range(10, 1000):
            drawn.append(number)
            yield number

    with processes(1) as executor:
        finished = as_they_finish(executor, double, jobs(), 2)
        next(finished), next(finished)
        assert drawn == [10, 11]
        next(finished)
        assert drawn == [10, 11, 12, 13]


def test_with_one_process_nothing_is_spawned() -> None:
    with processes(1) as executor:
        assert executor.submit(os.getpid).result() == os.getpid()


def test_a_killed_worker_is_reported() -> None:
    with processes(2) as executor, pytest.raises(BrokenProcessPool):
        next(as_they_finish(executor, die, [0], 1)).result()


def test_a_killed_worker_that_nobody_deals_with_is_a_sentence() -> None:
    with pytest.raises(DuCiSCError, match=r"One of 2 worker .* with -np 1"), processes(2) as pool:
        next(as_they_finish(pool, die, [0], 1)).result()


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks processes up in /proc")
def test_workers_die_with_a_parent_that_is_killed(
    sleepers: tuple[subprocess.Popen, list[int]],
) -> None:
    parent, workers = sleepers
    assert all(map(runs, workers))
    parent.kill()
    assert seconds_until(lambda: not any(map(runs, workers))) < 10


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks processes up in /proc")
def test_ctrl_c_ends_everything_at_once_with_one_traceback(
    sleepers: tuple[subprocess.Popen, list[int]],
) -> None:
    parent, workers = sleepers
    os.killpg(parent.pid, signal.SIGINT)
    _, stderr = parent.communicate(timeout=20)
    assert not any(map(runs, workers))
    assert stderr.decode().count("Traceback") == 1
    assert stderr.decode().rstrip().endswith("KeyboardInterrupt")
