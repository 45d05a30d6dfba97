"""Which job each unit was given to, so that a repeated command waits for it instead of another."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nnunetv2_ducisc.benchmark.units.lock import locked
from nnunetv2_ducisc.errors import DuCiSCError, one_line
from nnunetv2_ducisc.raw_dataset.staging import write_json

# What sacct calls the end of a job; a preempted one is queued again.
_ENDS = (
    *("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "DEADLINE", "REVOKED"),
    *("OUT_OF_MEMORY", "NODE_FAIL", "BOOT_FAIL"),
)
_FILE = "jobs.json"


@dataclass(frozen=True)
class Submitted:
    """A file with the last job of each unit.

    Attributes:
        folder: submitit's, in which it lies.
    """

    folder: Path

    def jobs(self) -> dict[str, str]:
        """Name of a unit -> id of the job.

        Raises:
            DuCiSCError: the file is damaged.
        """
        if not self._file.is_file():
            return {}
        try:
            return dict(json.loads(self._file.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise DuCiSCError(
                f"{self._file} is damaged ({one_line(error)}): remove it once squeue shows no job "
                "of this benchmark any more."
            ) from error

    def note(self, jobs: Mapping[str, str]) -> None:
        """Add jobs; plans that share a WORK may do so at the same time."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with locked(self.folder / "lock"):
            write_json(self._file, {**self.jobs(), **jobs})

    @property
    def _file(self) -> Path:
        return self.folder / _FILE


def is_over(job: Any, unit: str) -> bool:  # noqa: ANN401 (submitit is an extra)
    """Whether a job of an earlier call has ended.

    Raises:
        DuCiSCError: nobody knows: a second job might train beside it.
    """
    if job.paths.result_pickle.exists():
        return True
    state = job.state
    if state == "UNKNOWN":
        raise DuCiSCError(
            f"{unit} was given to job {job.job_id}, and sacct does not say what became of it: "
            "repeat the command once it does, or, if squeue does not show the job any more, "
            f"remove {job.paths.folder / _FILE}."
        )
    return state.startswith(_ENDS)
