"""``ducisc analyze``."""

from __future__ import annotations

from argparse import ArgumentParser
from dataclasses import dataclass
from pathlib import Path

from nnunetv2_ducisc.arguments import positive_number, seed_number
from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.verbs import options


@dataclass(frozen=True)
class Analyze:
    """Report on a trained model: matching of labeled and unlabeled images, pseudo labels."""

    dataset: str
    configuration: str
    plans: str
    trainer: str
    fold: str
    checkpoint: str
    output: Path | None
    predictions: Path | None
    device: str | None
    max_cases: int
    seed: int

    @staticmethod
    def add_options(parser: ArgumentParser) -> None:
        """Which model, and where to."""
        options.dataset(parser)
        options.configuration(parser)
        options.trainer(parser)
        parser.add_argument(
            "-f", dest="fold", metavar="FOLD", required=True, help="the fold: 0 to 4, or all"
        )
        parser.add_argument(
            "-chk",
            dest="checkpoint",
            metavar="FILE",
            default="checkpoint_final.pth",
            help="default: %(default)s, in which student and teacher are",
        )
        parser.add_argument(
            "-o",
            dest="output",
            metavar="OUT",
            type=Path,
            help="folder to write, replacing an earlier analysis (default: analysis in the fold's)",
        )
        parser.add_argument(
            "-pred",
            dest="predictions",
            metavar="DIR",
            type=Path,
            help="predictions of imagesTs, of all of which the worst, the median and the best are "
            "shown (default: predict three test cases)",
        )
        parser.add_argument(
            "-device",
            choices=("cuda", "cpu", "mps"),
            help="where the networks run (default: cuda where there is one, else cpu)",
        )
        parser.add_argument(
            "--max-cases",
            metavar="N",
            type=positive_number,
            default=20,
            help="the most labeled cases and the most unlabeled ones (default: %(default)s)",
        )
        parser.add_argument(
            "--seed",
            metavar="N",
            type=seed_number,
            default=0,
            help="of the draws of cases and voxels (default: %(default)s)",
        )

    def run(self) -> int:
        """Write the report, and say where it is."""
        import torch

        from nnunetv2_ducisc.evaluation.analysis.analysis import analyze
        from nnunetv2_ducisc.nnunet.names import model_folder

        if self.predictions is not None and not self.predictions.is_dir():
            raise DuCiSCError(f"There is no folder {self.predictions}: name one with -pred.")
        if self.device == "cuda" and not torch.cuda.is_available():
            raise DuCiSCError("torch finds no GPU here: take -device cuda away or name cpu.")
        folder = analyze(
            model_folder(self.dataset, self.trainer, self.plans, self.configuration),
            self.fold,
            self.checkpoint,
            self.output,
            self.predictions,
            torch.device(self.device or ("cuda" if torch.cuda.is_available() else "cpu")),
            self.max_cases,
            self.seed,
        )
        print(f"Open {folder / 'report.html'} in a browser.")
        return 0
