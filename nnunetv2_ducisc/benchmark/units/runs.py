"""One training: a method with a seed and a fold on a copy, and what it predicts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from nnunetv2_ducisc import __version__
from nnunetv2_ducisc.benchmark.plan.plan import ALL, Method, Plan
from nnunetv2_ducisc.benchmark.units.copies import Copy
from nnunetv2_ducisc.benchmark.units.plans_step import WritePlans
from nnunetv2_ducisc.benchmark.units.steps import Step, Train, WriteFolder
from nnunetv2_ducisc.benchmark.units.unit import Unit
from nnunetv2_ducisc.nnunet.checkpoint import series
from nnunetv2_ducisc.nnunet.model_loading import WITH_THRESHOLDS
from nnunetv2_ducisc.nnunet.trainer_class import TrainerClass
from nnunetv2_ducisc.raw_dataset.layout import Part

CHECKPOINTS = {"student": "checkpoint_final.pth", "teacher": "checkpoint_final_teacher.pth"}


@dataclass(frozen=True)
class Run:
    """A training and its predictions of the test cases.

    Attributes:
        plan: what it is part of.
        copy: what it is trained on.
        method: what is trained.
        seed: of the training.
        fold: of nnU-Net.
    """

    plan: Plan
    copy: Copy
    method: Method
    seed: int
    fold: str

    @property
    def name(self) -> str:
        """Like ``Dataset501_LeftAtrium_3d_fullres/8_labels/DuCiSC_seed0_fold_all``."""
        return f"{self.copy.name}/{self.method.name}_seed{self.seed}_fold_{self.fold}"

    @property
    def folder(self) -> Path:
        """Its predictions, metrics and log."""
        return self.copy.work / self.name

    @property
    def networks(self) -> list[str]:
        """What is tested: the student, and the teacher where there is one and the plan asks."""
        return list(CHECKPOINTS) if self._has_teacher else ["student"]

    @property
    def training(self) -> Path:
        """The folder in which nnU-Net trains."""
        plans, configuration = self._plans, self.copy.entry.configuration
        model = f"{self.method.trainer}__{plans}__{configuration}"
        return self.copy.folder / "nnUNet_results" / self.copy.dataset / model / f"fold_{self.fold}"

    def metrics(self, network: str) -> Path:
        """The folder into which ``ducisc evaluate`` writes."""
        return self.folder / f"{network}_{self.plan.preset}"

    @cached_property
    def settings(self) -> dict[str, Any]:
        """The ``ducisc`` object of its plans."""
        if not TrainerClass.named(self.method.trainer).takes_settings:
            return {}
        length = {} if self.method.own_schedule else self.plan.length
        return {**length, **self.method.settings, "seed": self.seed}

    def unit(self) -> Unit:
        """Train to the end, then predict the test cases; their labels stay closed."""
        return Unit(
            self.name,
            self.folder,
            dict(self._steps()),
            {
                "trainer": self.method.trainer,
                "configuration": self.copy.entry.configuration,
                "network": vars(self.copy.entry.network),
                "settings": self.settings,
                "fold": self.fold,
                "device": self.plan.device,
                "version of nnunetv2-ducisc": series(__version__),
                **self._resolved_settings,
            },
            {**self.plan.variables, **self.copy.variables},
            needs=f"{self.copy.name}/prepare",
        )

    def evaluation(self) -> Unit:
        """Compare the predictions with the test labels."""
        truth = self.copy.test(Part.TEST.labels)
        steps = {
            network: WriteFolder(
                ("ducisc", "evaluate", "-gt", str(truth), "-pred", str(self.folder / network))
                + ("-d", self.copy.number, "--preset", self.plan.preset, "-o"),
                self.metrics(network),
            )
            for network in self.networks
        }
        return Unit(
            f"{self.name}/evaluate_{self.plan.preset}",
            self.folder / f"evaluate_{self.plan.preset}",
            steps,
            {"metrics": self.plan.preset},
            {**self.plan.variables, **self.copy.variables},
            needs=self.name,
            inputs={"test labels": self.copy.source.test_labels},
        )

    @property
    def can_be_analyzed(self) -> bool:
        """Whether there are unlabeled images to match, and ``ducisc analyze`` takes its model."""
        settings = TrainerClass.named(self.method.trainer).settings(self.settings, self.name)
        judged = settings.is_supervised or settings.confidence in WITH_THRESHOLDS
        return self.copy.count != ALL and judged

    @property
    def report(self) -> Path:
        """The folder into which ``ducisc analyze`` writes."""
        return self.folder / "analysis"

    def analysis(self) -> Unit:
        """Look into the trained model; its report opens withheld and test labels."""
        words = ("ducisc", "analyze", *self._trained, "-pred", str(self.folder / "student"), "-o")
        return Unit(
            f"{self.name}/analyze",
            self.folder / "analyze",
            {"analyze": WriteFolder(words, self.report)},
            {},
            {**self.plan.variables, **self.copy.variables},
            needs=self.name,
        )

    @property
    def _resolved_settings(self) -> dict[str, Any]:
        """Each with a key of its own: one that an earlier version did not have is not compared."""
        trainer = TrainerClass.named(self.method.trainer)
        resolved = trainer.resolved(self.settings, self.name)
        return {f"setting {name}": value for name, value in resolved.items()}

    @property
    def _plans(self) -> str:
        return f"nnUNetPlans_{self.method.name}_seed{self.seed}"

    @property
    def _has_teacher(self) -> bool:
        return self.plan.teacher and TrainerClass.named(self.method.trainer).has_teacher

    @property
    def _model(self) -> tuple[str, ...]:
        return ("-tr", self.method.trainer, "-p", self._plans, "-device", self.plan.device)

    @property
    def _trained(self) -> tuple[str, ...]:
        which = ("-d", self.copy.number, "-c", self.copy.entry.configuration, "-f", self.fold)
        return (*which, *self._model)

    def _steps(self) -> Iterator[tuple[str, Step]]:
        entry, number = self.copy.entry, self.copy.number
        yield (
            "plans",
            WritePlans(
                self.copy.preprocessed,
                self._plans,
                entry.configuration,
                entry.network,
                self.settings,
            ),
        )
        which = (number, entry.configuration, self.fold)
        yield "train", Train(("nnUNetv2_train", *which, *self._model), self.training)
        images = ("-i", str(self.copy.test(Part.TEST.images)))
        for network in self.networks:
            chosen = (*self._trained, "-chk", CHECKPOINTS[network])
            words = ("nnUNetv2_predict", *images, *chosen, "-o")
            yield network, WriteFolder(words, self.folder / network)
