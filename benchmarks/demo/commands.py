"""Runs the console commands of nnU-Net, each announced in one line, with the chatter in a log."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from tqdm import tqdm

TAIL = 20


@dataclass(frozen=True)
class Progress:
    """A bar for a command: it has ``total`` steps, and a line that matches ``line`` ends one."""

    line: str
    total: int
    unit: str


class Console:
    """Announces steps and runs commands.

    Args:
        steps: how many steps will be announced.
        log: the file that takes what the commands print.
        environment: variables for all commands, on top of those of this process.
    """

    def __init__(self, steps: int, log: Path, environment: dict[str, str]) -> None:
        self.steps = steps
        self.done = 0
        self.log = log
        # The commands lie beside the interpreter, also where its environment is not activated.
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
        self.environment = {**os.environ, "PATH": path, "PYTHONUNBUFFERED": "1", **environment}

    def announce(self, what: str, how: str) -> None:
        """Print one line: the number of the step, what it is for, and the command."""
        self.done += 1
        print(f"[{self.done}/{self.steps}] {what}: {how}", flush=True)

    def run(
        self, what: str, *command: str, progress: Progress | None = None, **variables: str
    ) -> float:
        """Announce a command, run it and return the seconds it took.

        Args:
            what: what the command is for.
            command: the program and its arguments.
            progress: its bar; None shows none.
            variables: environment variables for this command alone.

        Raises:
            SystemExit: the command failed; the message holds the end of its log.
        """
        as_typed = " ".join([*(f"{k}={v}" for k, v in variables.items()), shlex.join(command)])
        self.announce(what, as_typed)
        start = time.monotonic()
        with self.log.open("a", encoding="utf-8", buffering=1) as log:
            log.write(f"\n$ {as_typed}\n")
            code = self._run(command, self.environment | variables, log, progress)
        if code != 0:
            end = self.log.read_text(encoding="utf-8").splitlines()[-TAIL:]
            raise SystemExit(
                "\n".join(end) + f"\n\n{command[0]} ended with exit code {code}: "
                f"its last lines are above, all of them in {self.log}."
            )
        return time.monotonic() - start

    def _run(
        self,
        command: tuple[str, ...],
        environment: dict[str, str],
        log: TextIO,
        progress: Progress | None,
    ) -> int:
        """Run a command to its end, line by line into the log, and return its exit code."""
        program = shutil.which(command[0], path=environment["PATH"])
        if program is None:
            raise SystemExit(f"{command[0]} was not found: install this package with pip first.")
        process = subprocess.Popen(
            [program, *command[1:]],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
        total, unit = (progress.total, progress.unit) if progress else (0, "")
        with process, tqdm(total=total, unit=unit, disable=progress is None, leave=False) as bar:
            for line in process.stdout or ():
                log.write(line)
                if progress and re.search(progress.line, line):
                    bar.update()
        return process.returncode
