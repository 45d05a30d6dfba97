"""Compare a folder of predictions with their references: what the verb and the benchmark call."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable
from pathlib import Path

from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.evaluation.metrics.presets import PRESETS
from nnunetv2_ducisc.evaluation.metrics_file import Row
from nnunetv2_ducisc.evaluation.predictions.case import CaseJob, evaluate_case
from nnunetv2_ducisc.evaluation.predictions.classes import Classes, find_classes
from nnunetv2_ducisc.evaluation.predictions.evaluation import (
    Evaluation,
    check_preset,
    make_folder,
)
from nnunetv2_ducisc.evaluation.predictions.pairs import find_pairs, reader_for
from nnunetv2_ducisc.evaluation.predictions.rows import absent
from nnunetv2_ducisc.evaluation.predictions.segmentation import has_spacing
from nnunetv2_ducisc.evaluation.predictions.summary import summarize
from nnunetv2_ducisc.raw_dataset.jobs import run_jobs


def evaluate_folders(
    reference: Path,
    prediction: Path,
    dataset: str | None = None,
    output: Path | None = None,
    preset: str = "mm",
    num_processes: int = 1,
) -> Evaluation:
    """Compare all cases and write ``metrics.csv`` and ``metrics.json``.

    Args:
        reference: folder of reference segmentations, like labelsTs.
        prediction: folder with a prediction for each of them.
        dataset: number or name of the dataset in nnUNet_raw whose labels these are; None for the
            dataset.json beside the files.
        output: folder to write to, made if need be; None for the predictions'.
        preset: of ``PRESETS``: ``mm`` or ``published``.
        num_processes: workers.

    Raises:
        DuCiSCError: bad input, as a sentence with the case, or the folder has the metrics of
            another preset; then no file is written.
    """
    classes = find_classes(dataset, reference, prediction)
    content = classes.json if classes else {}
    source = classes.source if classes else None
    pairs, ending = find_pairs(reference, prediction, content.get("file_ending"), source)
    reader = reader_for({"file_ending": ending, **content}, pairs[0])
    spaced = has_spacing(pairs[0].reference, reader)
    if not spaced:
        print(f"These {ending} files have no spacing: 1 mm is assumed.", file=sys.stderr)
    make_folder(output or prediction)
    check_preset(output or prediction, preset)
    rows = _run([CaseJob(pair, reader, classes, preset) for pair in pairs], num_processes)
    summary = summarize(rows, PRESETS[preset].metrics)
    evaluation = Evaluation(reference, prediction, source, preset, spaced, rows, summary)
    evaluation.write(output or prediction)
    return evaluation


def _run(jobs: list[CaseJob], num_processes: int) -> list[Row]:
    """The rows of all cases in the order of the jobs; the first error ends it."""
    of_case: dict[str, dict[str, Row]] = {}
    for result in run_jobs("Evaluating", evaluate_case, jobs, num_processes):
        if isinstance(result, DuCiSCError):
            raise result
        case, rows = result
        of_case[case] = {row.class_name: row for row in rows}
    classes = _class_names(jobs[0].classes, of_case.values())
    return [
        of_case[job.pair.case].get(name) or absent(job.pair.case, name)
        for job in jobs
        for name in classes
    ]


def _class_names(classes: Classes | None, found: Iterable[Collection[str]]) -> list[str]:
    """Of dataset.json, or else of all labels that any case holds."""
    if classes is not None:
        return list(classes.labels)
    names = sorted({name for of_case in found for name in of_case}, key=int)
    if not names:
        raise DuCiSCError(
            "No file holds a label but 0: name other folders, or the dataset with -d."
        )
    return names
