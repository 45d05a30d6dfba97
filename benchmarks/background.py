"""A command in a process group of its own, which is killed at a chosen moment."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

POLL_S = 0.0002  # shorter than the writing of any file


class Command:
    """A command that runs in the background; its words go to the end of a log.

    Args:
        command: the program and its arguments.
        environment: variables on top of those of this process.
        log: the file for what it prints.
    """

    def __init__(self, command: list[str], environment: dict[str, str], log: Path) -> None:
        with log.open("a", encoding="utf-8") as file:
            self.process = subprocess.Popen(
                command,
                env=os.environ | environment,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.log = log

    def wait_for(self, event: Callable[[], bool]) -> bool:
        """Wait until something has happened; False if the command has ended before."""
        while not _has_happened(event):
            if self.process.poll() is not None:
                return False
            time.sleep(POLL_S)
        return True

    def kill_after(self, seconds: float) -> bool:
        """Kill -9 the whole group; False if the command has ended before."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)
        alive = self.process.poll() is None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        return alive

    def finish(self) -> None:
        """Wait for the end.

        Raises:
            RuntimeError: the command failed; its last words are in the message.
        """
        if self.process.wait() != 0:
            words = self.log.read_text(encoding="utf-8", errors="replace")[-3000:]
            raise RuntimeError(f"{self.process.args} failed:\n{words}")


def _has_happened(event: Callable[[], bool]) -> bool:
    try:
        return event()
    except FileNotFoundError:  # a file or folder has gone while it was looked at
        return False
