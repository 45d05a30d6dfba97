"""Which cases are labeled, unlabeled, for validation and for test."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from nnunetv2_ducisc.errors import DuCiSCError


@dataclass(frozen=True)
class Split:
    """Lists of units (scans, or patients with several scans), in their published order.

    Attributes:
        train: the first k of these are labeled, the others unlabeled.
        test: whose labels nobody reads before the end.
        validation: labeled cases that are for nnU-Net's validation and not for training.
        source: who published the lists, or how they were drawn.
    """

    train: tuple[str, ...]
    test: tuple[str, ...]
    validation: tuple[str, ...] = ()
    source: str = ""

    def __post_init__(self) -> None:
        """Refuse a unit that stands twice."""
        units = self.units
        twice = sorted({unit for unit in units if units.count(unit) > 1})
        if twice:
            raise DuCiSCError(f"{twice[0]} stands twice in the split: every case has one part")

    @property
    def units(self) -> tuple[str, ...]:
        """Everything that the split names."""
        return self.train + self.validation + self.test

    def without(self, units: Iterable[str]) -> Split:
        """The same lists, in the same order, without some units."""
        gone = set(units)

        def kept(part: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(unit for unit in part if unit not in gone)

        return Split(kept(self.train), kept(self.test), kept(self.validation), self.source)

    def labeled(self, wanted: int | Sequence[str]) -> tuple[str, ...]:
        """The labeled units: the first k of the training list, or those that are named.

        Raises:
            DuCiSCError: fewer than one or more than there are, or a name that is not in the list.
        """
        if isinstance(wanted, int):
            if not 1 <= wanted <= len(self.train):
                raise DuCiSCError(
                    f"--labeled {wanted} is not possible with {len(self.train)} training cases: "
                    f"name a number from 1 to {len(self.train)}."
                )
            return self.train[:wanted]
        strangers = [unit for unit in wanted if unit not in self.train]
        if strangers:
            raise DuCiSCError(
                f"--labeled names {strangers[0]}, which is not in the training list: name cases "
                f"of it, like {self.train[0]}."
            )
        return tuple(dict.fromkeys(wanted))


def shipped(name: str) -> dict:
    """The content of a list that comes with the package, its source among it."""
    return json.loads(
        (resources.files(__package__) / "splits" / f"{name}.json").read_text(encoding="utf-8")
    )


def published(name: str, variant: str | None = None) -> Split:
    """A split of the literature, by the name of its file and of a variant in it."""
    content = shipped(name)
    lists = content if variant is None else content[variant]
    return Split(
        tuple(lists["train"]),
        tuple(lists["test"]),
        tuple(lists.get("val", ())),
        lists.get("source", content["source"]),
    )


def read_split(file: Path) -> Split:
    """Everyone's own split: a JSON file with the lists train and test, and perhaps val and source.

    Raises:
        DuCiSCError: not such a file.
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        lists = [content["train"], content["test"], content.get("val", [])]
        if not all(isinstance(names, list) for names in lists):
            raise TypeError("train, test and val are lists of names")
        train, test, validation = (tuple(map(str, names)) for names in lists)
        return Split(train, test, validation, content.get("source", file.name))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DuCiSCError(
            f"{file} is not a split ({error}): write a JSON file with the lists train and test, "
            "and val if there is one."
        ) from error
