"""The step that writes a plans file of its own for every training."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nnunetv2_ducisc.benchmark.plan.plan import Network
from nnunetv2_ducisc.benchmark.units.console import Console
from nnunetv2_ducisc.benchmark.units.lock import locked
from nnunetv2_ducisc.benchmark.units.steps import Step
from nnunetv2_ducisc.errors import DuCiSCError, one_line
from nnunetv2_ducisc.whole import written_whole


@dataclass(frozen=True)
class WritePlans(Step):
    """nnU-Net's plan under a name of its own, with the settings of one training in it.

    Attributes:
        folder: the preprocessed data set.
        name: of the new plans.
        configuration: what is changed.
        network: how it is changed.
        settings: for its ``ducisc`` object; empty for trainers that have none.
    """

    folder: Path
    name: str
    configuration: str
    network: Network
    settings: Mapping[str, Any]

    @property
    def title(self) -> str:
        """A comment, in place of a command."""
        return f"# write {self.folder / self.name}.json with {json.dumps(dict(self.settings))}"

    def run(self, console: Console) -> None:
        """Change what the planner wrote, and write it beside."""
        planned = self.folder / "nnUNetPlans.json"
        try:
            plans = json.loads(planned.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise DuCiSCError(
                f"{planned} cannot be read ({one_line(error)}): remove the folder of the unit "
                "prepare, which writes it"
            ) from error
        if self.configuration not in plans["configurations"]:
            raise DuCiSCError(
                f"{planned} has no configuration {self.configuration}: name one of "
                f"{', '.join(plans['configurations'])} in the plan"
            )
        configuration = plans["configurations"][self.configuration]
        change_network(configuration, self.network)
        if self.settings:
            configuration["ducisc"] = dict(self.settings)
        # Unsorted, like nnU-Net's own: people read it.
        text = json.dumps(plans | {"plans_name": self.name}, indent=4)
        # The folds of a method share the file, and may be jobs side by side.
        with (
            locked(self.folder / f"{self.name}.lock"),
            written_whole(self.folder / f"{self.name}.json") as new,
        ):
            new.write_text(text, encoding="utf-8")


def change_network(configuration: dict[str, Any], network: Network) -> None:
    """Change batch size, patch size and features in a configuration of a plans file.

    Raises:
        DuCiSCError: a patch that the network's strides do not divide, or reduce to one voxel.
    """
    if network.batch_size:
        configuration["batch_size"] = network.batch_size
    if network.patch_size:
        _check_patch_size(configuration, network.patch_size)
        configuration["patch_size"] = list(network.patch_size)
    if network.base_features:
        kwargs = configuration["architecture"]["arch_kwargs"]
        most = max(kwargs["features_per_stage"])
        kwargs["features_per_stage"] = [
            min(network.base_features * 2**stage, most) for stage in range(kwargs["n_stages"])
        ]


def _check_patch_size(configuration: dict[str, Any], patch_size: tuple[int, ...]) -> None:
    strides = configuration["architecture"]["arch_kwargs"]["strides"]
    steps = [math.prod(axis) for axis in zip(*strides, strict=True)]
    if len(steps) != len(patch_size) or any(
        side % step for side, step in zip(patch_size, steps, strict=True)
    ):
        raise DuCiSCError(
            f"patch_size {list(patch_size)} does not fit the planned network: give multiples of "
            f"{steps}, or leave it to nnU-Net, which planned {configuration['patch_size']}"
        )
    if list(patch_size) == steps:
        raise DuCiSCError(
            f"patch_size {list(patch_size)} leaves one voxel at the bottom of the planned network, "
            f"whose instance norm needs two: double a side, or leave it to nnU-Net, which planned "
            f"{configuration['patch_size']}"
        )
