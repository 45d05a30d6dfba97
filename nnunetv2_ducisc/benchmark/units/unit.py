"""The piece of work that is done or not: a few steps, a folder, a log."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nnunetv2_ducisc.benchmark.units.console import Console
from nnunetv2_ducisc.benchmark.units.lock import locked
from nnunetv2_ducisc.benchmark.units.steps import Step
from nnunetv2_ducisc.errors import DuCiSCError, one_line
from nnunetv2_ducisc.raw_dataset.staging import write_json


@dataclass(frozen=True)
class Unit:
    """Steps that are done one after the other, and never twice.

    Attributes:
        name: for people and for ``--unit``; with slashes, like the folders.
        folder: where its log and its state are.
        steps: by short names.
        recipe: all that decides what comes out; JSON.
        environment: variables of its commands.
        needs: the name of the unit that has to be done first.
    """

    name: str
    folder: Path
    steps: Mapping[str, Step]
    recipe: Mapping[str, Any]
    environment: Mapping[str, str]
    needs: str | None = None

    @property
    def log(self) -> Path:
        """What its commands print."""
        return self.folder / "log.txt"

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to do."""
        return self.steps.keys() <= self._state["seconds"].keys()

    @property
    def seconds(self) -> float:
        """How long the steps that are done took."""
        return sum(self._state["seconds"].values())

    def check_recipe(self) -> None:
        """Refuse to go on with what another plan began.

        Raises:
            DuCiSCError: names what differs.
        """
        begun = self._state["recipe"]
        for key, value in _plain(self.recipe).items():
            if begun is not None and begun.get(key) != value:
                raise DuCiSCError(
                    f"{self.folder} was begun with {key} {begun.get(key)!r}, and the plan now says "
                    f"{value!r}: restore the plan, or name another folder with -o."
                )

    def run(self) -> str | None:
        """Do what is left.

        Returns:
            What went wrong, or None.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with locked(self.folder / "lock") as descriptor:
            state = self._state | {"recipe": _plain(self.recipe)}
            write_json(self._state_file, state)
            console = Console(self.log, self.environment, descriptor)
            for name, step in self.steps.items():
                if name in state["seconds"]:
                    continue
                start = time.monotonic()
                try:
                    step.run(console)
                except DuCiSCError as error:
                    return str(error)
                except OSError as error:
                    return one_line(error)
                state["seconds"][name] = round(time.monotonic() - start, 1)
                write_json(self._state_file, state)
        return None

    @property
    def _state_file(self) -> Path:
        return self.folder / "state.json"

    @property
    def _state(self) -> dict[str, Any]:
        """The recipe it was begun with, and how long each step that is done took."""
        if not self._state_file.is_file():
            return {"recipe": None, "seconds": {}}
        return json.loads(self._state_file.read_text(encoding="utf-8"))


def _plain(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """As it is after a way through a file."""
    return json.loads(json.dumps(recipe))
