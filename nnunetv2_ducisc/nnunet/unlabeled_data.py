"""The unlabeled images of a dataset as one configuration of its plans sees them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nnunetv2.paths import nnUNet_preprocessed, nnUNet_raw
from nnunetv2.utilities.dataset_name_id_conversion import (
    convert_dataset_name_to_id,
)
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.nnunet.fingerprint import Source, is_current, plans_fingerprint, source_of
from nnunetv2_ducisc.nnunet.names import dataset_name
from nnunetv2_ducisc.nnunet.unlabeled import find_unlabeled_cases


@dataclass(frozen=True)
class UnlabeledData:
    """Where the unlabeled cases are, raw and preprocessed, and which of them are to be done.

    Attributes:
        raw_dataset: the dataset's folder in nnUNet_raw.
        preprocessed_dataset: its folder in nnUNet_preprocessed.
        plans_manager: nnU-Net's plans.
        configuration_name: the configuration in the plans.
        dataset_json: content of the dataset's dataset.json.
    """

    raw_dataset: Path
    preprocessed_dataset: Path
    plans_manager: PlansManager
    configuration_name: str
    dataset_json: dict[str, Any]

    @classmethod
    def named(
        cls, dataset_name_or_id: str | int, configuration: str, plans_name: str
    ) -> UnlabeledData:
        """Find the folders and the plans by the names that nnU-Net's commands take.

        Raises:
            DuCiSCError: no such dataset, plans or configuration, or a folder variable is not set.
        """
        dataset = dataset_name(str(dataset_name_or_id))
        try:
            raw, preprocessed = Path(nnUNet_raw) / dataset, Path(nnUNet_preprocessed) / dataset
        except RuntimeError as error:  # of nnU-Net, for a variable that is not set
            raise DuCiSCError(str(error)) from error
        plans_manager = _read_plans(preprocessed / f"{plans_name}.json", configuration)
        dataset_json = json.loads((preprocessed / "dataset.json").read_text(encoding="utf-8"))
        return cls(raw, preprocessed, plans_manager, configuration, dataset_json)

    @property
    def folder(self) -> Path:
        """Where the preprocessed cases go."""
        configuration = self.plans_manager.get_configuration(self.configuration_name)
        return self.preprocessed_dataset / f"{configuration.data_identifier}_unlabeled"

    def cases(self) -> dict[str, list[Path]]:
        """Identifier -> channel files in order, by identifier; see ``find_unlabeled_cases``."""
        return find_unlabeled_cases(self.raw_dataset, self.dataset_json)

    def missing(self, cases: dict[str, list[Path]]) -> dict[str, Source]:
        """Cases that are not preprocessed from what they should be -> what they should be from."""
        plans = plans_fingerprint(self.plans_manager, self.configuration_name, self.dataset_json)
        sources = {case: source_of(case, images, plans) for case, images in cases.items()}
        return {
            c: source for c, source in sources.items() if not is_current(self.folder, c, source)
        }

    def command(self, options: str = "") -> str:
        """What preprocesses these cases from the command line."""
        dataset = convert_dataset_name_to_id(self.raw_dataset.name)
        if self.plans_manager.plans_name != "nnUNetPlans":
            options = f" -p {self.plans_manager.plans_name}{options}"
        return f"ducisc preprocess -d {dataset} -c {self.configuration_name}{options}"


def _read_plans(file: Path, configuration: str) -> PlansManager:
    """The plans in a file, which must have this configuration."""
    if not file.is_file():
        raise DuCiSCError(
            f"There are no plans {file}: run nnUNetv2_plan_and_preprocess -d "
            f"{convert_dataset_name_to_id(file.parent.name)} first, or name other plans with -p."
        )
    plans_manager = PlansManager(str(file))
    if configuration not in plans_manager.available_configurations:
        raise DuCiSCError(
            f"{file} has no configuration {configuration}: name one of "
            f"{', '.join(plans_manager.available_configurations)} with -c."
        )
    return plans_manager
