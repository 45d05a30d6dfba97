"""Which files are compared with each other."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from nnunetv2.imageio.base_reader_writer import BaseReaderWriter
from nnunetv2.imageio.reader_writer_registry import (
    LIST_OF_IO_CLASSES,
    determine_reader_writer_from_dataset_json,
)

from nnunetv2_ducisc.errors import DuCiSCError

ENDINGS = sorted({ending for io in LIST_OF_IO_CLASSES for ending in io.supported_file_endings})


@dataclass(frozen=True)
class Pair:
    """The two files of a case."""

    case: str
    reference: Path
    prediction: Path


def find_pairs(
    reference: Path, prediction: Path, ending: str | None, source: Path | None = None
) -> tuple[list[Pair], str]:
    """All references with their predictions, by case, and how their names end.

    Predictions without a reference are named on stderr and left out.

    Args:
        reference: folder.
        prediction: folder.
        ending: of the files; None to see it from the references.
        source: the dataset.json that names the ending, for errors.

    Raises:
        DuCiSCError: one folder for both, a folder without such files, a prediction that is absent.
    """
    if reference.resolve() == prediction.resolve():
        raise DuCiSCError(f"-gt and -pred are both {reference}: name two folders.")
    named_by = source if ending else None
    ending = ending or _ending(reference)
    references = _cases(reference, ending, "-gt", named_by)
    predictions = _cases(prediction, ending, "-pred", named_by)
    absent = [case for case in references if case not in predictions]
    if absent:
        raise DuCiSCError(
            f"{prediction} lacks {len(absent)} of {len(references)} predictions, the first is "
            f"{absent[0]}{ending}: predict these cases too."
        )
    surplus = [case for case in predictions if case not in references]
    if surplus:
        print(
            f"{len(surplus)} files in {prediction} have no reference and are left out, the first "
            f"is {surplus[0]}{ending}.",
            file=sys.stderr,
        )
    return [Pair(case, references[case], predictions[case]) for case in references], ending


def reader_for(content: Mapping[str, Any], example: Pair) -> type[BaseReaderWriter]:
    """The reader that nnU-Net takes for a dataset.json and files like this reference.

    Raises:
        DuCiSCError: none can read it.
    """
    try:
        with redirect_stdout(StringIO()), redirect_stderr(StringIO()):  # tracebacks of its trials
            return determine_reader_writer_from_dataset_json(dict(content), str(example.reference))
    except RuntimeError as error:
        raise DuCiSCError(
            f"Case {example.case}: no reader of nnU-Net can read {example.reference}: write it "
            "again."
        ) from error


def _ending(folder: Path) -> str:
    """The one ending that nnU-Net knows among the files in a folder."""
    found = {_known_ending(file) for file in _visible(folder, "-gt")} - {None}
    if len(found) != 1:
        seen = f"files ending in {' and '.join(sorted(map(str, found)))}" if found else "none"
        raise DuCiSCError(
            f"{folder} should hold segmentations of one format that nnU-Net reads "
            f"({', '.join(ENDINGS)}), but has {seen}: name the dataset with -d, or the right "
            "folder with -gt."
        )
    return str(found.pop())


def _known_ending(file: Path) -> str | None:
    fitting = [ending for ending in ENDINGS if file.name.lower().endswith(ending)]
    return file.name[-len(max(fitting, key=len)) :] if fitting else None


def _cases(folder: Path, ending: str, option: str, named_by: Path | None) -> dict[str, Path]:
    """Identifier -> file, by identifier."""
    files = _visible(folder, option)
    cases = {file.name[: -len(ending)]: file for file in files if file.name.endswith(ending)}
    if not cases:
        seen = f"its first file is {files[0].name}" if files else "it is empty"
        why = f", which is the file_ending of {named_by}" if named_by else ""
        other = " or the dataset of these files with -d" if named_by and files else ""
        raise DuCiSCError(
            f"{folder} holds no file that ends in {ending}{why} ({seen}): name a folder of "
            f"segmentations with {option}{',' if other else ''}{other}."
        )
    return cases


def _visible(folder: Path, option: str) -> list[Path]:
    """The files of a folder but for hidden ones, by name."""
    if not folder.is_dir():
        raise DuCiSCError(f"There is no folder {folder}: name one with {option}.")
    files = (file for file in folder.iterdir() if not file.name.startswith("."))
    return sorted(file for file in files if file.is_file())
