"""``ducisc add-unlabeled``: images from anywhere to imagesUn, each checked, whole or not at all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.raw_dataset.adding.destination import Destination
from nnunetv2_ducisc.raw_dataset.adding.header import Header, differences, read_header
from nnunetv2_ducisc.raw_dataset.adding.incoming import Incoming
from nnunetv2_ducisc.raw_dataset.adding.known_images import KnownImages
from nnunetv2_ducisc.raw_dataset.adding.newcomers import sort_out
from nnunetv2_ducisc.raw_dataset.adding.staged_case import StagedCase, StageJob, refusal, stage_case
from nnunetv2_ducisc.raw_dataset.adding.unlabeled_folder import UnlabeledFolder
from nnunetv2_ducisc.raw_dataset.dataset import RawDataset
from nnunetv2_ducisc.raw_dataset.folders import folder_variable
from nnunetv2_ducisc.raw_dataset.jobs import run_jobs
from nnunetv2_ducisc.raw_dataset.links import Way, tally

SHOWN = 5  # warnings of one kind, names in one line


@dataclass
class Outcome:
    """What has become of the images.

    Attributes:
        refusals: a sentence for each case that is not added.
        present: how many cases were there already.
        warnings: a sentence each.
        added: case -> header of its image, if it has one.
        ways: how the files of these came.
    """

    refusals: list[str]
    present: int
    warnings: list[str] = field(default_factory=list)
    added: dict[str, Header | None] = field(default_factory=dict)
    ways: Counter[Way] = field(default_factory=Counter)


def add_unlabeled(
    name_or_id: str, paths: Sequence[Path], num_processes: int, dry_run: bool = False
) -> None:
    """Add images to imagesUn of a dataset, and print what was done and what comes next.

    Args:
        name_or_id: the dataset's.
        paths: files, folders of files, and folders of one DICOM series each.
        num_processes: worker processes; 1 means none but this one.
        dry_run: whether to list what would be written, judged by names alone.

    Raises:
        DuCiSCError: a line for each case that is not added, the others being added all the same;
            or the dataset cannot be used.
    """
    destination = Destination.named(name_or_id)
    unlabeled = UnlabeledFolder(destination.dataset)
    newcomers = sort_out(paths, destination, unlabeled)
    outcome = Outcome(list(newcomers.refusals), len(newcomers.present))
    if newcomers.skipped:
        outcome.warnings.append(
            f"skipped what is no image for this dataset ({len(newcomers.skipped)}): "
            f"{_some([file.name for file in newcomers.skipped])}"
        )
    if dry_run:
        _list(newcomers.cases, unlabeled)
    else:
        if newcomers.cases:
            _add(newcomers.cases, destination, unlabeled, outcome, num_processes)
        print(_summary(outcome, unlabeled))
    for warning in [*outcome.warnings, *_odd_ones(outcome, destination)]:
        print(f"Warning: {warning}.")
    if outcome.added:
        print(_next_step(destination.dataset))
    if outcome.refusals:
        raise DuCiSCError("\n".join(outcome.refusals))


def _list(cases: Sequence[Incoming], unlabeled: UnlabeledFolder) -> None:
    """What would be written."""
    for incoming in cases:
        number = 1 if incoming.is_series else len(incoming.images)
        print(*unlabeled.targets(incoming.case, number), sep="\n")
    print(f"Cases to be checked and added: {len(cases)}.")


def _add(
    cases: Sequence[Incoming],
    destination: Destination,
    unlabeled: UnlabeledFolder,
    outcome: Outcome,
    num_processes: int,
) -> None:
    """Bring the cases beside imagesUn, and move in those that are sound and new."""
    with unlabeled.opened() as beside:
        known = KnownImages()
        kind = destination.kind
        unread = known.read(destination.image_files(), cases, kind, num_processes)
        outcome.warnings += map(str, unread)
        jobs = [StageJob(incoming, beside / incoming.case, kind) for incoming in cases]
        for result in run_jobs("Adding", stage_case, jobs, num_processes):
            if isinstance(result, DuCiSCError):
                outcome.refusals.append(str(result))
            elif reason := _not_new(result, known, unlabeled):
                outcome.refusals.append(str(refusal(result.case, *reason)))
            else:
                _take(result, known, unlabeled, outcome)


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


def _take(
    staged: StagedCase, known: KnownImages, unlabeled: UnlabeledFolder, outcome: Outcome
) -> None:
    if not unlabeled.take(staged):
        outcome.present += 1
        return
    outcome.added[staged.case] = staged.header
    outcome.ways.update(staged.ways)
    targets = unlabeled.targets(staged.case, len(staged.images))
    for target, voxels in zip(targets, staged.voxels, strict=True):
        known.add(target, voxels)


def _summary(outcome: Outcome, unlabeled: UnlabeledFolder) -> str:
    """The numbers."""
    there = f"; there already: {outcome.present}" if outcome.present else ""
    files = f" ({tally(outcome.ways)})" if outcome.added else ""
    return f"Cases added to {unlabeled.folder}: {len(outcome.added)}{files}{there}."


def _odd_ones(outcome: Outcome, destination: Destination) -> list[str]:
    """A sentence for each case that looks like another kind of scan than the labeled ones."""
    ending = destination.dataset.ending
    headers = [read_header(case.images[0], ending) for case in destination.labeled.values()]
    labeled = [header for header in headers if header] if outcome.added else []
    odd = [
        f"{case} has {' and '.join(found)}: check that it is the same kind of scan"
        for case, header in sorted(outcome.added.items())
        if header and (found := differences(header, labeled))
    ]
    more = [f"as many as {len(odd) - SHOWN} more differ so"] if len(odd) > SHOWN else []
    return odd[:SHOWN] + more


def _next_step(dataset: RawDataset) -> str:
    """Planning, where there are no plans yet; it sees the labeled images only."""
    preprocessed = folder_variable("nnUNet_preprocessed")
    if preprocessed and list((preprocessed / dataset.name).glob("*Plans*.json")):
        return (
            "Training preprocesses them when it starts; ahead of time, ducisc preprocess "
            f"-d {dataset.number} -c CONFIGURATION does."
        )
    return f"nnUNetv2_plan_and_preprocess -d {dataset.number} --verify_dataset_integrity"


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
