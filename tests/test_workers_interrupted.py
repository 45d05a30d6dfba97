"""Ctrl-C in the first seconds, while workers are still importing, ends them without a word."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

# Importing this script, as spawned workers do, takes a second; it says that it has begun.
SLOW_TO_IMPORT = """
import os, sys, time
from pathlib import Path
if __name__ != "__main__":
    Path(f"importing_{os.getpid()}").touch()
    time.sleep(1)
from nnunetv2_ducisc.workers import as_they_finish, processes
if __name__ == "__main__":
    try:
        with processes(2) as executor:
            list(as_they_finish(executor, os.getpgid, [0, 0, 0, 0], 2))
            time.sleep(60)
    except KeyboardInterrupt:
        sys.exit(130)
"""


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="no signal masks")
def test_workers_that_are_still_importing_print_no_tracebacks(tmp_path: Path) -> None:
    script = tmp_path / "slow.py"
    script.write_text(SLOW_TO_IMPORT, encoding="utf-8")
    parent = subprocess.Popen(
        [sys.executable, script],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 30
        while len(list(tmp_path.glob("importing_*"))) < 2 and time.monotonic() < deadline:
            time.sleep(0.02)
        os.killpg(parent.pid, signal.SIGINT)
        _, stderr = parent.communicate(timeout=30)
    finally:
        parent.kill()
        parent.wait()
    assert parent.returncode == 130
    assert stderr.decode() == ""
