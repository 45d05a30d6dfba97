"""What nnU-Net's commands call a dataset and a model, resolved by nnU-Net itself."""

from __future__ import annotations

from pathlib import Path

from nnunetv2.utilities.dataset_name_id_conversion import maybe_convert_to_dataset_name
from nnunetv2.utilities.file_path_utilities import get_output_folder

from nnunetv2_ducisc.errors import DuCiSCError

_WAY_OUT = "name the number or the whole name of one folder DatasetNNN_NAME in nnUNet_raw."


def dataset_name(name_or_id: str) -> str:
    """``501`` or ``Dataset501_LeftAtrium`` -> ``Dataset501_LeftAtrium``.

    Raises:
        DuCiSCError: not a number, no dataset of this number, or more than one.
    """
    try:
        return str(maybe_convert_to_dataset_name(name_or_id))
    except ValueError as error:
        reason = f"The dataset {name_or_id} is neither a number nor a name that starts with Dataset"
        raise DuCiSCError(f"{reason}: {_WAY_OUT}") from error
    except RuntimeError as error:
        reason = str(error).partition(". ")[0]  # then come lines of folders
        raise DuCiSCError(f"{reason}: {_WAY_OUT}") from error


def model_folder(name_or_id: str, trainer: str, plans: str, configuration: str) -> Path:
    """The folder in nnUNet_results that nnU-Net trains this model in, whether there or not.

    Raises:
        DuCiSCError: see ``dataset_name``, or nnUNet_results is not set.
    """
    dataset = dataset_name(name_or_id)
    try:
        return Path(get_output_folder(dataset, trainer, plans, configuration))
    except RuntimeError as error:
        raise DuCiSCError(
            "nnUNet_results is not set: run export nnUNet_results=/folder/of/trained/models."
        ) from error
