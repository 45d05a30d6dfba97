"""From a download to a raw nnU-Net dataset with unlabeled cases."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nnunetv2_ducisc import __version__
from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.raw_dataset.downloads.assignment import Assignment
from nnunetv2_ducisc.raw_dataset.downloads.case_job import ENDING, CaseJob, convert_case
from nnunetv2_ducisc.raw_dataset.downloads.descriptions import write_dataset_json
from nnunetv2_ducisc.raw_dataset.downloads.folds import ValidationFold
from nnunetv2_ducisc.raw_dataset.downloads.source import Download, Protocol, Source
from nnunetv2_ducisc.raw_dataset.downloads.split import Split
from nnunetv2_ducisc.raw_dataset.downloads.summary import case_warnings, table, warning_lines
from nnunetv2_ducisc.raw_dataset.jobs import run_jobs
from nnunetv2_ducisc.raw_dataset.layout import Part
from nnunetv2_ducisc.raw_dataset.replacing import FOLDS, check_place
from nnunetv2_ducisc.raw_dataset.staging import Staging, UnwritableError, write_json


@dataclass(frozen=True)
class Conversion:
    """Everything that decides what is written.

    Attributes:
        source: the data set.
        download: what was found of it.
        split: the lists.
        assignment: the part of every case.
        protocol: a name in ``source.protocols``.
        withheld_labels: whether labels of unlabeled cases are written to labelsUn.
        options: what the split and the parts were chosen by, for the record.
        folder: the dataset's, in nnUNet_raw.
    """

    source: Source
    download: Download
    split: Split
    assignment: Assignment
    protocol: str
    withheld_labels: bool
    options: Mapping[str, Any]
    folder: Path

    @property
    def recipe(self) -> dict[str, Any]:
        """What makes two conversions the same one."""
        parts = {
            part.name.lower(): [case.identifier for case in cases]
            for part, cases in self.assignment.cases.items()
        }
        return {
            "data set": self.source.title,
            "version": self.download.version,
            "nnunetv2_ducisc": __version__,
            "protocol": {"name": self.protocol, "note": self._note},
            "options": {**self.options, "withheld_labels": self.withheld_labels},
            "split": {"source": self.split.source, **parts}
            | {"validation": list(self.assignment.validation)},
        }

    @property
    def labeled(self) -> list[str]:
        """The cases in imagesTr."""
        return [case.identifier for case in self.assignment.cases[Part.LABELED]]

    @property
    def warnings(self) -> list[str]:
        """What is odd before any case has been read."""
        return [*self.download.warnings, *self.assignment.warnings]

    @property
    def listing(self) -> str:
        """What would be written, a line for each file."""
        jobs = self._jobs(Staging(self.folder))
        files = [file for job in jobs for file in job.written]
        names = sorted(f"{file.parent.name}/{file.name}" for file in files)
        others = ["dataset.json", "conversion.json", *([FOLDS] if self._fold.folds else [])]
        return "\n".join(str(self.folder / name) for name in [*names, *others])

    def check(self, overwrite: bool) -> None:
        """Refuse what could not be put into place, before anything is read.

        Raises:
            DuCiSCError: the protocol does not fit the download, something lies in the place, or
                another conversion has been begun there.
        """
        default = next(iter(self.source.protocols))
        if self.download.treatment and self.protocol != default:
            raise DuCiSCError(
                f"--protocol {self.protocol} does not fit {self.download.version}, whose images "
                f"are {self.download.treatment}: choose --protocol {default}."
            )
        check_place(self.folder, f"conversion of {self.source.title}", self._is_ours_in, overwrite)
        self._fold.check(overwrite)
        Staging(self.folder).check(self.recipe, overwrite)

    def run(self, num_processes: int, overwrite: bool) -> None:
        """Convert what is not converted yet, and put the whole dataset into place.

        Raises:
            DuCiSCError: a line for each case that cannot be converted; the others stay done.
        """
        staging = Staging(self.folder)
        with staging.opened(self.recipe, overwrite):
            jobs = self._jobs(staging)
            _convert([job for job in jobs if not job.is_done], num_processes)
            records = {job.case.identifier: _read(job.record) for job in jobs}
            warnings = [*self.warnings, *case_warnings(records)]
            self._describe(staging.dataset, records, warnings)
            self._fold.write(staging.dataset)
            staging.install()
        print("\n".join([table(records), *warning_lines(warnings)]))

    @property
    def _protocol(self) -> Protocol:
        return self.source.protocols[self.protocol]

    @property
    def _note(self) -> str:
        """What has been done to the images, here or before."""
        return self.download.treatment or self._protocol.note

    @property
    def _fold(self) -> ValidationFold:
        return ValidationFold(self.folder.name, self.assignment.folds)

    def _is_ours_in(self, folder: Path) -> bool:
        """Whether a folder holds an earlier conversion of this data set."""
        try:
            return _read(folder / "conversion.json")["data set"] == self.source.title
        except (OSError, ValueError, KeyError, TypeError):
            return False

    def _jobs(self, staging: Staging) -> list[CaseJob]:
        """One for every case, in the order of the split."""
        return [
            CaseJob(
                case,
                part,
                self.source.read,
                self.source.labels,
                self.source.known,
                self._protocol,
                self.withheld_labels or part is not Part.UNLABELED,
                self.download.folder,
                staging.dataset,
                staging.record(case.identifier),
            )
            for part, cases in self.assignment.cases.items()
            for case in cases
        ]

    def _describe(self, folder: Path, records: Mapping[str, Any], warnings: list[str]) -> None:
        """dataset.json and conversion.json."""
        write_dataset_json(
            folder,
            self.folder.name,
            self.source,
            self._protocol.channel,
            self._note,
            len(self.labeled),
            ENDING,
        )
        write_json(
            folder / "conversion.json", self.recipe | {"cases": records, "warnings": warnings}
        )


def _convert(jobs: list[CaseJob], num_processes: int) -> None:
    """Run the jobs; a case that cannot be converted does not stop the others, a full disk does."""
    failures = []
    for result in run_jobs("Converting", convert_case, jobs, num_processes):
        if isinstance(result, UnwritableError):
            raise result
        if isinstance(result, DuCiSCError):
            failures.append(result)
    if failures:
        raise DuCiSCError("\n".join(map(str, failures))) from failures[0]


def _read(file: Path) -> dict[str, Any]:
    return json.loads(file.read_text(encoding="utf-8"))
