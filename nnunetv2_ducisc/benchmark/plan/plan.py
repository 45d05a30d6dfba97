"""What a plan says: data sets, methods, seeds, folds and length."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

ALL = "all"
PER_SEED = "per seed"
CONVERSION = "conversion"

Count = int | str  # a number of labeled cases or groups, or ALL


@dataclass(frozen=True)
class Network:
    """What is changed of nnU-Net's plan; None leaves it as planned.

    Attributes:
        batch_size: labeled cases a batch.
        patch_size: voxels a side.
        base_features: features of the first stage; they double from stage to stage.
    """

    batch_size: int | None
    patch_size: tuple[int, ...] | None
    base_features: int | None


@dataclass(frozen=True)
class DatasetEntry:
    """A fully labeled raw data set, and how it is used.

    Attributes:
        dataset: its number or name.
        configuration: of nnU-Net's plan.
        labels: how many cases (with ``groups``: groups) stay labeled.
        draw: the seed of their draw, PER_SEED for the training's seed, or CONVERSION for the order
            of the lists in the data set's conversion.json.
        groups: file with the group (the patient) of each case.
        spacing: to which nnU-Net resamples, in mm, slices first; None leaves it to the planner.
        network: what is changed of nnU-Net's plan.
    """

    dataset: str
    configuration: str
    labels: tuple[Count, ...]
    draw: int | str
    groups: Path | None
    spacing: tuple[float, ...] | None
    network: Network


@dataclass(frozen=True)
class Method:
    """A row of the table.

    Attributes:
        name: in the table and in names of folders.
        trainer: what ``-tr`` takes.
        settings: for the ``ducisc`` object of its plans.
        all_labels: whether it is trained once, on all labels, whatever the others have.
        own_schedule: whether it keeps its own length.
        sweep: setting -> values that it takes in other methods, all else being as here.
    """

    name: str
    trainer: str
    settings: dict[str, Any]
    all_labels: bool
    own_schedule: bool
    sweep: dict[str, tuple[float, ...]]


@dataclass(frozen=True)
class Plan:
    """Everything that is run.

    Attributes:
        file: where it was read.
        datasets: what it is run on.
        methods: what is compared.
        reference: the method that the others are compared with.
        seeds: of the trainings.
        folds: of nnU-Net; "all" trains on every labeled case.
        length: keys of the settings with the length of every training.
        teacher: whether the teachers of DuCiSC methods are rows too.
        preset: of ``ducisc evaluate``.
        device: of nnU-Net's commands.
        processes: at work in every command; None leaves it to the commands.
        environment: variables for all commands.
        slurm: parameters for submitit.
    """

    file: Path
    datasets: tuple[DatasetEntry, ...]
    methods: tuple[Method, ...]
    reference: str
    seeds: tuple[int, ...]
    folds: tuple[str, ...]
    length: dict[str, int]
    teacher: bool
    preset: str
    device: str
    processes: int | None
    environment: dict[str, str]
    slurm: dict[str, Any]

    @property
    def variables(self) -> dict[str, str]:
        """The environment, in which ``processes`` is what nnU-Net and this package read of it."""
        names = ("nnUNet_def_n_proc", "nnUNet_npp", "nnUNet_nps") if self.processes else ()
        return dict.fromkeys(names, str(self.processes)) | self.environment
