"""What is said of every whole unlabeled case, made anew every few epochs and kept on disk."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import torch
from nnunetv2.training.dataloading.nnunet_dataset import nnUNetBaseDataset
from torch import Tensor
from torch import distributed as dist
from tqdm import tqdm

from nnunetv2_ducisc.errors import DuCiSCError, one_line
from nnunetv2_ducisc.method.confidence import Confidence
from nnunetv2_ducisc.method.distributed import is_distributed
from nnunetv2_ducisc.method.labeling import Labeling
from nnunetv2_ducisc.method.temporal import ensemble
from nnunetv2_ducisc.nnunet.generations import Generations
from nnunetv2_ducisc.nnunet.predicted_cases import (
    PredictedCases,
    read_maps,
    write_locations,
    write_maps,
)
from nnunetv2_ducisc.nnunet.pseudo_foreground import confident_foreground
from nnunetv2_ducisc.settings import DuCiSCSettings

WAIT_EVERY = 20  # cases: a process that waits for others for ten minutes is taken for dead by NCCL

Predict = Callable[[Any, Any], Tensor]


class UnlabeledPredictions:
    """Predictions of all unlabeled cases, if the settings ask for any.

    Temporal ensembling keeps their average in half precision (Table IX): two bytes a voxel and
    foreground class, twice while they are made anew. Oversampling keeps up to 10,000 voxels, or one
    in a hundred, of each class. Under several GPUs each predicts its share.

    Args:
        folder: where they are kept; nobody else's.
        settings: what is kept and how often it is made.
        labeling: what the network's outputs are.
        num_classes: C.
        confidence: which voxels count as foreground, on the CPU.

    Attributes:
        updates: how often they were made: what a checkpoint has to keep.
    """

    def __init__(
        self,
        folder: Path,
        settings: DuCiSCSettings,
        labeling: Labeling,
        num_classes: int,
        confidence: Confidence,
    ) -> None:
        self.settings = settings
        self.labeling = labeling
        self.confidence = confidence
        self.updates = 0
        self._generations = Generations(folder)
        is_temporal = settings.predicts_cases and settings.ensembling == "temporal"
        self.num_maps = labeling.foreground(torch.empty(1, num_classes)).shape[1] * is_temporal

    def is_due(self, epoch: int) -> bool:
        """Whether they have to be made before an epoch of the run, counted from 0."""
        if not self.settings.predicts_cases or epoch >= self.settings.num_epochs:
            return False
        first = self.settings.warmup_iterations // self.settings.num_iterations_per_epoch
        due = (epoch - first) // self.settings.prediction_interval + 1
        return epoch >= first and due > self.updates

    def added_to(self, cases: nnUNetBaseDataset) -> nnUNetBaseDataset | PredictedCases:
        """The cases with what was predicted of them; themselves where nothing is."""
        if not self.settings.predicts_cases:
            return cases
        self.cases = PredictedCases(cases, self.num_maps)
        return self.cases

    def start(self, epoch: int) -> None:
        """Begin or continue a training: remove what it did not make, or has to make again.

        Args:
            epoch: the next one; a training that is over needs none of them.

        Raises:
            DuCiSCError: what the training has made before is gone, or does not know a case.
        """
        if not self.settings.predicts_cases or epoch >= self.settings.num_epochs:
            return
        if self.updates and not self._generations[self.updates].is_dir():
            raise DuCiSCError(
                f"There is no {self._generations[self.updates]}, the predictions of unlabeled "
                "cases that this training goes on from: put the folder back, or start a new "
                "training without --c."
            )
        self._take_up()
        if self.num_maps and (added := self.cases.without_maps()):
            raise DuCiSCError(
                f"{', '.join(added)} came into imagesUn after the predictions that this training "
                "goes on from were made: take it out again, or start a new training without --c."
            )

    def update(self, predict: Predict, iteration: int) -> str:
        """Make them anew; those before stay until ``forget_older``.

        Args:
            predict: image and previous stage's labels of a case to its logits, on the CPU.
            iteration: of the run.

        Returns:
            A line for the log.

        Raises:
            DuCiSCError: they could not be written.
        """
        start = monotonic()
        self._as_first(self._generations.begin)
        mine = self.cases.identifiers[_rank() :: _world_size()]
        in_step = len(self.cases.identifiers) // _world_size()
        progress = tqdm(mine, "Predicting unlabeled cases", disable=_rank() > 0)
        for number, case in enumerate(progress, start=1):
            self._keep(case, predict, iteration)
            if number % WAIT_EVERY == 0 and number <= in_step:
                _wait()
        _wait()
        self.updates += 1
        self._as_first(lambda: self._generations.install(self.updates))
        self.cases.folder = self._generations[self.updates]
        took = monotonic() - start
        number = len(self.cases.identifiers)
        return f"Predicted {number} unlabeled cases in {took:.1f} s (update {self.updates})"

    def forget_older(self) -> None:
        """A checkpoint knows the last ones: those before are not needed any more."""
        self._take_up()

    def finish(self) -> None:
        """The training is over."""
        self.updates = 0
        self._as_first(lambda: self._generations.keep_only(0))

    def _take_up(self) -> None:
        self._as_first(lambda: self._generations.keep_only(self.updates))
        self.cases.folder = self._generations[self.updates] if self.updates else None

    def _keep(self, case: str, predict: Predict, iteration: int) -> None:
        """Predict a case and write what the settings ask for."""
        image, _, previous, _ = self.cases.cases.load_case(case)
        logits = predict(image, previous)
        probabilities = self.labeling.probabilities(logits[None])
        folder = self._generations.unfinished
        if self.num_maps:
            maps = self._averaged(case, self.labeling.foreground(probabilities)[0])
            with self._writing():
                write_maps(folder, case, maps.numpy())
            probabilities = self.labeling.with_background(maps[None])
        if self.settings.oversample_pseudo_foreground:
            found = confident_foreground(
                probabilities[0], self.labeling, self.confidence, iteration
            )
            with self._writing():
                write_locations(folder, case, found)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Say in a sentence what keeps a prediction from being written."""
        try:
            yield
        except OSError as error:
            free = shutil.disk_usage(self._generations.folder).free / 2**20
            raise DuCiSCError(
                f"The predictions of unlabeled cases could not be written to "
                f"{self._generations.folder}, with {free:.0f} MiB free on its disk "
                f"({one_line(error)}): make room, then go on with --c."
            ) from error

    def _averaged(self, case: str, maps: Tensor) -> Tensor:
        before = maps
        if self.updates:
            before = torch.from_numpy(read_maps(self._generations[self.updates], case).copy())
        return ensemble(before, maps, self.updates + 1, self.settings.ensemble_decay)

    @staticmethod
    def _as_first(work: Callable[[], None]) -> None:
        """Do once what the processes of a training share, while the others wait."""
        if _rank() == 0:
            work()
        _wait()


def _rank() -> int:
    return dist.get_rank() if is_distributed() else 0


def _world_size() -> int:
    return dist.get_world_size() if is_distributed() else 1


def _wait() -> None:
    if is_distributed():
        dist.barrier()
