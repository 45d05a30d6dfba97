"""A plan from its YAML file."""

from __future__ import annotations

import re
from pathlib import Path

from nnunetv2_ducisc.benchmark.plan.plan import (
    ALL,
    CONVERSION,
    PER_SEED,
    DatasetEntry,
    Method,
    Network,
    Plan,
)
from nnunetv2_ducisc.benchmark.plan.yaml_file import (
    Entries,
    anything,
    either,
    is_number,
    mapping,
    number,
    one_of,
    read_yaml,
    several,
    text,
    whole_number,
)
from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.evaluation.metrics.presets import PRESETS
from nnunetv2_ducisc.settings import HIGHEST_SEED

_LENGTH = ("epochs", "iterations_per_epoch", "val_iterations_per_epoch", "save_every")
_KEYS = (
    *("datasets", "methods", "reference", "seeds", "folds", *_LENGTH),
    *("teacher", "metrics", "device", "processes", "environment", "slurm"),
)


def read_plan(file: Path) -> Plan:
    """Read a plan.

    Raises:
        DuCiSCError: not such a file; names the place, what is there and what was expected.
    """
    entries = Entries(read_yaml(file), str(file), _KEYS)
    methods = _methods(entries)
    names = [method.name for method in methods]
    datasets = entries.get("datasets", several(anything))
    return Plan(
        file=file,
        datasets=tuple(
            _dataset(content, f"{file}, data set {number}", file.parent)
            for number, content in enumerate(datasets, start=1)
        ),
        methods=methods,
        reference=entries.get("reference", one_of(*names), names[0]),
        seeds=entries.get("seeds", several(whole_number(0, HIGHEST_SEED))),
        folds=entries.get("folds", several(either(one_of(ALL), _fold)), (ALL,)),
        length=_length(entries),
        teacher=entries.get("teacher", one_of(True, False), False),
        preset=entries.get("metrics", one_of(*PRESETS), "mm"),
        device=entries.get("device", one_of("cuda", "cpu"), "cuda"),
        processes=entries.get("processes", whole_number(1), None),
        environment=entries.get("environment", _variables, {}),
        slurm=entries.get("slurm", mapping, {}),
    )


def _fold(value: object) -> str:
    return str(whole_number(0)(value))


def _variables(value: object) -> dict[str, str]:
    """Environment variables; YAML's false is "false", and its null is no text."""
    entries = mapping(value)
    if not all(isinstance(entry, str | int | float) for entry in entries.values()):
        raise ValueError("a mapping of names to texts, numbers, true or false")
    return {
        name: str(entry).lower() if isinstance(entry, bool) else str(entry)
        for name, entry in entries.items()
    }


def _length(entries: Entries) -> dict[str, int]:
    """By the names of the settings; what is not said is as in nnU-Net."""
    said = {key: entries.get(key, whole_number(1)) for key in _LENGTH if key in entries.content}
    return {key if key == "save_every" else f"num_{key}": value for key, value in said.items()}


def _methods(entries: Entries) -> tuple[Method, ...]:
    content = entries.get("methods", mapping)
    if not content:
        raise DuCiSCError(f"{entries.where} has no method: name one below methods.")
    return tuple(_method(name, entry, entries.where) for name, entry in content.items())


def _method(name: str, content: object, file: str) -> Method:
    where = f"{file}, method {name}"
    if not re.fullmatch(r"[A-Za-z0-9]+([_.-][A-Za-z0-9]+)*", name):
        raise DuCiSCError(
            f"{where} names folders, in which letters, digits and single marks of _ . - between "
            "them are safe: rename it."
        )
    entries = Entries(content, where, ("trainer", "settings", "labels", "schedule", "sweep"))
    return Method(
        name,
        entries.get("trainer", text),
        entries.get("settings", mapping, {}),
        entries.get("labels", one_of(ALL), None) == ALL,
        entries.get("schedule", one_of("equal", "own"), "equal") == "own",
        _sweep(entries.get("sweep", mapping, {}), f"{where}, sweep"),
    )


def _sweep(content: dict[str, object], where: str) -> dict[str, tuple[float, ...]]:
    entries = Entries(content, where, tuple(content))  # whether there is such a setting: later
    return {setting: entries.get(setting, several(number)) for setting in content}


def _dataset(content: object, where: str, folder: Path) -> DatasetEntry:
    keys = ("dataset", "configuration", "labels", "draw", "groups", "spacing", "network")
    entries = Entries(content, where, keys)
    groups = entries.get("groups", text, "")
    return DatasetEntry(
        entries.get("dataset", text),
        entries.get("configuration", text),
        entries.get("labels", several(either(whole_number(1), one_of(ALL)))),
        entries.get("draw", either(whole_number(0), one_of(PER_SEED, CONVERSION)), 0),
        folder / groups if groups else None,
        entries.get("spacing", _spacing, None),
        _network(entries.get("network", anything, {}), f"{where}, network"),
    )


def _network(content: object, where: str) -> Network:
    entries = Entries(content, where, ("batch_size", "patch_size", "base_features"))
    return Network(
        entries.get("batch_size", whole_number(1), None),
        entries.get("patch_size", _patch_size, None),
        entries.get("base_features", whole_number(1), None),
    )


def _spacing(value: object) -> tuple[float, ...]:
    sides = value if isinstance(value, list) else []
    if len(sides) != 3 or not all(is_number(side) and side > 0 for side in sides):
        raise ValueError("a list of the three sides of a voxel in mm, slices first, each above 0")
    return tuple(sides)


def _patch_size(value: object) -> tuple[int, ...]:
    if not isinstance(value, list) or not value:
        raise ValueError("a list of voxels a side")
    return tuple(whole_number(1)(side) for side in value)
