"""Checks of the installation: versions, torch and torchvision, nnU-Net's trainer lookup.

Every line of this module must run where torch, nnU-Net or any other package is broken or absent.
"""

from __future__ import annotations

import contextlib
import io
import os
import platform
import shlex
import warnings
from importlib.metadata import PackageNotFoundError, metadata, requires, version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

import nnunetv2_ducisc
from nnunetv2_ducisc.errors import DuCiSCError, one_line

TRAINER = "nnUNetTrainerDuCiSC"

_PACKAGE = "nnunetv2-ducisc"
_VARIABLE = "nnUNet_extTrainer"
_REGISTRATION = Path(nnunetv2_ducisc.__file__).parent / "nnunet" / "registration"


def python_version() -> str:
    """Python is one that this package is made for."""
    found, expected = platform.python_version(), _own_metadata("Requires-Python")
    if not SpecifierSet(expected).contains(found, prereleases=True):
        raise DuCiSCError(
            f"{found} was found, {expected} expected: install the package into an environment of "
            "such a Python."
        )
    return found


def package_versions() -> str:
    """nnU-Net and everything else that this package and nnU-Net require is there, in range."""
    _own_metadata("Version")
    unmet = {str(r): text for name in (_PACKAGE, "nnunetv2") for r, text in _unmet(name).items()}
    if unmet:
        raise DuCiSCError(
            f"{'; '.join(unmet.values())}: run pip install {shlex.join(unmet)}, or make a fresh "
            "environment and install the package there."
        )
    return f"{_PACKAGE} {version(_PACKAGE)}, nnunetv2 {version('nnunetv2')} and what they require"


def torch_pair() -> str:
    """The two packages are built for each other: torchvision's compiled operators load and run."""
    torch_version, vision_version = _version_or_none("torch"), _version_or_none("torchvision")
    pair = f"torch {torch_version} and torchvision {vision_version}"
    try:
        import torch
        from torchvision.ops import nms

        nms(torch.tensor([[0.0, 0.0, 1.0, 1.0]]), torch.tensor([1.0]), 0.5)
    except Exception as error:  # a broken binary may raise anything
        keep = f"torch=={torch_version.partition('+')[0]}" if torch_version else "torch"
        raise DuCiSCError(
            f"{pair} do not work together ({one_line(error)}): run pip install --force-reinstall "
            f"{keep} torchvision, both from the one index that has your CPU or CUDA build."
        ) from error
    return pair


def trainer_lookup() -> str:
    """nnU-Net finds our trainer by its name, and it is ours."""
    try:
        found = _look_up(TRAINER)
    except Exception as error:  # the lookup imports every trainer there is
        raise DuCiSCError(f"{TRAINER} is not found ({one_line(error)}): {_way_out()}") from error
    if not found.__module__.startswith("nnunetv2_ducisc."):
        raise DuCiSCError(
            f"{TRAINER} is found in {found.__module__}, not in nnunetv2_ducisc: take that other "
            "copy out of nnU-Net's folder or of nnUNet_extTrainer."
        )
    return f"-tr {TRAINER} is found"


def _look_up(name: str) -> type:
    """nnU-Net's own lookup, without what it and the modules that it imports print."""
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from nnunetv2.utilities.find_objects import recursive_find_trainer_class_by_name

        return recursive_find_trainer_class_by_name(name)


def _way_out() -> str:
    """What to do where the lookup failed: mend the variable, or else what cannot be imported."""
    if str(_REGISTRATION) in os.environ.get(_VARIABLE, "").split(os.pathsep):
        return f"mend the lines above or the other folders in {_VARIABLE}."
    return (
        f"{_VARIABLE} lacks the package's folder, because the package was not installed by "
        f"pip: install it so, or run export {_VARIABLE}={_REGISTRATION}"
    )


def _own_metadata(key: str) -> str:
    """An entry of this package's metadata, which exists once it is installed."""
    try:
        return metadata(_PACKAGE)[key]
    except PackageNotFoundError as error:
        raise DuCiSCError(
            f"{_PACKAGE} is not installed: run pip install . in its source folder."
        ) from error


def _unmet(package: str) -> dict[Requirement, str]:
    """A package's requirements that are absent or out of range -> what was found instead."""
    if _version_or_none(package) is None:
        return {}  # whoever requires the package reports that it is absent
    unmet = {}
    for requirement in map(Requirement, requires(package) or []):
        found = _version_or_none(requirement.name)
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        if found is None:
            unmet[requirement] = f"{requirement.name} is absent"
        elif not requirement.specifier.contains(found, prereleases=True):
            unmet[requirement] = f"{requirement.name} is {found}, not {requirement.specifier}"
    return unmet


def _version_or_none(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
