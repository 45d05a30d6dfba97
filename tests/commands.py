"""Console commands in processes of their own that need not import torch again.

Most of a short command's time is the import of torch. Python's fork server imports it once a test
process; a command then starts as a copy of the server and runs the very script that the shell
would. test_end_to_end.py and others start the scripts afresh, as the shell does.
"""

from __future__ import annotations

import multiprocessing
import os
import runpy
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

# What nnU-Net imports and what reads no environment variable of nnU-Net's.
IMPORTED = ["torch", "torch._dynamo", "seaborn", "sklearn.model_selection", "skimage.transform"]
FORK = multiprocessing.get_context("fork")
FORK_SERVER = multiprocessing.get_context("forkserver")
FORK_SERVER.set_forkserver_preload(IMPORTED)


class Command:
    """A command that runs; of what Popen can do, what the tests need.

    Args:
        words: the path of the script, and its arguments.
        environment: goes on top of this process's own.
    """

    def __init__(self, words: Sequence[str], environment: Mapping[str, str]) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self.output = Path(self._folder.name) / "stdout"
        self.errors = Path(self._folder.name) / "stderr"
        outputs = (str(self.output), str(self.errors))
        self._process = FORK_SERVER.Process(
            target=_become, args=(list(words), {**os.environ, **environment}, outputs)
        )
        self._process.start()

    def poll(self) -> int | None:
        """The exit status, or None while it runs."""
        return self._process.exitcode

    def wait(self) -> int | None:
        """The exit status, once there is one; minus the signal if one ended it."""
        self._process.join()
        return self._process.exitcode

    def kill(self) -> None:
        """With signal 9."""
        self._process.kill()


def _become(words: list[str], environment: dict[str, str], outputs: Sequence[str]) -> None:
    for descriptor, file in enumerate(outputs, start=1):
        with Path(file).open("wb", buffering=0) as opened:
            os.dup2(opened.fileno(), descriptor)
    # Neither the fork server's own, which would start one more, nor "spawn", which imports torch.
    multiprocessing.set_start_method("fork", force=True)
    multiprocessing.get_context = lambda method=None: FORK
    os.environ.clear()
    os.environ.update(environment)
    import torch

    threads = int(environment.get("OMP_NUM_THREADS", torch.get_num_threads()))
    torch.set_num_threads(threads)
    multiprocessing.cpu_count = lambda: threads  # as many threads nnU-Net gives torch on a CPU
    sys.path[:0] = filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))
    sys.argv = words
    runpy.run_path(words[0], run_name="__main__")


def run(*words: str, environment: Mapping[str, str]) -> str:
    """What a command prints; a failure shows its last words."""
    command = Command(words, environment)
    status = command.wait()
    printed, errors = (
        file.read_text(encoding="utf-8") for file in (command.output, command.errors)
    )
    assert status == 0, printed[-3000:] + errors[-3000:]
    return printed


def run_afresh(*command: str, environment: Mapping[str, str]) -> str:
    """The same of a command that the shell would start."""
    done = subprocess.run(
        command,
        env={**os.environ, **environment},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout
