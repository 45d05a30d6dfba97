"""``ducisc add-unlabeled``: images from anywhere to imagesUn, each checked, whole or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.raw_dataset.adding.destination import Destination
from nnunetv2_ducisc.raw_dataset.adding.incoming import Incoming
from nnunetv2_ducisc.raw_dataset.adding.known_images import KnownImages
from nnunetv2_ducisc.raw_dataset.adding.newcomers import Newcomers, sort_out
from nnunetv2_ducisc.raw_dataset.adding.outcome import Outcome
from nnunetv2_ducisc.raw_dataset.adding.staged_case import StagedCase, StageJob, refusal, stage_case
from nnunetv2_ducisc.raw_dataset.adding.unlabeled_folder import UnlabeledFolder
from nnunetv2_ducisc.raw_dataset.jobs import run_jobs
from nnunetv2_ducisc.raw_dataset.staging import UnwritableError


def add_unlabeled(
    name_or_id: str,
    paths: Sequence[Path],
    num_processes: int,
    dry_run: bool = False,
    hard_links: bool = True,
) -> None:
    """Add images to imagesUn of a dataset, and print what was done and what comes next.

    Args:
        name_or_id: the dataset's.
        paths: image files, folders of them, and folders with DICOM series at any depth.
        num_processes: worker processes; 1 means none but this one.
        dry_run: whether to list what would be written, judged by names alone.
        hard_links: whether a file in the dataset may be the user's very own.

    Raises:
        DuCiSCError: a line for each case that is not added, the others being added all the same;
            or the dataset cannot be used.
    """
    destination = Destination.named(name_or_id)
    unlabeled = UnlabeledFolder(destination.dataset)
    newcomers = sort_out(paths, destination, unlabeled)
    outcome = Outcome(len(newcomers.present), [*newcomers.refusals], [*newcomers.warnings])
    if dry_run:
        _list(newcomers, unlabeled)
    else:
        if newcomers.cases:
            _Addition(destination, unlabeled, outcome).run(
                newcomers.cases, num_processes, hard_links
            )
        print(outcome.report(destination))
    if outcome.refusals:
        raise DuCiSCError("\n".join(outcome.refusals))


def _list(newcomers: Newcomers, unlabeled: UnlabeledFolder) -> None:
    """What would be written."""
    for incoming in newcomers.cases:
        number = 1 if incoming.is_series else len(incoming.images)
        print(*unlabeled.targets(incoming.case, number), sep="\n")
    print(f"Cases to be checked and added: {len(newcomers.cases)}.")
    for warning in newcomers.warnings:
        print(f"Warning: {warning}.")


@dataclass
class _Addition:
    """Cases on their way into a dataset, and the images that are there."""

    destination: Destination
    unlabeled: UnlabeledFolder
    outcome: Outcome
    known: KnownImages = field(default_factory=KnownImages)

    def run(self, cases: Sequence[Incoming], num_processes: int, hard_links: bool) -> None:
        """Bring the cases beside imagesUn, and move in those that are sound and new."""
        kind = self.destination.kind
        with self.unlabeled.opened() as beside:
            files = self.destination.image_files()
            unread = self.known.read(files, cases, kind, num_processes)
            self.outcome.warnings += map(str, unread)
            jobs = [StageJob(case, beside / case.case, kind, hard_links) for case in cases]
            for result in run_jobs("Adding", stage_case, jobs, num_processes):
                self._take_or_refuse(result)

    def _take_or_refuse(self, result: StagedCase | DuCiSCError) -> None:
        if isinstance(result, UnwritableError):
            raise result
        if isinstance(result, DuCiSCError):
            self.outcome.refusals.append(str(result))
        elif reason := _not_new(result, self.known, self.unlabeled):
            self.outcome.refusals.append(str(refusal(result.case, *reason)))
        else:
            self._take(result)

    def _take(self, staged: StagedCase) -> None:
        if not self.unlabeled.take(staged):
            self.outcome.present += 1
            return
        self.outcome.added.append(staged)
        targets = self.unlabeled.targets(staged.case, len(staged.images))
        for target, voxels in zip(targets, staged.voxels, strict=True):
            self.known.add(target, voxels)


def _not_new(
    staged: StagedCase, known: KnownImages, unlabeled: UnlabeledFolder
) -> tuple[str, str] | None:
    """Why a sound case is not added, and the way out."""
    targets = unlabeled.targets(staged.case, len(staged.images))
    for target, voxels in zip(targets, staged.voxels, strict=True):
        if target.exists() and not known.has(target, voxels):
            return (
                f"imagesUn holds another {target.name}",
                "rename the new one, or take the old one away first",
            )
    if twin := known.twin(staged.voxels, targets):
        return f"its voxels are those of {twin}", "leave it out, for a scan may be there only once"
    return None
