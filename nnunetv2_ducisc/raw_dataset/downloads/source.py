"""What a script in dataset_conversion/ says about its download."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from nnunetv2_ducisc.raw_dataset.downloads.known import Known
from nnunetv2_ducisc.raw_dataset.downloads.split import Split
from nnunetv2_ducisc.raw_dataset.downloads.volume import Volume


@dataclass(frozen=True)
class Case:
    """One scan of a download.

    Attributes:
        identifier: its name in nnU-Net.
        unit: what the split lists call it; the scans of one patient share a unit.
        images: the files of the image; more than one for a DICOM series.
        label: the file of the label; None where there is none. May be the image's file (h5).
        notes: the files that ``facts`` are from.
        facts: what else the download says of the case, for the record.
    """

    identifier: str
    unit: str
    images: tuple[Path, ...]
    label: Path | None = None
    notes: tuple[Path, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Download:
    """What was found.

    Attributes:
        version: which of the known forms it is.
        cases: all scans, whether a split names them or not.
        folder: the folder that was searched.
        warnings: what is known to be odd about these cases.
        treatment: what others have done to the images already; then no protocol comes on top.
    """

    version: str
    cases: tuple[Case, ...]
    folder: Path
    warnings: tuple[str, ...] = ()
    treatment: str = ""

    def with_labels(self, labels: Mapping[str, Path]) -> Download:
        """The same scans with labels that were found elsewhere, by unit."""
        cases = tuple(replace(case, label=labels.get(case.unit)) for case in self.cases)
        return replace(self, cases=cases)


def as_it_is(volume: Volume) -> Volume:
    """The whole scan."""
    return volume


@dataclass(frozen=True)
class Protocol:
    """How scans become images: what is cropped, resampled or clipped.

    Attributes:
        channel: the channel's name in dataset.json, by which nnU-Net chooses the normalization.
        note: what conversion.json says of it.
        apply: what is done to a volume, its label included.
        needs_label: whether ``apply`` looks at the label, test labels included.
    """

    channel: str
    note: str
    apply: Callable[[Volume], Volume] = as_it_is
    needs_label: bool = False


@dataclass(frozen=True)
class Source:
    """A public data set and how it is read.

    ``read`` and what the protocols apply are functions of module level: worker processes get them
    by name.

    Attributes:
        dataset: the name of the nnU-Net dataset; ``--to`` changes its number.
        title: the data set's own name.
        labels: class name -> index.
        find: input folder -> what lies there, found by content.
        read: (case, whether with its label) -> the volume.
        protocols: by name, the default first.
        licence: the terms in a few words.
        reference: what to cite.
        splits: published lists by name, the default first.
        draw: (download, seed) -> lists, the default where nobody has published any.
        known: what other cases than these get a warning.
        withdrawn: units that a split may name although the provider has withdrawn them.
        find_labels: label folder -> file by unit, where labels are a download of their own.
    """

    dataset: str
    title: str
    labels: Mapping[str, int]
    find: Callable[[Path], Download]
    read: Callable[[Case, bool], Volume]
    protocols: Mapping[str, Protocol]
    licence: str
    reference: str
    splits: Mapping[str, Callable[[Download], Split]]
    draw: Callable[[Download, int], Split] | None = None
    known: Known = field(default_factory=Known)
    withdrawn: frozenset[str] = frozenset()
    find_labels: Callable[[Path], Mapping[str, Path]] | None = None


def count_warnings(found: int, what: str, *known: int) -> list[str]:
    """A warning unless there are as many scans, patients or labels as a release has."""
    if found in known:
        return []
    numbers = " or ".join(map(str, known))
    return [f"{found} {what} were found, known are {numbers}: see whether some are missing"]
