"""Stock nnU-Net, for comparisons: its length and its seed are in the plans."""

from __future__ import annotations

from typing import Any

from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.nnunet.configured_trainer import LENGTH, ConfiguredTrainer
from nnunetv2_ducisc.settings import DuCiSCSettings


class nnUNetTrainer_seeded(ConfiguredTrainer):
    """``nnUNetTrainer`` with the length and the seed that the ``ducisc`` object of the plans names.

    nnU-Net's own named lengths, like ``nnUNetTrainer_100epochs``, are few and take no seed.
    Network, loss, optimizer, sampling and augmentation are untouched. Checkpoints hold the random
    state too, so that a training that was stopped goes on as it would have gone on.
    """

    @classmethod
    def settings_from(cls, entries: dict[str, Any], where: str) -> DuCiSCSettings:
        """The settings that stock nnU-Net can have; it has the numbers of no method.

        Raises:
            DuCiSCError: another key, or a bad value.
        """
        settings = super().settings_from(entries, where)
        strangers = [key for key in entries if key not in (*LENGTH, "seed")]
        if strangers:
            raise DuCiSCError(
                f"{where} sets {strangers[0]}, which nnUNetTrainer_seeded does not have: it takes "
                f"{', '.join(LENGTH)} and seed; take the key out, or name a DuCiSC trainer."
            )
        return settings
