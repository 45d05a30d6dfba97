"""A check of the doctor, and the report that many make."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from textwrap import indent

from nnunetv2_ducisc.errors import DuCiSCError

_WIDTH = 21  # of the column of names


@dataclass(frozen=True)
class Check:
    """One line of the report.

    Attributes:
        name: what is looked at.
        look: returns what was found; raises DuCiSCError with what is wrong and what to do.
    """

    name: str
    look: Callable[[], str]


class Report:
    """Makes checks, prints a line for each, and counts.

    Attributes:
        done: checks made.
        failed: those among them that found something wrong.
    """

    def __init__(self) -> None:
        self.done = 0
        self.failed = 0

    def look_at_all(self, checks: Iterable[Check]) -> None:
        """Make checks that do not depend on each other."""
        for check in checks:
            self._look(check)

    def look_in_turn(self, checks: Iterable[Check]) -> None:
        """Make checks of which each needs those before it."""
        for check in checks:
            if self.failed:
                self.skip(check.name)
            else:
                self._look(check)

    def skip(self, name: str) -> None:
        """Say that something is not looked at, because of what has failed before it."""
        _print_line("skip", name, "not looked at before the above is mended")

    def conclude(self) -> bool:
        """Print the last line; whether everything is in order."""
        failures = f"{self.failed} of {self.done} checks failed"
        print(failures if self.failed else "everything is in order")
        return not self.failed

    def _look(self, check: Check) -> None:
        self.done += 1
        try:
            _print_line("ok", check.name, check.look())
        except DuCiSCError as error:
            self.failed += 1
            _print_line("FAIL", check.name, str(error))


def _print_line(verdict: str, name: str, text: str) -> None:
    start = f"{verdict:<6}{name:<{_WIDTH}}"
    print(start + indent(text, " " * len(start)).lstrip(), flush=True)
