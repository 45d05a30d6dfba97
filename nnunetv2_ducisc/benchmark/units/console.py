"""Runs commands; what they print goes to a file."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
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
            done = subprocess.run(
                [found, *words[1:]],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=[self.descriptor] if os.name == "posix" else (),
                check=False,
            )
        if done.returncode:
            raise DuCiSCError(f"{words[0]} ended with exit code {done.returncode}: {self._end}")

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
