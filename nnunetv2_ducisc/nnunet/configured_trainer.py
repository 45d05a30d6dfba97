"""nnU-Net's trainer with its length and seed in the plans, which goes on as if never stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from nnunetv2_ducisc import __version__
from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.nnunet import checkpoint as checkpoints
from nnunetv2_ducisc.nnunet.checkpoint_file import remove_partial, write_whole
from nnunetv2_ducisc.settings import DuCiSCSettings

LENGTH = (
    "num_epochs",
    "num_iterations_per_epoch",
    "num_val_iterations_per_epoch",
    "save_every",
)


class ConfiguredTrainer(nnUNetTrainer):
    """What the trainers of this package share: settings from the plans, seed, and resume.

    Attributes:
        settings: a class's defaults; an instance's have the ``ducisc`` object of the plans'
            configuration on top.
        fixed_settings: what makes a variant what it is, so that no plans file changes it.
    """

    settings: DuCiSCSettings = DuCiSCSettings()
    fixed_settings: ClassVar[dict[str, Any]] = {}

    def __init__(
        self,
        plans: dict,
        configuration: str,
        fold: int,
        dataset_json: dict,
        device: torch.device = torch.device("cuda"),  # noqa: B008 (nnU-Net's signature)
    ) -> None:
        super().__init__(plans, configuration, fold, dataset_json, device)
        self._entries = self.configuration_manager.configuration.get("ducisc", {})
        self.settings = self.settings_from(
            self._entries,
            where=f'"ducisc" in configuration {configuration} of '
            f"{self.plans_manager.plans_name}.json",
        )
        for name in LENGTH:
            setattr(self, name, getattr(self.settings, name))
        self._resumed_from: dict[str, Any] = {}  # a checkpoint's state, until training starts
        self._why_not_continued: str | None = None

    @classmethod
    def settings_from(cls, entries: dict[str, Any], where: str) -> DuCiSCSettings:
        """The class's settings, the plans' entries on top, and what the variant fixes over both.

        Args:
            entries: the ``ducisc`` object of the plans.
            where: its place, for an error.
        """
        if cls.fixed_settings and isinstance(entries, dict):
            entries = entries | cls.fixed_settings
            where += f", with what {cls.__name__} fixes"
        return cls.settings.overridden_by(entries, where)

    def initialize(self) -> None:
        """Seed, then build what nnU-Net builds."""
        if self.settings.seed is not None:
            checkpoints.seed_everything(self.settings.seed + self.local_rank)
        super().initialize()

    def on_train_start(self) -> None:
        """Start as nnU-Net does; a continued training goes on drawing where it was stopped.

        Raises:
            DuCiSCError: a training cannot be continued here, or not with these settings.
        """
        if self._why_not_continued:
            raise DuCiSCError(self._why_not_continued)
        if self._resumed_from and self.settings.seed is not None:
            # Background workers are seeded now, and have to go on otherwise than they began.
            numbers = (self.settings.seed, self.local_rank, self.current_epoch)
            checkpoints.seed_everything(checkpoints.seed_from(numbers))
        super().on_train_start()
        if self.local_rank == 0:
            remove_partial(Path(self.output_folder))
        self._log_what_is_overruled()
        if self._resumed_from and self.local_rank == 0:  # other ranks draw differently anyway
            checkpoints.restore_random_state(self._resumed_from["random_state"])
        self._resumed_from = {}

    def _log_what_is_overruled(self) -> None:
        """Of the plans' entries by what a variant fixes."""
        for name in self.fixed_settings.keys() & self._entries.keys():
            if self._entries[name] != self.fixed_settings[name]:
                self.print_to_log_file(
                    f"{type(self).__name__} fixes {name} at {self.fixed_settings[name]!r}: "
                    f"{self._entries[name]!r}, which the plans ask for, is not used"
                )

    def added_state(self) -> dict[str, Any]:
        """What a checkpoint holds beyond nnU-Net's content, under the key ``ducisc``."""
        return {
            "random_state": checkpoints.random_state(),
            "settings": self.settings.as_dict(),
            "version": __version__,
        }

    def restore_added_state(self, state: dict[str, Any]) -> None:
        """Take over what ``added_state`` returned; the random state waits for the training."""
        self._resumed_from = state

    def save_checkpoint(self, filename: str) -> None:
        """nnU-Net's checkpoint plus ``added_state``, whole or not at all."""
        checkpoint = checkpoints.extended(super().save_checkpoint, self.added_state())
        if checkpoint is not None:
            write_whole(checkpoint, Path(filename))

    def load_checkpoint(self, filename_or_checkpoint: str) -> None:
        """Restore nnU-Net's state and ours, so that training goes on as if never stopped.

        What keeps a training from going on is said when it starts: to validate, nnU-Net loads
        checkpoints, too.

        Raises:
            DuCiSCError: the checkpoint is cut off, stock nnU-Net's or of another network.
        """
        state = checkpoints.read_extra(Path(filename_or_checkpoint))
        try:
            super().load_checkpoint(filename_or_checkpoint)
        except RuntimeError as error:
            if "loading state_dict" not in str(error):
                raise
            raise DuCiSCError(
                f"{filename_or_checkpoint} holds another network than the one that "
                f"{self.plans_manager.plans_name}.json describes: put back the plans that it was "
                "trained with, or start a new training without --c."
            ) from error
        self._why_not_continued = checkpoints.why_not_continued(
            state, type(self).__name__, self.added_state()
        )
        if self._why_not_continued is None:
            self.restore_added_state(state)
