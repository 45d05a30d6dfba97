"""One unlabeled case, raw to preprocessed, in a folder of its own; what a worker process runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nnunetv2_ducisc.errors import DuCiSCError, one_line
from nnunetv2_ducisc.nnunet.fingerprint import Source, stamp
from nnunetv2_ducisc.nnunet.preprocessor import checking, empty_class_locations, preprocessor_class
from nnunetv2_ducisc.nnunet.unlabeled import check_files, number_of_channels
from nnunetv2_ducisc.nnunet.unlabeled_data import UnlabeledData


@dataclass(frozen=True)
class CaseJob:
    """A case to preprocess.

    Attributes:
        case: the identifier.
        images: channel files in order.
        source: what the case is made from, taken before the images are read.
        folder: where to write; it is made, and holds nothing but this case.
        data: the dataset and the plans.
    """

    case: str
    images: list[Path]
    source: Source
    folder: Path
    data: UnlabeledData


def preprocess_case(job: CaseJob) -> CaseJob:
    """Read, check, preprocess and write one case as nnU-Net would a labeled one.

    Returns:
        The job, done.

    Raises:
        DuCiSCError: the image is not sound, or cannot be read or preprocessed.
    """
    job.folder.mkdir()
    try:
        check_files(job.case, job.images)
        _run_preprocessor(job)
    except DuCiSCError:
        raise
    except Exception as error:
        raise DuCiSCError(
            f"Unlabeled case {job.case} could not be preprocessed ({one_line(error)}): check that "
            f"{', '.join(map(str, job.images))} can be opened and fit together, or take the case "
            "out of imagesUn."
        ) from error
    return job


def install(job: CaseJob, folder: Path) -> None:
    """Move a written case into place, its properties last: a case is there once they are."""
    properties = folder / f"{job.case}.pkl"
    properties.unlink(missing_ok=True)
    for file in sorted(job.folder.iterdir(), key=lambda file: file.name == properties.name):
        file.replace(folder / file.name)
    job.folder.rmdir()


def _run_preprocessor(job: CaseJob) -> None:
    plans, configuration = job.data.plans_manager, job.data.configuration_name
    channels = number_of_channels(job.data.dataset_json)
    preprocessor = checking(preprocessor_class(plans, configuration), job.case, channels)
    preprocessor(verbose=False).run_case_save(
        str(job.folder / job.case),
        [str(image) for image in job.images],
        None,
        plans,
        plans.get_configuration(configuration),
        job.data.dataset_json,
    )
    classes = empty_class_locations(plans, configuration, job.data.dataset_json)
    stamp(job.folder, job.case, {"class_locations": classes}, job.source)
