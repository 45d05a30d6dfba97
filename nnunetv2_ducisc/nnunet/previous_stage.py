"""A cascade's previous stage: its trained model, and which unlabeled cases it has predicted."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from nnunetv2.utilities.dataset_name_id_conversion import convert_dataset_name_to_id
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.nnunet.fingerprint import Source, plans_fingerprint, source_of
from nnunetv2_ducisc.nnunet.names import model_folder
from nnunetv2_ducisc.nnunet.unlabeled_data import UnlabeledData

CHECKPOINT = "checkpoint_final.pth"  # of which nnU-Net's predictions of the labeled cases are
_DEFAULT_TRAINER = "nnUNetTrainerDuCiSC"


@dataclass(frozen=True)
class PreviousStage:
    """The model whose predictions a cascade's second stage gets beside the image.

    nnU-Net predicts the labeled cases at the end of the previous stage's training, each in the fold
    that validates it. Those in imagesUn are in no fold: the model of the same fold predicts them,
    into a folder of this fold.

    Attributes:
        data: the unlabeled cases as the second stage's configuration sees them.
        trainer: the name of the class that both stages are trained with.
        fold: of both stages, like ``0`` or ``all``.
    """

    data: UnlabeledData
    trainer: str
    fold: str

    @property
    def name(self) -> str:
        """The configuration of the previous stage, like ``3d_lowres``."""
        name = previous_stage_name(self.data)
        assert name is not None
        return name

    @property
    def model(self) -> Path:
        """The folder of the previous stage's model."""
        plans = self.data.plans_manager.plans_name
        return model_folder(self.data.raw_dataset.name, self.trainer, plans, self.name)

    @property
    def checkpoint(self) -> Path:
        """What it predicts with."""
        return self.model / f"fold_{self.fold}" / CHECKPOINT

    @property
    def folder(self) -> Path:
        """Where its predictions of the unlabeled cases go."""
        folder = self.checkpoint.parent / "predicted_next_stage_unlabeled"
        return folder / self.data.configuration_name

    @property
    def labeled_folder(self) -> Path:
        """Where nnU-Net has put its predictions of the labeled cases."""
        return self.model / "predicted_next_stage" / self.data.configuration_name

    @property
    def input(self) -> UnlabeledData:
        """The unlabeled cases as the model sees them: by the plans it was trained by."""
        plans = PlansManager(str(self.model / "plans.json"))
        data = self.data
        return UnlabeledData(
            data.raw_dataset, data.preprocessed_dataset, plans, self.name, data.dataset_json
        )

    def missing(self, cases: dict[str, list[Path]]) -> dict[str, Source]:
        """Cases whose prediction is not of the present model and image -> what it is to be of."""
        stat, data, given = self.checkpoint.stat(), self.data, self.input
        made_by = {
            "checkpoint": [stat.st_size, stat.st_mtime_ns],
            "input": plans_fingerprint(given.plans_manager, self.name, data.dataset_json),
        }
        plans = plans_fingerprint(data.plans_manager, data.configuration_name, data.dataset_json)
        sources = {c: source_of(c, images, plans) | made_by for c, images in cases.items()}
        return {c: s for c, s in sources.items() if not _is_current(self.folder, c, s)}

    def check_trained(self) -> None:
        """Refuse to predict with a model that is not there.

        Raises:
            DuCiSCError: names the command that trains it.
        """
        if not self.checkpoint.is_file():
            raise DuCiSCError(
                f"There is no {self.checkpoint}: {self.data.configuration_name} needs the "
                f"predictions of {self.name}, train that first with {self.train_command()}."
            )

    def check_labeled(self, cases: Iterable[str]) -> None:
        """Refuse to train without a prediction of each labeled case.

        Args:
            cases: the identifiers of the labeled cases of the fold.

        Raises:
            DuCiSCError: names a case, and the command that predicts it.
        """
        folder = self.labeled_folder
        there = {file.stem for file in folder.iterdir()} if folder.is_dir() else set()
        absent = sorted(case for case in cases if case not in there)
        if absent:
            raise DuCiSCError(
                f"{len(absent)} labeled cases, {absent[0]} among them, have no prediction of "
                f"{self.name} in {folder}: nnU-Net writes it at the end of a training, in the fold "
                f"that validates the case; train every fold with {self.train_command('FOLD')}, "
                "and add --val for one that is trained."
            )

    def train_command(self, fold: str | None = None) -> str:
        """What trains the previous stage."""
        plans = self.data.plans_manager.plans_name
        return (
            f"nnUNetv2_train {convert_dataset_name_to_id(self.data.raw_dataset.name)} {self.name} "
            f"{fold or self.fold} -tr {self.trainer}"
            + (f" -p {plans}" if plans != "nnUNetPlans" else "")
        )

    def command(self, options: str = "") -> str:
        """What predicts the unlabeled cases from the command line."""
        trainer = f" -tr {self.trainer}" if self.trainer != _DEFAULT_TRAINER else ""
        return self.data.command(f"{trainer} -f {self.fold}{options}")


def previous_stage_name(data: UnlabeledData) -> str | None:
    """The previous stage of a cascade's second one; None for any other configuration."""
    return data.plans_manager.get_configuration(data.configuration_name).previous_stage_name


def previous_stages(
    data: UnlabeledData, trainer: str, folds: list[str] | None
) -> list[PreviousStage]:
    """The models that are to predict the unlabeled cases: none without a previous stage.

    Args:
        data: the cases, and the configuration that needs the predictions.
        trainer: the name of the trainer class.
        folds: None means those that are trained.

    Raises:
        DuCiSCError: none is trained, or folds are named and there is no previous stage.
    """
    if previous_stage_name(data) is None:
        if folds:
            raise DuCiSCError(
                f"-f was given, but {data.configuration_name} has no previous stage that would "
                "predict: leave -f out."
            )
        return []
    any_fold = PreviousStage(data, trainer, "FOLD")
    trained = any_fold.model.glob(f"fold_*/{CHECKPOINT}")
    folds = folds or sorted(file.parent.name.removeprefix("fold_") for file in trained)
    if not folds:
        any_fold.check_trained()
    return [PreviousStage(data, trainer, fold) for fold in folds]


def write_stamp(folder: Path, case: str, source: Source) -> None:
    """Say beside a prediction, which is the only file in its folder, what it was made of."""
    sizes = {file.name: file.stat().st_size for file in folder.iterdir()}
    text = json.dumps({"source": source, "files": sizes})
    (folder / f"{case}.json").write_text(text, encoding="utf-8")


def _is_current(folder: Path, case: str, source: Source) -> bool:
    """Whether the prediction of a case is there whole and was made of this source."""
    try:
        kept = json.loads((folder / f"{case}.json").read_text(encoding="utf-8"))
        sizes = {name: (folder / name).stat().st_size for name in kept["files"]}
    except (OSError, ValueError, KeyError, TypeError):
        return False  # absent or damaged: it is made anew
    return kept == {"source": source, "files": sizes}
