"""What a script in dataset_conversion/ says about its download."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from nnunetv2_ducisc.errors import DuCiSCError
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
    """

    identifier: str
    unit: str
    images: tuple[Path, ...]
    label: Path | None

    @property
    def files(self) -> tuple[Path, ...]:
        """All files that the case is read from."""
        return tuple(dict.fromkeys([*self.images, *([self.label] if self.label else [])]))


@dataclass(frozen=True)
class Download:
    """What was found.

    Attributes:
        version: which of the known forms it is.
        cases: all scans, whether a split names them or not.
        folder: the folder that was searched.
        warnings: what is known to be odd about these cases.
    """

    version: str
    cases: tuple[Case, ...]
    folder: Path
    warnings: tuple[str, ...] = ()


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
        dataset: the name of the nnU-Net dataset.
        title: the data set's own name.
        labels: class name -> index.
        find: (input folder, label folder or None) -> what lies there, found by content.
        read: (case, whether with its label) -> the volume.
        protocols: by name, the default first.
        splits: by name, the default first: (download, seed) -> lists.
        licence: the terms in a few words.
        reference: what to cite.
        volume_ml: the smallest and the largest label volume that is known; others get a warning.
        withdrawn: units that a split may name although the provider has withdrawn them.
        separate_labels: whether the labels are a download of their own.
        drawn: whether the default split is drawn with a seed.
    """

    dataset: str
    title: str
    labels: Mapping[str, int]
    find: Callable[[Path, Path | None], Download]
    read: Callable[[Case, bool], Volume]
    protocols: Mapping[str, Protocol]
    splits: Mapping[str, Callable[[Download, int], Split]]
    licence: str
    reference: str
    volume_ml: tuple[float, float] | None = None
    withdrawn: frozenset[str] = frozenset()
    separate_labels: bool = False
    drawn: bool = False


def nothing_found(folder: Path, expected: str) -> DuCiSCError:
    """The error for a folder in which nothing of a data set was found."""
    return DuCiSCError(f"No case was found below {folder}: expected {expected}; check -i.")
