"""Units that each run a line of Python, for tests of where units are run.

Jobs import this: it has to be light.
"""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

from nnunetv2_ducisc.benchmark.units.steps import Command
from nnunetv2_ducisc.benchmark.units.unit import Unit


def unit(root: Path, name: str, text: str = "", needs: str | None = None) -> Unit:
    """Runs a line of Python, and says in a file that it did."""
    mark = f"open({str(root / 'order')!r}, 'a').write({name!r} + '\\n')"
    command = Command((sys.executable, "-c", f"{mark}; {text}"))
    return Unit(name, root / name, {"step": command}, {"name": name}, {}, needs)


def order(root: Path) -> list[str]:
    return (root / "order").read_text(encoding="utf-8").split()


def slow_units(root: Path, *more: str) -> list[Unit]:
    """Two that run until there is a file ``go``, and then fail or not; each with more steps."""
    there = f"lambda: os.path.exists({str(root / 'go')!r})"
    wait = f"import os, time; [time.sleep(0.1) for _ in iter({there}, True)]"
    units = [unit(root, "good", wait), unit(root, "bad", f"{wait}; exit('it broke')")]
    added = {name: unit(root, name).steps["step"] for name in more}
    return [dataclasses.replace(one, steps={**one.steps, **added}) for one in units]
