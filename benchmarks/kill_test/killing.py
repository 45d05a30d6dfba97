"""Lives with kills in them, each compared with the life that nobody has touched."""

from __future__ import annotations

import random
import shutil
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from benchmarks.background import Command
from benchmarks.kill_test.life import EPOCHS, PLANS, Life, check_same, contents
from tests.planned import PlannedDataset

SAVES = 2 * EPOCHS  # at most: the latest or the final one and the best an epoch
WRITING_S = 0.01  # a checkpoint of the tiny network is written in about half of this
PHASES = ("preprocessing", "training", "checkpoint")


class KillTest:
    """Starts with the reference life, which also says how long things take.

    Attributes:
        counts: what has been seen so far, by a few words.

    Args:
        dataset: planned and preprocessed; its unlabeled cases are preprocessed over and over.
        folder: for the results of all lives.
        seed: of the moments.
    """

    def __init__(self, dataset: PlannedDataset, folder: Path, seed: int) -> None:
        self.random = random.Random(seed)
        self.counts: Counter[str] = Counter()
        self.dataset, self.folder = dataset, folder
        dataset.write_plans(PLANS, num_epochs=EPOCHS, warmup_fraction=0.5)
        life = Life(dataset, folder / "reference")
        shutil.rmtree(life.cases, ignore_errors=True)
        self.preprocessing_s = duration(life.preprocess(1), life.is_preprocessing)
        self.training_s = duration(life.train(), lambda: life.starts() == 1)
        self.outcome = life.outcome()

    def kills(self) -> int:
        """The number of kills so far."""
        return sum(self.counts[f"kills, {phase}"] for phase in PHASES)

    def live(self, kills: int) -> None:
        """A life with one kill a phase, or fewer, in an order of training's two drawn anew.

        Raises:
            AssertionError: what it leaves differs from what the reference has left.
            DuCiSCError: a checkpoint is not whole.
            RuntimeError: a restart does not reach the end.
        """
        self.counts["lives"] += 1
        life = Life(self.dataset, self.folder / f"life_{self.counts['lives']}")
        shutil.rmtree(life.cases)
        phases = [PHASES[0], *self.random.sample(PHASES[1:], 2)][:kills]
        for phase in phases:
            moment = {
                "preprocessing": self._while_preprocessing,
                "training": self._while_training,
                "checkpoint": self._while_writing,
            }[phase]
            if moment(life):  # and the command has not ended before
                self.counts[f"kills, {phase}"] += 1
                self._check(life)
        life.train().finish()
        check_same(self.outcome, life.outcome(), f"Life {self.counts['lives']}")
        shutil.rmtree(life.results)

    def _while_preprocessing(self, life: Life) -> bool:
        command = life.preprocess(self.random.choice((1, 2)))
        command.wait_for(life.is_preprocessing)
        return command.kill_after(self.random.uniform(0, self.preprocessing_s))

    def _while_training(self, life: Life) -> bool:
        starts, command = life.starts(), life.train()
        command.wait_for(lambda: life.starts() > starts)
        return command.kill_after(self.random.uniform(0, self.training_s))

    def _while_writing(self, life: Life) -> bool:
        """From the moment that the n-th checkpoint of this process is being written."""
        start, command = time.time(), life.train()
        for _ in range(self.random.randrange(SAVES)):
            command.wait_for(lambda: bool(life.partial(start)))
            command.wait_for(lambda: not life.partial(start))
        command.wait_for(lambda: bool(life.partial(start)))
        return command.kill_after(self.random.uniform(0, WRITING_S))

    def _check(self, life: Life) -> None:
        """Read every file that the kill may have hit; what is there has to be whole."""
        self.counts["checkpoints read"] += life.read_checkpoints()
        if life.log.is_file():
            text = life.log.read_text(encoding="utf-8")
            assert self.outcome["log"].startswith(text), f"{life.log} is no part of the whole log"
        for name, content in contents(life.cases):
            check_same(self.outcome["cases"][name], content, name)
            self.counts["files of cases read"] += 1
        self.counts["checkpoints cut off under their temporary name"] += len(life.partial())


def duration(command: Command, event: Callable[[], bool]) -> float:
    """Seconds from an event to the command's end."""
    command.wait_for(event)
    start = time.monotonic()
    command.finish()
    return time.monotonic() - start
