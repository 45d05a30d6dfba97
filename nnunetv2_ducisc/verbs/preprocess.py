"""``ducisc preprocess``."""

from __future__ import annotations

from argparse import ArgumentParser
from dataclasses import dataclass

from nnunetv2_ducisc.verbs import options


@dataclass(frozen=True)
class Preprocess:
    """Preprocess the unlabeled images, and predict them for a cascade, as training would."""

    dataset: str
    configuration: str
    plans: str
    processes: int | None
    trainer: str = "nnUNetTrainerDuCiSC"
    folds: list[str] | None = None
    device: str | None = None

    @staticmethod
    def add_options(parser: ArgumentParser) -> None:
        """-d, -c, -p and -np; for a configuration with a previous stage -tr, -f and -device."""
        options.dataset(parser)
        options.configuration(parser)
        options.processes(parser)
        options.trainer(parser)
        parser.add_argument(
            "-f",
            dest="folds",
            metavar="FOLD",
            nargs="+",
            help="for a configuration with a previous stage: the folds whose model of that stage "
            "predicts (default: all that are trained)",
        )
        parser.add_argument(
            "-device",
            choices=("cuda", "cpu", "mps"),
            help="where that model runs (default: cuda where there is one, else cpu)",
        )

    def run(self) -> int:
        """Preprocess and predict what is missing or out of date."""
        import torch
        from nnunetv2.configuration import default_num_processes

        from nnunetv2_ducisc.nnunet.preprocessing import prepare_unlabeled
        from nnunetv2_ducisc.nnunet.previous_stage import previous_stages
        from nnunetv2_ducisc.nnunet.previous_stage_prediction import prepare_predictions
        from nnunetv2_ducisc.nnunet.unlabeled_data import UnlabeledData

        processes = self.processes or default_num_processes
        data = UnlabeledData.named(self.dataset, self.configuration, self.plans)
        folder, cases = prepare_unlabeled(data, processes)
        print(f"{len(cases)} unlabeled cases are preprocessed in {folder}.", flush=True)
        device = torch.device(self.device or ("cuda" if torch.cuda.is_available() else "cpu"))
        for stage in previous_stages(data, self.trainer, self.folds):
            predictions = prepare_predictions(stage, device, processes)
            print(f"{stage.name}, fold {stage.fold}, has predicted them in {predictions}.")
        return 0
