"""The piece of work that is done or not: a few steps, a folder, a log."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nnunetv2_ducisc.benchmark.units.console import Console
from nnunetv2_ducisc.benchmark.units.lock import locked
from nnunetv2_ducisc.benchmark.units.steps import Step
from nnunetv2_ducisc.errors import DuCiSCError, one_line
from nnunetv2_ducisc.raw_dataset.staging import write_json, writing_to


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
        inputs: what it reads and somebody may correct, after which it is done again; JSON.
        is_built_on: whether another unit has begun on what it made, so that it is never done again.
    """

    name: str
    folder: Path
    steps: Mapping[str, Step]
    recipe: Mapping[str, Any]
    environment: Mapping[str, str]
    needs: str | None = None
    inputs: Mapping[str, Any] = field(default_factory=dict)
    is_built_on: bool = False

    @property
    def log(self) -> Path:
        """What its commands print."""
        return self.folder / "log.txt"

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to do, and nothing that was done has been taken away."""
        done = self._state["seconds"]
        return all(name in done and step.is_there for name, step in self.steps.items())

    @property
    def seconds(self) -> float:
        """How long the steps that are done took."""
        return sum(self._state["seconds"].values())

    @property
    def ended(self) -> float:
        """When its last step ended, in seconds since 1970, for a unit that is done."""
        recorded = self._state.get("ended")
        return self._state_file.stat().st_mtime if recorded is None else recorded

    def check_recipe(self) -> None:
        """Refuse to go on with what another plan, version or data of the same name began.

        A unit without a step that is done was not begun. What an earlier version did not record is
        not compared.

        Raises:
            DuCiSCError: names what differs.
        """
        state = self._recorded
        begun = (state["recipe"] if state["seconds"] else None) or {}
        for key, value in _plain(self.recipe).items():
            if begun.get(key, value) != value:
                raise DuCiSCError(
                    f"{self.folder} was begun with {key} {begun[key]!r}, but now it is {value!r}: "
                    "restore the plan, the data and the version, or name another folder with -o."
                )
        if self.is_built_on:
            self._refuse_changed(self._changed_inputs(state))

    def run(self) -> str | None:
        """Do what is left.

        Returns:
            What went wrong, or None.
        """
        try:
            with writing_to(self.folder):
                self.folder.mkdir(parents=True, exist_ok=True)
                with locked(self.folder / "lock") as descriptor:
                    self.check_recipe()
                    return self._run_steps(Console(self.log, self.environment, descriptor))
        except DuCiSCError as error:
            return str(error)

    def _run_steps(self, console: Console) -> str | None:
        """The recipe is recorded with the first step that is done: before that nothing is begun."""
        state = self._state | {"recipe": _plain(self.recipe), "inputs": _plain(self.inputs)}
        for name, step in self.steps.items():
            if name in state["seconds"] and step.is_there:
                continue
            start = time.monotonic()
            try:
                step.run(console)
            except DuCiSCError as error:
                return str(error)
            except OSError as error:
                return one_line(error)
            state["seconds"][name] = round(time.monotonic() - start, 1)
            state["ended"] = time.time()
            write_json(self._state_file, state)
        return None

    @property
    def _state_file(self) -> Path:
        return self.folder / "state.json"

    def _refuse_changed(self, inputs: Sequence[str]) -> None:
        if inputs:
            more = f" and {len(inputs) - 1} more have" if len(inputs) > 1 else " has"
            raise DuCiSCError(
                f"{inputs[0]}{more} changed since {self.folder} was begun, and trainings are built "
                "on it: put back what was there, with its times (cp -p), or name another folder "
                "with -o."
            )

    def _changed_inputs(self, state: Mapping[str, Any]) -> list[str]:
        """What was corrected; nothing where an earlier version recorded no inputs."""
        recorded, now = state.get("inputs", {}), _plain(self.inputs)
        keys = sorted(recorded.keys() | now.keys()) if recorded else []
        return [key for key in keys if recorded.get(key) != now.get(key)]

    @property
    def _state(self) -> dict[str, Any]:
        """The record, or that of a unit that was never begun where its inputs were corrected."""
        recorded = self._recorded
        is_current = self.is_built_on or not self._changed_inputs(recorded)
        return recorded if is_current else _new_state()

    @property
    def _recorded(self) -> dict[str, Any]:
        """The recipe it was begun with, and how long each step that is done took."""
        if not self._state_file.is_file():
            return _new_state()
        try:
            state = json.loads(self._state_file.read_text(encoding="utf-8"))
            dict(state["recipe"] or {})
            sum(state["seconds"].values())
            dict(state.get("inputs", {}))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise DuCiSCError(
                f"{self._state_file} is damaged ({one_line(error)}): remove it, and what it stood "
                "for is done again, a training from its last checkpoint."
            ) from error
        return state


def _new_state() -> dict[str, Any]:
    return {"recipe": None, "seconds": {}}


def _plain(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """As it is after a way through a file."""
    return json.loads(json.dumps(recipe))
