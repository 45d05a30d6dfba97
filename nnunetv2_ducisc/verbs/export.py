"""``ducisc export``."""

from __future__ import annotations

from argparse import ArgumentParser
from dataclasses import dataclass
from pathlib import Path

from nnunetv2_ducisc.verbs import options


@dataclass(frozen=True)
class Export:
    """Write a trained model as one that stock nnU-Net predicts with, without this package."""

    dataset: str
    configuration: str
    plans: str
    trainer: str
    folds: list[str]
    checkpoint: str
    output: Path

    @staticmethod
    def add_options(parser: ArgumentParser) -> None:
        """Which model, and where to."""
        options.dataset(parser)
        options.configuration(parser)
        options.trainer(parser)
        parser.add_argument(
            "-f",
            dest="folds",
            metavar="FOLD",
            nargs="+",
            default=["0", "1", "2", "3", "4"],
            help="the folds to export (default: 0 1 2 3 4)",
        )
        options.checkpoint(parser)
        parser.add_argument(
            "-o",
            dest="output",
            metavar="OUT",
            type=Path,
            required=True,
            help="the model folder to write, which must not exist",
        )

    def run(self) -> int:
        """Copy the model and say how to predict with it."""
        from nnunetv2_ducisc.nnunet.export import export_model
        from nnunetv2_ducisc.nnunet.names import model_folder

        source = model_folder(self.dataset, self.trainer, self.plans, self.configuration)
        export_model(source, self.folds, self.checkpoint, self.output)
        print(
            f"{self.output} is written; stock nnU-Net predicts with it: nnUNetv2_predict_from_"
            f"modelfolder -i INPUT -o OUTPUT -m {self.output} -f {' '.join(self.folds)}"
        )
        return 0
