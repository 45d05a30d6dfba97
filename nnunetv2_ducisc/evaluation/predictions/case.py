"""One case: two files in, a row for each class out; what a worker process runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nnunetv2.imageio.base_reader_writer import BaseReaderWriter

from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.evaluation.metrics.presets import PRESETS
from nnunetv2_ducisc.evaluation.metrics_file import Row
from nnunetv2_ducisc.evaluation.predictions.classes import Classes
from nnunetv2_ducisc.evaluation.predictions.grid import check_same_grid
from nnunetv2_ducisc.evaluation.predictions.pairs import Pair
from nnunetv2_ducisc.evaluation.predictions.rows import compare_classes
from nnunetv2_ducisc.evaluation.predictions.segmentation import Segmentation, read_segmentation


@dataclass(frozen=True)
class CaseJob:
    """A case to evaluate.

    Attributes:
        pair: its files.
        reader: that reads both.
        classes: None for each label that occurs in one of the files.
        preset: the name of the rules.
    """

    pair: Pair
    reader: type[BaseReaderWriter]
    classes: Classes | None
    preset: str


def evaluate_case(job: CaseJob) -> tuple[str, list[Row]]:
    """Read, check and compare.

    Returns:
        The case, and a row for each class.

    Raises:
        DuCiSCError: a file cannot be read, the two do not fit together, or a label is unknown.
    """
    case, preset = job.pair.case, PRESETS[job.preset]
    reference, prediction = _read(job)
    if job.classes is None:
        found = sorted({*reference.boxes, *prediction.boxes})
        classes = {str(label): (label,) for label in found}
        return case, compare_classes(case, reference, prediction, classes, preset)
    if job.classes.ignore is not None:
        _check_not_ignoring(job, prediction)
        ignored = reference.labels == job.classes.ignore
        reference, prediction = reference.without(ignored), prediction.without(ignored)
    _check_known(case, job.pair.reference, reference, job.classes)
    _check_known(case, job.pair.prediction, prediction, job.classes)
    return case, compare_classes(case, reference, prediction, job.classes.labels, preset)


def _read(job: CaseJob) -> tuple[Segmentation, Segmentation]:
    """Both segmentations, on one grid."""
    try:
        reference = read_segmentation(job.pair.reference, job.reader)
        prediction = read_segmentation(job.pair.prediction, job.reader)
    except DuCiSCError as error:
        raise DuCiSCError(f"Case {job.pair.case}: {error}") from error
    try:
        check_same_grid(reference.grid, prediction.grid)
    except DuCiSCError as error:
        raise DuCiSCError(
            f"The prediction of case {job.pair.case} {error}: predict on the images that the "
            "reference belongs to."
        ) from error
    return reference, prediction


def _check_not_ignoring(job: CaseJob, prediction: Segmentation) -> None:
    """The ignore label says what nobody has annotated; a prediction is there for every voxel."""
    if job.classes is not None and job.classes.ignore in prediction.boxes:
        raise DuCiSCError(
            f"Case {job.pair.case}: {job.pair.prediction} holds the label {job.classes.ignore}, "
            f"which is the ignore label of {job.classes.source} and which no prediction may hold: "
            "predict the case again, or name its dataset with -d."
        )


def _check_known(case: str, file: Path, segmentation: Segmentation, classes: Classes) -> None:
    strangers = sorted(set(segmentation.boxes) - classes.known)
    if strangers:
        raise DuCiSCError(
            f"Case {case}: {file} holds the label {strangers[0]}, which {classes.source} does not "
            "know: mend the file, or name its dataset with -d."
        )
