"""Which cases of a labeled dataset keep their labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.raw_dataset.shuffle import shuffled


@dataclass(frozen=True)
class Draw:
    """Labeled and unlabeled cases, both in the order of the draw.

    Attributes:
        labeled: the cases that stay labeled.
        unlabeled: all others.
        options: what they were drawn by.
    """

    labeled: tuple[str, ...]
    unlabeled: tuple[str, ...]
    options: dict[str, Any]


def draw(
    groups: Mapping[str, str], wanted: int | Sequence[str], seed: int, are_patients: bool
) -> Draw:
    """Draw whole groups; the draw of k is part of the draw of k + 1 with the same seed.

    Args:
        groups: case -> group; a case may be a group of its own.
        wanted: how many groups are labeled, or which.
        seed: of the order in which they are drawn.
        are_patients: whether the groups are the user's, for errors and the record.

    Raises:
        DuCiSCError: a number that leaves nothing labeled or nothing unlabeled, an unknown name.
    """
    order = shuffled(set(groups.values()), seed)
    kind = "groups" if are_patients else "cases"
    chosen = _chosen(order, wanted, kind)

    def cases_of(units: Sequence[str]) -> tuple[str, ...]:
        return tuple(case for unit in units for case in groups if groups[case] == unit)

    return Draw(
        cases_of(chosen),
        cases_of([unit for unit in order if unit not in chosen]),
        {
            "labeled": wanted if isinstance(wanted, int) else list(chosen),
            "seed": seed,
            "groups": dict(groups) if are_patients else None,
        },
    )


def _chosen(order: Sequence[str], wanted: int | Sequence[str], kind: str) -> tuple[str, ...]:
    """The units that stay labeled."""
    if not isinstance(wanted, int):
        strangers = [unit for unit in wanted if unit not in order]
        if strangers:
            raise DuCiSCError(
                f"--labeled names {strangers[0]}, which is none of the {len(order)} {kind}: name "
                f"some of them, like {min(order)}."
            )
    chosen = tuple(order[: max(wanted, 0)] if isinstance(wanted, int) else dict.fromkeys(wanted))
    number = wanted if isinstance(wanted, int) else len(chosen)
    if not 1 <= number < len(order):
        raise DuCiSCError(
            f"--labeled {number} is not possible with {len(order)} {kind}: at least one has to be "
            f"labeled and one unlabeled, name a number from 1 to {len(order) - 1}."
        )
    return chosen
