"""``ducisc evaluate``."""

from __future__ import annotations

from argparse import ArgumentParser
from dataclasses import dataclass
from pathlib import Path

from nnunetv2_ducisc.verbs import options


@dataclass(frozen=True)
class Evaluate:
    """Compare predictions with references: Dice, Jaccard, 95HD and surface distance."""

    reference: Path
    prediction: Path
    dataset: str | None
    output: Path | None
    preset: str
    processes: int | None

    @staticmethod
    def add_options(parser: ArgumentParser) -> None:
        """Which folders, and by which rules."""
        parser.add_argument(
            "-gt",
            dest="reference",
            metavar="DIR",
            type=Path,
            required=True,
            help="reference segmentations, like labelsTs",
        )
        parser.add_argument(
            "-pred",
            dest="prediction",
            metavar="DIR",
            type=Path,
            required=True,
            help="predictions of the same names",
        )
        parser.add_argument(
            "-d",
            dest="dataset",
            metavar="DATASET",
            help="number or name of the dataset whose dataset.json names the classes (default: the "
            "dataset.json in the predictions' folder, else beside that of the references)",
        )
        parser.add_argument(
            "-o",
            dest="output",
            metavar="OUT",
            type=Path,
            help="folder for metrics.csv and metrics.json (default: that of the predictions)",
        )
        parser.add_argument(
            "--preset",
            choices=("mm", "published"),
            default="mm",
            help="mm: distances in mm, both surfaces alike, weighted by area; published: medpy's "
            "in voxels, for the tables of papers (default: %(default)s)",
        )
        options.processes(parser)

    def run(self) -> int:
        """Write both files and print the table."""
        from nnunetv2.configuration import default_num_processes

        from nnunetv2_ducisc.evaluation.predictions.evaluate import evaluate_folders
        from nnunetv2_ducisc.evaluation.predictions.evaluation import ROWS_FILE
        from nnunetv2_ducisc.evaluation.predictions.table import table

        evaluation = evaluate_folders(
            self.reference,
            self.prediction,
            self.dataset,
            self.output,
            self.preset,
            self.processes or default_num_processes,
        )
        print(f"Classes: {evaluation.dataset_json or 'the labels that were found'}\n")
        print(table(evaluation.summary))
        print(f"\nEvery case: {(self.output or self.prediction) / ROWS_FILE}")
        return 0
