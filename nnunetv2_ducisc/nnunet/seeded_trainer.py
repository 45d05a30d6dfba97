"""Stock nnU-Net, for comparisons: its length and its seed are in the plans."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from nnunetv2_ducisc import __version__
from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.nnunet import checkpoint as checkpoints
from nnunetv2_ducisc.nnunet.checkpoint_file import write_whole
from nnunetv2_ducisc.settings import DuCiSCSettings

LENGTH = (
    "num_epochs",
    "num_iterations_per_epoch",
    "num_val_iterations_per_epoch",
    "save_every",
)


class nnUNetTrainer_seeded(nnUNetTrainer):
    """``nnUNetTrainer`` with the length and the seed that the ``ducisc`` object of the plans names.

    nnU-Net's own named lengths, like ``nnUNetTrainer_100epochs``, are few and take no seed.
    Network, loss, optimizer, sampling and augmentation are untouched. Checkpoints hold the random
    state too, so that a training that was stopped goes on as it would have gone on.
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
        self.settings = length_and_seed(
            self.configuration_manager.configuration.get("ducisc", {}),
            where=f'"ducisc" in configuration {configuration} of '
            f"{self.plans_manager.plans_name}.json",
        )
        for name in LENGTH:
            setattr(self, name, getattr(self.settings, name))
        self._resumed_from: dict[str, Any] = {}  # a checkpoint's state, until training starts

    def initialize(self) -> None:
        """Seed, then build what nnU-Net builds."""
        if self.settings.seed is not None:
            checkpoints.seed_everything(self.settings.seed + self.local_rank)
        super().initialize()

    def on_train_start(self) -> None:
        """Start as nnU-Net does; a continued training goes on drawing where it was stopped."""
        if self._resumed_from and self.current_epoch < self.num_epochs:
            checkpoints.check_same_settings(self._resumed_from["settings"], self.settings.as_dict())
        super().on_train_start()
        if self._resumed_from and self.local_rank == 0:  # other ranks draw differently anyway
            checkpoints.restore_random_state(self._resumed_from["random_state"])
        self._resumed_from = {}

    def save_checkpoint(self, filename: str) -> None:
        """nnU-Net's checkpoint and the random state, whole or not at all."""
        state = {
            "random_state": checkpoints.random_state(),
            "settings": self.settings.as_dict(),
            "version": __version__,
        }
        checkpoint = checkpoints.extended(super().save_checkpoint, state)
        if checkpoint is not None:
            write_whole(checkpoint, Path(filename))

    def load_checkpoint(self, filename_or_checkpoint: str) -> None:
        """Restore nnU-Net's state, and keep the random state for the start of training."""
        self._resumed_from = checkpoints.read_extra(Path(filename_or_checkpoint))
        super().load_checkpoint(filename_or_checkpoint)


def length_and_seed(entries: dict[str, Any], where: str) -> DuCiSCSettings:
    """The settings that stock nnU-Net can have; it has the numbers of no method.

    Raises:
        DuCiSCError: another key, or a bad value.
    """
    settings = DuCiSCSettings().overridden_by(entries, where)
    strangers = [key for key in entries if key not in (*LENGTH, "seed")]
    if strangers:
        raise DuCiSCError(
            f"{where} sets {strangers[0]}, which nnUNetTrainer_seeded does not have: it takes "
            f"{', '.join(LENGTH)} and seed; take the key out, or name a DuCiSC trainer."
        )
    return settings
