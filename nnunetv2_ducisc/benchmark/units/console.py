"""Runs commands; what they print goes to a file."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from nnunetv2_ducisc.errors import DuCiSCError


def program(name: str, path: str | None = None) -> str:
    """Where a command lies: beside the interpreter, also where its environment is not activated.

    Args:
        name: of the command.
        path: to look in; None for that of ``search_path``.

    Raises:
        DuCiSCError: nowhere.
    """
    found = shutil.which(name, path=path or search_path())
    if found is None:
        raise DuCiSCError(f"{name} was not found: install this package with pip first")
    return found


def search_path() -> str:
    """The interpreter's folder before the user's PATH."""
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])


@dataclass(frozen=True)
class Console:
    """Where commands run.

    Attributes:
        log: the file that takes all they print.
        environment: variables on top of those of this process.
        descriptor: of an open file that the commands keep open.
    """

    log: Path
    environment: Mapping[str, str]
    descriptor: int

    def run(self, *words: str) -> None:
        """Run a command to its end.

        Args:
            words: the program and its arguments.

        Raises:
            DuCiSCError: it failed; with the last line that it printed.
        """
        environment = self._environment
        found = program(words[0], environment["PATH"])
        with self.log.open("a", encoding="utf-8", buffering=1) as log:
            log.write(f"\n$ {shlex.join(words)}\n")
            with (
                subprocess.Popen(
                    [found, *words[1:]],
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    pass_fds=[self.descriptor] if os.name == "posix" else (),
                    start_new_session=True,  # a process group, which can be ended as one
                ) as process,
                _ended_with(process),
            ):
                process.wait()
        if process.returncode:
            raise DuCiSCError(f"{words[0]} ended with exit code {process.returncode}: {self._end}")

    @property
    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "PATH": search_path(),
            "PYTHONUNBUFFERED": "1",
            **self.environment,
        }

    @property
    def _end(self) -> str:
        """The last line that holds anything."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return next((line.strip() for line in reversed(lines) if line.strip()), "nothing printed")


@contextmanager
def _ended_with(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Leave nothing behind of a command that fails, is killed or is stopped by Ctrl-C.

    The background workers of a killed training wait for it for ever, in memory and with the lock.
    """
    try:
        yield
    finally:
        if process.returncode != 0:
            process.kill()
            if os.name == "posix":
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
