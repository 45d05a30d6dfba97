"""What a trainer that ``-tr`` names can be told, found with nnU-Net's own lookup."""

from __future__ import annotations

import contextlib
import difflib
import io
from dataclasses import dataclass
from typing import Any

from nnunetv2.utilities.find_objects import recursive_find_trainer_class_by_name

from nnunetv2_ducisc import variants
from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.nnunet.configured_trainer import LENGTH, ConfiguredTrainer
from nnunetv2_ducisc.settings import DuCiSCSettings
from nnunetv2_ducisc.trainer import nnUNetTrainerDuCiSC


@dataclass(frozen=True)
class TrainerClass:
    """A trainer class.

    Attributes:
        name: what ``-tr`` takes.
        has_teacher: whether it leaves ``checkpoint_final_teacher.pth``.
        takes_settings: whether it reads the ``ducisc`` object of the plans, at least a length and a
            seed.
    """

    name: str
    has_teacher: bool
    takes_settings: bool

    @classmethod
    def named(cls, name: str) -> TrainerClass:
        """Find a trainer.

        Raises:
            DuCiSCError: nnU-Net finds none.
        """
        found = _class_of(name)
        return cls(
            name, issubclass(found, nnUNetTrainerDuCiSC), issubclass(found, ConfiguredTrainer)
        )

    def settings(self, entries: dict[str, Any], where: str) -> DuCiSCSettings:
        """What training would run with.

        Raises:
            DuCiSCError: an unknown key, a bad value, or settings for a trainer that has none.
        """
        if self.takes_settings:
            return _class_of(self.name).settings_from(entries, where)
        if not entries:
            return DuCiSCSettings()
        raise DuCiSCError(
            f"{where} sets {next(iter(entries))}, but {self.name} has no settings: name "
            "nnUNetTrainer_seeded, which is stock nnU-Net with a length and a seed, or take it out."
        )

    def resolved(self, entries: dict[str, Any], where: str) -> dict[str, Any]:
        """All settings that training reads, its class's own among them.

        Raises:
            DuCiSCError: see ``settings``.
        """
        every = self.settings(entries, where).as_dict()
        if self.has_teacher:
            return every
        return {key: every[key] for key in (*LENGTH, "seed")} if self.takes_settings else {}


def _class_of(name: str) -> Any:  # noqa: ANN401 (a class)
    if name in variants.__all__:
        return getattr(variants, name)
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # it tells where it searches
            return recursive_find_trainer_class_by_name(name)
    except (RuntimeError, AssertionError) as error:
        nearest = difflib.get_close_matches(name, variants.__all__, n=1, cutoff=0.0)[0]
        raise DuCiSCError(
            f"nnU-Net finds no trainer {name}: the nearest of this package is {nearest}; one of "
            "your own has to lie in a folder that nnUNet_extTrainer names."
        ) from error
