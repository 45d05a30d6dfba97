"""One data set with one number of labels: folders of its own, and the unit that prepares them."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from nnunetv2_ducisc.benchmark.plan.plan import ALL, CONVERSION, PER_SEED, Count, DatasetEntry, Plan
from nnunetv2_ducisc.benchmark.plan.source import Source
from nnunetv2_ducisc.benchmark.units.splits_step import WriteSplits
from nnunetv2_ducisc.benchmark.units.steps import Command, Link, Step, WriteFile
from nnunetv2_ducisc.benchmark.units.unit import Unit
from nnunetv2_ducisc.raw_dataset.layout import Part


@dataclass(frozen=True)
class Copy:
    """The user's data set seen with some of its labels, and nnU-Net's three folders around it.

    Attributes:
        entry: of the plan.
        source: the user's data set.
        count: how many groups have labels.
        draw: the seed of their draw; None where the order is given, or nothing is drawn.
        work: the benchmark's folder.
    """

    entry: DatasetEntry
    source: Source
    count: Count
    draw: int | None
    work: Path

    @property
    def name(self) -> str:
        """Like ``Dataset501_LeftAtrium_3d_fullres/8_labels``."""
        drawn = f"_draw{self.draw}" if self.entry.draw == PER_SEED and self.count != ALL else ""
        return f"{self.source.raw.name}_{self.entry.configuration}/{self.count}_labels{drawn}"

    @property
    def folder(self) -> Path:
        """Everything about it."""
        return self.work / self.name

    @property
    def dataset(self) -> str:
        """The data set's name in here: that of the user's, or another number where labels go."""
        if self.count == ALL:
            return self.source.raw.name
        number = 998 if self.source.raw.number == "999" else 999
        return f"Dataset{number}{self.source.raw.name[len('Dataset000') :]}"

    @property
    def number(self) -> str:
        """As commands take it."""
        return str(int(self.dataset[len("Dataset") :][:3]))

    @property
    def variables(self) -> dict[str, str]:
        """nnU-Net's three folders."""
        names = ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results")
        return {name: str(self.folder / name) for name in names}

    @property
    def preprocessed(self) -> Path:
        """The preprocessed data set."""
        return self.folder / "nnUNet_preprocessed" / self.dataset

    def test(self, folder: str) -> Path:
        """The user's folder of test images or labels."""
        return self.source.raw.folder.absolute() / folder

    def unit(self, plan: Plan, unlabeled: bool) -> Unit:
        """Link, withhold, plan and preprocess.

        Args:
            plan: says how many processes work, and their variables.
            unlabeled: whether a method uses unlabeled images.
        """
        raw = self.source.raw
        return Unit(
            f"{self.name}/prepare",
            self.folder / "prepare",
            dict(self._steps(plan, unlabeled)),
            {
                "data set": raw.name,
                "folder of the data set": str(raw.folder.resolve()),
                "training cases": _in_short(self.source.group_of),
                "test cases": _in_short(raw.images(Part.TEST.images)),
                "configuration": self.entry.configuration,
                "spacing": self.entry.spacing,
                "labels": self.count,
                "labeled": self.source.labeled(self.count),
                "draw": self.draw,
                "groups": dict(self.source.group_of) if self.entry.groups else None,
            },
            # nnU-Net's planner sets this many threads; zero, which trainings may want, stops it.
            {**plan.variables, **self.variables, "nnUNet_n_proc_DA": "1"},
            inputs=self.source.training_files,
            is_built_on=self._has_trainings,
        )

    @property
    def _has_trainings(self) -> bool:
        """Whether a training of any plan has begun on it."""
        return any(state.parent.name != "prepare" for state in self.folder.glob("*/state.json"))

    def _steps(self, plan: Plan, unlabeled: bool) -> Iterator[tuple[str, Step]]:
        raw = self.folder / "nnUNet_raw"
        which = ("-d", self.number, "-c", self.entry.configuration)
        yield "link", Link(self.source.raw.folder.resolve(), raw / self.source.raw.name)
        if self.count != ALL:
            yield from self._withhold()
        splits = self.preprocessed / "splits_final.json"
        if folds := self.source.folds(self.count):
            yield "folds", WriteFile(splits, folds)
        # This check of nnU-Net knows only the new name of the channels.
        verify = () if "modality" in self.source.raw.json else ("--verify_dataset_integrity",)
        number = str(plan.processes)
        processes = () if plan.processes is None else ("-np", number, "-npfp", number)
        spacing = map(str, self.entry.spacing or ())
        resampled = ("-overwrite_target_spacing", *spacing) if self.entry.spacing else ()
        # What a stopped run left may be of files that were corrected since: --clean.
        options = ("--clean", *verify, "--no_pbar", *processes, *resampled)
        yield "plan", Command(("nnUNetv2_plan_and_preprocess", *which, *options))
        if not folds and plan.folds != (ALL,):
            yield "splits", WriteSplits(raw / self.dataset, splits)
        if unlabeled:
            yield "preprocess", Command(("ducisc", "preprocess", *which))

    def _withhold(self) -> Iterator[tuple[str, Step]]:
        """With ``--overwrite``: a stop may come between the copy and the note that it is done."""
        labeled = self.source.labeled(self.count)
        chosen: tuple[str, ...] = (str(self.count), "--seed", str(self.draw))
        if labeled is not None:
            file = self.folder / "labeled.txt"
            yield "list", WriteFile(file, labeled)
            chosen = (str(file),)
        groups = ("--groups", str(self.entry.groups.resolve())) if self.entry.groups else ()
        numbers = ("-d", self.source.raw.number, "--to", self.number)
        options = (*numbers, "--labeled", *chosen, *groups, "--overwrite")
        yield "withhold", Command(("ducisc", "withhold", *options))


def _in_short(names: Collection[str]) -> str:
    """Their number, and a few digits that tell them from others."""
    digits = hashlib.sha256("\n".join(sorted(names)).encode()).hexdigest()
    return f"{len(names)} ({digits[:8]})"


def copies_of(
    entry: DatasetEntry, source: Source, count: Count, seeds: tuple[int, ...], work: Path
) -> dict[int, Copy]:
    """Training seed -> the copy it is trained on: one for all, or one for each."""
    if count == ALL:
        return dict.fromkeys(seeds, Copy(entry, source, count, None, work))
    if entry.draw == PER_SEED:
        return {seed: Copy(entry, source, count, seed, work) for seed in seeds}
    drawn = None if entry.draw == CONVERSION else int(entry.draw)
    return dict.fromkeys(seeds, Copy(entry, source, count, drawn, work))
