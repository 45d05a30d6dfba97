"""Runs units here, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from nnunetv2_ducisc.benchmark.units.unit import Unit


@dataclass(frozen=True)
class Failure:
    """A unit that came to no end.

    Attributes:
        unit: its name.
        reason: the last thing it said.
        log: where the rest is; None where it was not begun.
    """

    unit: str
    reason: str
    log: Path | None

    def __str__(self) -> str:
        return f"{self.unit}: {self.reason}" + (f" (log: {self.log})" if self.log else "")


Outcome = tuple[Unit, str | None]  # what went wrong, or None
Runner = Callable[[Sequence[Unit]], Iterable[Outcome]]


def run_here(units: Sequence[Unit]) -> Iterator[Outcome]:
    """Run units in this process; what they print goes to their logs."""
    for unit in units:
        tqdm.write(f"{unit.name}: see {unit.log}")
        yield unit, unit.run()


def run_stages(stages: Sequence[Sequence[Unit]], runner: Runner) -> list[Failure]:
    """Run what is not done, a stage after the other; a failure stops only what needs it."""
    failures: list[Failure] = []
    units = [unit for stage in stages for unit in stage]
    done = sum(unit.is_done for unit in units)
    with tqdm(desc="Benchmark", total=len(units), initial=done, unit="unit") as progress:
        for stage in stages:
            gone = {failure.unit for failure in failures}
            failures += [
                Failure(unit.name, f"not begun, since it needs {unit.needs}", None)
                for unit in stage
                if unit.needs in gone
            ]
            ready = [unit for unit in stage if not unit.is_done and unit.needs not in gone]
            for unit, reason in runner(ready):
                tqdm.write(f"{unit.name}: {reason or f'done in {unit.seconds / 60:.1f} minutes'}")
                if reason:
                    failures.append(Failure(unit.name, reason, unit.log))
                else:
                    progress.update()
        return failures
