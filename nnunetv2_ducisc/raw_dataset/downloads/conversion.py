"""From a download to a raw nnU-Net dataset with unlabeled cases."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nnunetv2.dataset_conversion.generate_dataset_json import generate_dataset_json

from nnunetv2_ducisc import __version__
from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.raw_dataset.downloads.assignment import Assignment
from nnunetv2_ducisc.raw_dataset.downloads.case_job import ENDING, CaseJob, convert_case
from nnunetv2_ducisc.raw_dataset.downloads.source import Download, Protocol, Source
from nnunetv2_ducisc.raw_dataset.downloads.split import Split
from nnunetv2_ducisc.raw_dataset.downloads.summary import table, volume_warnings
from nnunetv2_ducisc.raw_dataset.jobs import run_jobs
from nnunetv2_ducisc.raw_dataset.layout import Part
from nnunetv2_ducisc.raw_dataset.staging import Staging, write_json


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
        raw: nnUNet_raw.
        preprocessed: nnUNet_preprocessed; takes the validation list, if there is one.
    """

    source: Source
    download: Download
    split: Split
    assignment: Assignment
    protocol: str
    withheld_labels: bool
    raw: Path
    preprocessed: Path | None

    @property
    def folder(self) -> Path:
        """The dataset's folder."""
        return self.raw / self.source.dataset

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
            "protocol": {"name": self.protocol, "note": self._protocol.note},
            "withheld_labels": self.withheld_labels,
            "split": {"source": self.split.source, **parts}
            | {"validation": list(self.assignment.validation)},
        }

    @property
    def _protocol(self) -> Protocol:
        return self.source.protocols[self.protocol]

    def jobs(self, staging: Staging) -> list[CaseJob]:
        """One for every case, in the order of the split."""
        return [
            CaseJob(
                case,
                part,
                self.source.read,
                self.source.labels,
                self._protocol,
                self.withheld_labels or part is not Part.UNLABELED,
                self.download.folder,
                staging.dataset,
                staging.record(case.identifier),
            )
            for part, cases in self.assignment.cases.items()
            for case in cases
        ]

    def run(self, num_processes: int, overwrite: bool) -> None:
        """Convert what is not converted yet, and put the whole dataset into place.

        Raises:
            DuCiSCError: a line for each case that cannot be converted; the others stay done.
        """
        self._check_folds(overwrite)
        staging = Staging(self.folder)
        with staging.opened(self.recipe, overwrite):
            jobs = self.jobs(staging)
            _convert([job for job in jobs if not job.is_done], num_processes)
            records = {
                job.case.identifier: json.loads(job.record.read_text(encoding="utf-8"))
                for job in jobs
            }
            warnings = [
                *self.download.warnings,
                *self.assignment.warnings,
                *volume_warnings(records, self.source.volume_ml),
            ]
            self._write_descriptions(staging.dataset, records, warnings)
            staging.install()
        self._write_folds()
        print(table(records))
        for warning in warnings:
            print(f"Warning: {warning}.")

    def listing(self) -> str:
        """What would be written, a line for each file."""
        jobs = self.jobs(Staging(self.folder))
        files = [job.image for job in jobs] + [job.label for job in jobs if job.write_label]
        names = sorted(f"{file.parent.name}/{file.name}" for file in files)
        others = ["dataset.json", "conversion.json"]
        others += ["splits_final.json"] if self.assignment.folds else []
        return "\n".join(str(self.folder / name) for name in [*names, *others])

    def _write_descriptions(self, folder: Path, records: dict, warnings: Sequence[str]) -> None:
        """dataset.json, conversion.json and, where there is a validation list, its fold."""
        generate_dataset_json(
            str(folder),
            {0: self._protocol.channel},
            dict(self.source.labels),
            len(self.assignment.cases[Part.LABELED]),
            ENDING,
            reference=self.source.reference,  # which nnU-Net writes as "citation"
            dataset_name=self.source.dataset,
            license=self.source.licence,
            description=f"{self.source.title}: {self._protocol.note}",
            converted_by=f"nnunetv2-ducisc {__version__}",
        )
        write_json(
            folder / "conversion.json", self.recipe | {"cases": records, "warnings": warnings}
        )
        if self.assignment.folds:
            write_json(folder / "splits_final.json", self.assignment.folds)

    @property
    def _folds_file(self) -> Path:
        """Where nnU-Net looks for folds."""
        assert self.preprocessed is not None  # _check_folds has seen to it
        return self.preprocessed / self.source.dataset / "splits_final.json"

    def _check_folds(self, overwrite: bool) -> None:
        """Without its fold nnU-Net would draw one by itself, so a validation list needs a place."""
        folds = self.assignment.folds
        if not folds:
            return
        if self.preprocessed is None:
            raise DuCiSCError(
                "nnUNet_preprocessed is not set: the validation list goes there, run export "
                "nnUNet_preprocessed=/folder/of/preprocessed/data."
            )
        file = self._folds_file
        if (
            file.is_file()
            and json.loads(file.read_text(encoding="utf-8")) != folds
            and not overwrite
        ):
            raise DuCiSCError(
                f"{file} holds other folds: remove it, or replace it with --overwrite."
            )

    def _write_folds(self) -> None:
        """Put the fold where nnU-Net looks for it."""
        if self.assignment.folds:
            self._folds_file.parent.mkdir(parents=True, exist_ok=True)
            write_json(self._folds_file, self.assignment.folds)


def _convert(jobs: list[CaseJob], num_processes: int) -> None:
    """Run the jobs; a case that cannot be converted does not stop the others."""
    results = run_jobs("Converting", convert_case, jobs, num_processes)
    failures = [result for result in results if isinstance(result, DuCiSCError)]
    if failures:
        raise DuCiSCError("\n".join(map(str, failures))) from failures[0]
