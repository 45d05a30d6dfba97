"""What units are made of: commands of nnU-Net and of this package, and a few files between them.

Every step may be repeated after a stop at any moment.
"""

from __future__ import annotations

import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from nnunetv2_ducisc.benchmark.units.console import Console
from nnunetv2_ducisc.raw_dataset.staging import write_json
from nnunetv2_ducisc.whole import beside


class Step(Protocol):
    """A part of a unit."""

    @property
    def title(self) -> str:
        """A line for people: the command, where it is one."""

    def run(self, console: Console) -> None:
        """Do it; a ``DuCiSCError`` says what went wrong."""

    @property
    def is_there(self) -> bool:
        """Whether what it made is still there, for steps that can tell."""
        return True


@dataclass(frozen=True)
class Command(Step):
    """A command that may simply be repeated.

    Attributes:
        words: the program and its arguments.
    """

    words: tuple[str, ...]

    @property
    def title(self) -> str:
        """As typed."""
        return shlex.join(self.words)

    def run(self, console: Console) -> None:
        """Run it to its end."""
        console.run(*self.words)


@dataclass(frozen=True)
class Train(Command):
    """``nnUNetv2_train``.

    Attributes:
        fold: the folder it writes.
    """

    fold: Path

    def run(self, console: Console) -> None:
        """Train, or go on where a checkpoint is."""
        go_on = ["--c"] if any(self.fold.glob("checkpoint_*.pth")) else []
        console.run(*self.words, *go_on)


@dataclass(frozen=True)
class WriteFolder(Command):
    """A command that writes a folder, whose name is its last argument.

    Attributes:
        folder: its name, which it gets once it is whole.
    """

    folder: Path

    @property
    def title(self) -> str:
        """As typed."""
        return shlex.join([*self.words, str(self.folder)])

    @property
    def is_there(self) -> bool:
        """Whether the folder is there, and not empty."""
        return self.folder.is_dir() and any(self.folder.iterdir())

    def run(self, console: Console) -> None:
        """Write beside, and rename."""
        unfinished = beside(self.folder)
        for folder in (unfinished, self.folder):
            shutil.rmtree(folder, ignore_errors=True)
        console.run(*self.words, str(unfinished))
        unfinished.rename(self.folder)


@dataclass(frozen=True)
class Link(Step):
    """A symbolic link to the user's data set, so that nothing is written beside it.

    Attributes:
        target: the folder there is.
        link: the place at which it is seen too.
    """

    target: Path
    link: Path

    @property
    def title(self) -> str:
        """The command that does the same."""
        return shlex.join(["ln", "-s", str(self.target), str(self.link)])

    def run(self, console: Console) -> None:
        """Link, instead of an earlier link."""
        self.link.parent.mkdir(parents=True, exist_ok=True)
        self.link.unlink(missing_ok=True)
        self.link.symlink_to(self.target, target_is_directory=True)


@dataclass(frozen=True)
class WriteFile(Step):
    """A file whose content is known before anything runs.

    Attributes:
        file: where.
        content: lines of a text, or anything for a JSON file.
    """

    file: Path
    content: Any

    @property
    def title(self) -> str:
        """A comment, in place of a command."""
        return f"# write {self.file}"

    def run(self, console: Console) -> None:
        """Write it whole."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        if self.file.suffix == ".json":
            write_json(self.file, self.content)
        else:
            self.file.write_text("".join(f"{line}\n" for line in self.content), encoding="utf-8")
