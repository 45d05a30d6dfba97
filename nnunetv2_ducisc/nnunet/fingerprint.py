"""Whether a preprocessed case is current: what it was made from, kept in its properties."""

from __future__ import annotations

import hashlib
import json
import pickle
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

from nnunetv2_ducisc.nnunet.preprocessor import empty_class_locations

Source: TypeAlias = dict[str, Any]

SOURCE_KEY = "ducisc_source"

_UNREADABLE = (
    OSError,
    EOFError,
    pickle.UnpicklingError,
    AttributeError,
    ImportError,
    IndexError,
    ValueError,
)

# patch_size is not among them: it shapes only the chunks on the disk, and configurations that
# differ in it may share a data_identifier; each would throw away the other's cases.
_CONFIGURATION_KEYS = (
    "preprocessor_name",
    "spacing",
    "normalization_schemes",
    "use_mask_for_norm",
    "resampling_fn_data",
    "resampling_fn_data_kwargs",
    "resampling_fn_seg",
    "resampling_fn_seg_kwargs",
)


def plans_fingerprint(
    plans_manager: PlansManager, configuration_name: str, dataset_json: dict[str, Any]
) -> str:
    """Hash everything in the plans that shapes preprocessed data; versions of packages do not."""
    configuration = plans_manager.get_configuration(configuration_name).configuration
    classes = empty_class_locations(plans_manager, configuration_name, dataset_json)
    shaping = {
        **{key: configuration.get(key) for key in _CONFIGURATION_KEYS},
        "image_reader_writer": plans_manager.plans["image_reader_writer"],
        "transpose_forward": plans_manager.transpose_forward,
        "intensities": plans_manager.foreground_intensity_properties_per_channel,
        "classes": [np.atleast_1d(key).tolist() for key in classes],
    }
    return hashlib.sha256(json.dumps(shaping, sort_keys=True).encode()).hexdigest()


def source_of(case: str, images: list[Path], plans: str) -> Source:
    """What a preprocessed case is made from: name, bytes and mtime (ns) of its files, and plans.

    A ``CASE.json`` beside the images counts: nnU-Net's reader of 3D TIFF has the spacing from it.
    """
    sidecar = images[0].with_name(f"{case}.json")
    files = [*images, sidecar] if sidecar.is_file() else images
    stats = {file.name: file.stat() for file in files}
    return {
        "images": {name: [stat.st_size, stat.st_mtime_ns] for name, stat in stats.items()},
        "plans": plans,
    }


def stamp(written: Path, case: str, properties: dict[str, Any], source: Source) -> None:
    """Complete the properties of a case whose files nnU-Net has written into a folder of its own.

    Args:
        written: the folder, with nothing but this case.
        case: the identifier.
        properties: goes into the properties that nnU-Net has written.
        source: what the case was made from; kept with name and bytes of the data files.
    """
    file = written / f"{case}.pkl"
    sizes = {other.name: other.stat().st_size for other in written.iterdir() if other != file}
    with file.open("rb") as stream:
        complete = pickle.load(stream) | properties | {SOURCE_KEY: {**source, "files": sizes}}
    with file.open("wb") as stream:
        pickle.dump(complete, stream)


def is_current(folder: Path, case: str, source: Source) -> bool:
    """Whether a case is there whole and was made from this source."""
    kept = _kept_source(folder / f"{case}.pkl")
    files: dict[str, int] = kept.pop("files", {})
    return kept == source and all(_has_size(folder / name, size) for name, size in files.items())


def _kept_source(properties: Path) -> Source:
    """What is kept in the properties of a case; nothing where they cannot be read."""
    try:
        with properties.open("rb") as stream:
            return pickle.load(stream).get(SOURCE_KEY, {})
    except _UNREADABLE:
        return {}  # absent or damaged: the case is made anew


def _has_size(file: Path, size: int) -> bool:
    return file.is_file() and file.stat().st_size == size
