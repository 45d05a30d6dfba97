"""nnUNetTrainerDuCiSC: nnU-Net's hooks wired to the method. Composes, computes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from nnunetv2.training.lr_scheduler.polylr import PolyLRScheduler
from torch.optim import Optimizer

from nnunetv2_ducisc import __version__
from nnunetv2_ducisc.alternatives import confidence_of, mixing_of, objective_of
from nnunetv2_ducisc.finite_losses import FiniteLosses
from nnunetv2_ducisc.method.confidence import Confidence, count_voxels
from nnunetv2_ducisc.method.mixing import Shares, mixed_labels
from nnunetv2_ducisc.method.objective import Guide
from nnunetv2_ducisc.method.pyramid import finest
from nnunetv2_ducisc.method.teacher import ema_teacher, weights_of
from nnunetv2_ducisc.nnunet import checkpoint as checkpoints
from nnunetv2_ducisc.nnunet.case_predictor import CasePredictor
from nnunetv2_ducisc.nnunet.compilation import compiled_for_fixed_sizes
from nnunetv2_ducisc.nnunet.configured_trainer import ConfiguredTrainer
from nnunetv2_ducisc.nnunet.features import DecoderFeatures, plain_network
from nnunetv2_ducisc.nnunet.labeler import Labeler, MeanTeacher, TemporalEnsemble
from nnunetv2_ducisc.nnunet.labels import class_names, label_maps, labeling_of
from nnunetv2_ducisc.nnunet.loading import (
    UnlabeledBatch,
    restarted,
    stop,
    unlabeled_cases,
    unlabeled_loader,
)
from nnunetv2_ducisc.nnunet.step import (
    StepLoss,
    deep_supervision_weights,
    full_resolution,
    replaced,
)
from nnunetv2_ducisc.nnunet.streams import Logits, OneAtATime, Together, glance
from nnunetv2_ducisc.nnunet.support import check_supported
from nnunetv2_ducisc.nnunet.teacher_network import TeacherNetwork
from nnunetv2_ducisc.nnunet.unlabeled_predictions import UnlabeledPredictions
from nnunetv2_ducisc.progress import ProgressLog


class nnUNetTrainerDuCiSC(ConfiguredTrainer):
    """Semi-supervised nnU-Net: labeled cases from imagesTr, unlabeled ones from imagesUn.

    Attributes:
        settings: the numbers of the method. A variant overrides the class attribute; the ``ducisc``
            object in the plans' configuration goes on top of it.
    """

    def __init__(
        self,
        plans: dict,
        configuration: str,
        fold: int,
        dataset_json: dict,
        device: torch.device = torch.device("cuda"),  # noqa: B008 (nnU-Net's signature)
    ) -> None:
        super().__init__(plans, configuration, fold, dataset_json, device)
        check_supported(self, self.settings)
        self.initial_lr = self.settings.initial_lr
        self.weight_decay = self.settings.weight_decay
        self.iteration = 0
        self.finite_losses = FiniteLosses()
        self.dataloader_unlabeled: Any = None  # -> get_dataloaders

    def initialize(self) -> None:
        """Build nnU-Net's network, loss and optimizer, then the teacher and the method's state."""
        super().initialize()
        self.network: torch.nn.Module = compiled_for_fixed_sizes(self.network)
        student = plain_network(self.network)
        # The teacher is copied before the student gets the hooks that record its features.
        self.teacher = ema_teacher(student, self.settings.ema_decay)
        self.labeling = labeling_of(self.label_manager)
        self.classes = class_names(self.dataset_json, self.label_manager)
        self.progress = ProgressLog(self.classes)
        self.mixing = mixing_of(self.settings, not self.label_manager.has_regions)
        self.confidence = self._initial_confidence(self.device)
        scale_weights = deep_supervision_weights(self.loss)
        self.objective = objective_of(self.settings, scale_weights, self.labeling)
        scales = self.settings.num_scales
        self.features = DecoderFeatures(student, scales if self.objective.needs_features else 0)
        self._initialize_labeler(scales if self.objective.needs_teacher_features else 0)

    def _initial_confidence(self, device: torch.device) -> Confidence:
        num_outputs = len(deep_supervision_weights(self.loss))
        return confidence_of(self.settings, self.labeling, len(self.classes), num_outputs, device)

    def _initialize_labeler(self, scales: int) -> None:
        """Who labels unlabeled images, and the predictions of whole cases that some ask for."""
        self.teacher_network = TeacherNetwork(
            self.teacher.module,
            self._do_i_compile(),
            self.labeling,
            self.confidence.reads_all_outputs and self.enable_deep_supervision,
            scales,
        )
        self.labeler: Labeler = MeanTeacher(self.teacher_network)
        if self.settings.ensembling == "temporal":
            self.labeler = TemporalEnsemble(self.labeling)
        self.predictions = UnlabeledPredictions(
            Path(self.output_folder) / "unlabeled_predictions",
            self.settings,
            self.labeling,
            len(self.classes),
            self._initial_confidence(torch.device("cpu")),
        )

    def configure_optimizers(self) -> tuple[Optimizer, PolyLRScheduler]:
        """nnU-Net's optimizer and schedule with the settings' numbers."""
        optimizer, schedule = super().configure_optimizers()
        for group in optimizer.param_groups:
            group.update(momentum=self.settings.momentum, nesterov=self.settings.nesterov)
        if self.settings.lr_schedule == "constant":
            schedule.exponent = 0
        return optimizer, schedule

    def get_dataloaders(self) -> tuple[Any, Any]:
        """nnU-Net's loaders of labeled cases and, beside them, ours of unlabeled ones."""
        if self.settings.is_supervised:
            return super().get_dataloaders()
        cases = self.predictions.added_to(unlabeled_cases(self))
        self.predictions.start(self.current_epoch)
        self.dataloader_unlabeled = unlabeled_loader(
            self, self.settings, cases, self.predictions.num_maps
        )
        # Like nnU-Net's: a loader that cannot load says so before training starts.
        next(self.dataloader_unlabeled)
        return super().get_dataloaders()

    def on_train_start(self) -> None:
        """Start as nnU-Net does, and name the settings in the log."""
        super().on_train_start()
        self.print_to_log_file(f"DuCiSC {__version__} settings: {self.settings.as_dict()}")
        if self.iteration == 0:  # the student may have got pretrained weights since it was copied
            self.teacher.module.load_state_dict(plain_network(self.network).state_dict())
        if self.predictions.is_due(self.current_epoch):  # without warm-up
            self._predict_unlabeled_cases()

    def run_training(self) -> None:
        """Train; end the loaders' processes whatever ends the training."""
        try:
            super().run_training()
        finally:
            for loader in (self.dataloader_train, self.dataloader_val, self.dataloader_unlabeled):
                stop(loader)

    @property
    def is_warming_up(self) -> bool:
        """Whether w(t) is zero: the step is nnU-Net's own."""
        return self.settings.is_supervised or self.iteration < self.settings.warmup_iterations

    def train_step(self, batch: dict) -> dict:
        """One iteration: supervised during warm-up, DuCiSC's after it; the teacher follows."""
        if self.is_warming_up:
            outputs = super().train_step(batch)
            loss = torch.as_tensor(outputs["loss"], device=self.device)
            self._are_finite({"sup": loss}, list(batch["keys"]))
        else:
            outputs = self._semi_supervised_step(batch)
        self.teacher.update_parameters(plain_network(self.network))
        self.iteration += 1
        return outputs

    def _semi_supervised_step(self, batch: dict) -> dict:
        """The algorithm of the paper for one labeled and one unlabeled batch."""
        unlabeled = UnlabeledBatch.of(
            next(self.dataloader_unlabeled), self.predictions.num_maps, self.device
        )
        x_i, x_j = batch["data"].to(self.device, non_blocking=True), unlabeled.student
        target = full_resolution(batch["target"]).to(self.device, non_blocking=True)
        y_i, annotated = label_maps(target, self.label_manager)

        teacher = self.labeler(unlabeled)
        y_j, reliable = self.confidence.label(teacher, self.iteration)
        images, guides = {"labeled": x_i}, {"unlabeled": Guide(y_j, reliable, teacher.features)}
        if "unlabeled" in self.objective.guided:
            images["unlabeled"] = x_j
        if "mixed" in self.objective.guided:
            shares = self.mixing.shares(self.mixing.draw(len(x_i), x_i.shape[2:]), y_i)
            images["mixed"] = shares.mix(x_i, x_j)  # Eq. 5
            y_k, reliable_k = mixed_labels(shares, y_i, annotated, y_j, reliable)
            of_teacher = self._teacher_of_mixed(shares, x_i, teacher.images)
            guides["mixed"] = Guide(y_k, reliable_k, of_teacher)
        del teacher  # what it says of every class would lie beside the student's activations

        loss = StepLoss(self.loss, self.objective, y_i, guides)  # Eq. 2 to 4, 6, 7, 10, 11
        if "unlabeled" not in images and self.confidence.learns:
            loss.unlabeled_logits = glance(self.network, x_j)
        outputs = self._student_step(images, loss, batch["target"])
        if self._are_finite(loss.values, [*batch["keys"], *unlabeled.cases]):
            self.confidence.learn(loss.unlabeled_logits, y_j)  # Eq. 8, 9
            self.progress.add_step(loss.values, count_voxels(finest(y_j), finest(reliable)))
        return outputs

    def _student_step(
        self, images: dict[str, torch.Tensor], loss: StepLoss, target: Logits
    ) -> dict:
        """nnU-Net's own step: one pass of all kinds of images, and a loss that takes them apart."""
        passes = OneAtATime if self.settings.low_memory else Together
        network = passes(self.network, self.features, list(images))
        with (
            self.features.recording(),
            replaced(self, "network", network),
            replaced(self, "loss", loss),
        ):
            return super().train_step({"data": torch.cat([*images.values()]), "target": target})

    def _teacher_of_mixed(
        self, shares: Shares, x_i: torch.Tensor, x_j: torch.Tensor
    ) -> Sequence[torch.Tensor]:
        """F_k^tea of Eq. 13, for the teacher's own view of j; nothing where no term reads it."""
        if not self.objective.needs_teacher_of_mixed:
            return ()
        return self.teacher_network(shares.mix(x_i, x_j)).features

    def _are_finite(self, losses: dict[str, torch.Tensor], cases: list[str]) -> bool:
        """Whether the step counts; the log names the cases of one that was skipped."""
        may_skip = self.grad_scaler is not None
        line = self.finite_losses.check(losses, self.iteration, cases, may_skip)
        if line:
            self.print_to_log_file(line)
        return not line

    def on_train_epoch_end(self, train_outputs: list[dict]) -> None:
        """Log the epoch: nnU-Net's own values, then the method's."""
        super().on_train_epoch_end(train_outputs)
        train_loss = float(self.logger.get_value("train_losses", step=-1))
        row = self.progress.end_epoch(
            self.current_epoch, self.iteration, train_loss, self.confidence.in_use
        )
        self.print_to_log_file(self.progress.console_line(row))
        if self.local_rank == 0:
            self.progress.write(Path(self.output_folder))
        for logger in self.logger.loggers:  # W&B, where nnU-Net's own switch is on
            for column, value in row.items():
                logger.log(f"ducisc/{column}", value, self.current_epoch)

    def on_epoch_end(self) -> None:
        """End the epoch as nnU-Net does; before it, predict the unlabeled cases where it is time.

        A checkpoint then follows at once: what it goes on from is what lies on the disk.
        """
        if not self.predictions.is_due(self.current_epoch + 1):
            super().on_epoch_end()
            return
        self._predict_unlabeled_cases()
        with replaced(self, "save_every", 1):
            super().on_epoch_end()
        self.predictions.forget_older()

    def _predict_unlabeled_cases(self) -> None:
        """Make the predictions of all unlabeled cases anew, and patches from them."""
        is_temporal = self.settings.ensembling == "temporal"
        network = plain_network(self.network) if is_temporal else self.teacher.module
        self.predictions.confidence.load_state_dict(self.confidence.state_dict())
        predict = CasePredictor(self, network).logits
        self.print_to_log_file(self.predictions.update(predict, self.iteration))
        self.dataloader_unlabeled = restarted(self.dataloader_unlabeled)

    def added_state(self) -> dict[str, Any]:
        """What a checkpoint holds under the key ``ducisc``."""
        return {
            **super().added_state(),
            "teacher": self.teacher.state_dict(),
            "thresholds": self.confidence.state_dict(),
            "progress": self.progress.state_dict(),
            "iteration": self.iteration,
            "predictions": self.predictions.updates,
        }

    def restore_added_state(self, state: dict[str, Any]) -> None:
        """Take over what ``added_state`` returned."""
        super().restore_added_state(state)
        self.teacher.load_state_dict(state["teacher"])
        self.confidence.load_state_dict(state["thresholds"])
        self.progress.load_state_dict(state["progress"])
        self.iteration = state["iteration"]
        self.predictions.updates = state["predictions"]

    def on_train_end(self) -> None:
        """End as nnU-Net does, and leave the teacher beside ``checkpoint_final.pth``."""
        super().on_train_end()
        self.predictions.finish()
        final = Path(self.output_folder) / "checkpoint_final.pth"
        if self.local_rank == 0 and not self.disable_checkpointing:
            checkpoints.write_teacher(final, weights_of(self.teacher))
