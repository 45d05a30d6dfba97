"""A virtual environment with the dependencies of the environment that runs the tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).parents[1]
SOURCES = ("pyproject.toml", "nnunetv2_ducisc.pth", "README.md", "LICENSE")


def copy_of_sources(folder: Path) -> Path:
    """What an installation needs, apart from the developer's own checkout."""
    shutil.copytree(
        PROJECT / "nnunetv2_ducisc",
        folder / "nnunetv2_ducisc",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    for name in SOURCES:
        shutil.copy(PROJECT / name, folder)
    return folder


def link_dependencies(folder: Path) -> Path:
    """Every installed package but ours, by symbolic links: no pip can harm the originals.

    The ``.pth`` files stay behind, since they are what the tests are about.
    """
    folder.mkdir()
    for site_packages in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}:
        for entry in Path(site_packages).iterdir():
            if "nnunetv2_ducisc" not in entry.name and entry.suffix != ".pth":
                (folder / entry.name).symlink_to(entry)
    return folder


@dataclass(frozen=True)
class Environment:
    """A fresh virtual environment below ``root``."""

    root: Path

    @classmethod
    def create(cls, root: Path) -> Environment:
        """Make it; whatever it does not have comes from links to the tests' own environment."""
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", root / "env"], check=True)
        environment = cls(root)
        dependencies = link_dependencies(root / "dependencies")
        (environment.site_packages / "dependencies.pth").write_text(
            str(dependencies), encoding="utf-8"
        )
        return environment

    @property
    def site_packages(self) -> Path:
        (folder,) = (self.root / "env" / "lib").glob("python*/site-packages")
        return folder

    def command(self, name: str) -> Path:
        return self.root / "env" / "bin" / name

    def run(self, *command: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command far from the checkout, with none of nnU-Net's and Python's variables."""
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("nnUNet_", "PYTHON", "COVERAGE"))
        }
        return subprocess.run(
            [str(part) for part in command],
            env=inherited | {"OMP_NUM_THREADS": "1"} | variables,
            cwd=self.root,
            capture_output=True,
            encoding="utf-8",
            check=True,
        )

    def python(self, code: str, *options: str, **variables: str) -> str:
        """What a fresh interpreter prints."""
        return self.run(self.command("python"), *options, "-c", code, **variables).stdout.strip()

    def pip(self, *arguments: str | Path) -> None:
        """Run the tests' own pip upon this environment, offline."""
        pip = (sys.executable, "-m", "pip", "--python", self.command("python"))
        self.run(*pip, *arguments, PIP_NO_INDEX="1", PIP_DISABLE_PIP_VERSION_CHECK="1")

    def install(self, *how: str | Path) -> None:
        self.pip("install", "--no-deps", "--no-build-isolation", *how)

    def files(self) -> set[Path]:
        """All that lies in the environment, caches apart."""
        return {
            file
            for file in (self.root / "env").rglob("*")
            if file.is_file() and file.suffix != ".pyc"
        }
