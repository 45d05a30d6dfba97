"""Image files as cases, by their names."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from nnunetv2_ducisc.raw_dataset.adding.incoming import Incoming, stem
from nnunetv2_ducisc.raw_dataset.adding.wording import some

Key: TypeAlias = tuple[Path, str]  # folder and identifier


@dataclass
class Grouped:
    """Files as cases.

    Attributes:
        cases: with all channels.
        refusals: a sentence for each case that has others.
        warnings: a sentence for what could be meant otherwise.
    """

    cases: list[Incoming] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def group(files: Iterable[Path], ending: str, images_per_case: int) -> Grouped:
    """Put the channels of each case together.

    Four digits at a name's end are nnU-Net's number of a channel. They are the number of a scan
    where there is no 0000, and where one name alone is numbered for a dataset of one channel.

    Args:
        files: images, each once.
        ending: the dataset's.
        images_per_case: channel files of a case.
    """
    groups = _by_name(files, ending, images_per_case)
    counted = Counter(folder for (folder, _), found in groups.items() if _is_numbered(found))
    grouped = Grouped()
    for (folder, case), found in sorted(groups.items()):
        found.sort()
        images = tuple(file for _, file in found)
        if [channel for channel, _ in found] == list(range(images_per_case)):
            grouped.cases.append(Incoming(case, images))
        elif images_per_case == 1 and _is_numbered(found) and counted[folder] == 1:
            grouped.cases += [Incoming(stem(file, ending), (file,)) for file in images]
            grouped.warnings.append(_taken_as_scans(images))
        else:
            grouped.refusals.append(_wrong_channels(case, found, images_per_case, ending))
    return grouped


def unique(cases: Iterable[Incoming]) -> tuple[list[Incoming], list[str]]:
    """Cases whose identifier no other has; a sentence for each identifier that several have."""
    named: dict[str, list[Incoming]] = defaultdict(list)
    for case in cases:
        named[case.case].append(case)
    refusals = [
        f"Case {case} is not added, since {several[0].images[0]} and {several[1].images[0]} would "
        "both be called so: rename one."
        for case, several in named.items()
        if len(several) > 1
    ]
    return [several[0] for _, several in sorted(named.items()) if len(several) == 1], refusals


def _by_name(
    files: Iterable[Path], ending: str, images_per_case: int
) -> dict[Key, list[tuple[int, Path]]]:
    """Files and their channels; what has no number is channel 0."""
    stems = {file: stem(file, ending) for file in files}
    first = {(file.parent, name[:-5]) for file, name in stems.items() if name.endswith("_0000")}
    groups: dict[Key, list[tuple[int, Path]]] = defaultdict(list)
    for file, name in stems.items():
        match = re.fullmatch(r"(.+)_(\d{4})", name)
        if match and (images_per_case > 1 or (file.parent, match[1]) in first):
            groups[file.parent, match[1]].append((int(match[2]), file))
        else:
            groups[file.parent, name].append((0, file))
    return groups


def _is_numbered(found: Sequence[tuple[int, Path]]) -> bool:
    """Whether there is more than one number."""
    return len({channel for channel, _ in found}) > 1


def _taken_as_scans(images: Sequence[Path]) -> str:
    return (
        f"{images[0].name} to {images[-1].name} are taken for {len(images)} scans: if they are "
        "channels of one, take all but one out of imagesUn"
    )


def _wrong_channels(
    case: str, found: Sequence[tuple[int, Path]], images_per_case: int, ending: str
) -> str:
    """Why files with these numbers are no case."""
    names = some([file.name for _, file in found])
    expected = some([f"{case}_{channel:04d}{ending}" for channel in range(images_per_case)])
    hint = ""
    if images_per_case == 1 and _is_numbered(found):
        last = stem(found[-1][1], ending)
        hint = f", or, if they are scans and not channels, names like {last}_0000{ending}"
    return (
        f"Case {case} is not added, it has {len(found)} channel file(s), {names}: expected "
        f"{expected} in one folder{hint}."
    )
