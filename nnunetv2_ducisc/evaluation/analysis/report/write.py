"""The folder of a report: one page that stands alone, its figures and its numbers."""

from __future__ import annotations

import base64
import json
import math
import shutil
from collections.abc import Sequence
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined
from matplotlib.figure import Figure

from nnunetv2_ducisc import __version__
from nnunetv2_ducisc.errors import DuCiSCError, one_line
from nnunetv2_ducisc.evaluation.analysis.report.section import Section
from nnunetv2_ducisc.whole import beside

NUMBERS = "analysis.json"
_PIXELS_AN_INCH = 108  # of the page, so that text is as large in every figure


def check_replaceable(folder: Path) -> None:
    """Refuse to replace what is no report.

    Raises:
        DuCiSCError: the folder holds other things, or is none.
    """
    if folder.is_file():
        raise DuCiSCError(f"{folder} is a file: name a folder with -o.")
    if folder.exists() and not (folder / NUMBERS).is_file() and any(folder.iterdir()):
        raise DuCiSCError(f"{folder} holds other things than an analysis: name a new one with -o.")


def check_writable(folder: Path) -> None:
    """Try to write beside a folder, as a report is, before hours are spent on one.

    Raises:
        DuCiSCError: that is not possible.
    """
    try:
        _begin(folder).rmdir()
    except OSError as error:
        raise DuCiSCError(
            f"{folder} cannot be written ({one_line(error)}): name another folder with -o."
        ) from error


def write_report(
    folder: Path, title: str, facts: dict[str, str], sections: Sequence[Section]
) -> None:
    """Write report.html, analysis.json and every figure as PNG and PDF, whole or not at all.

    Args:
        folder: replaces an earlier report.
        title: of the page.
        facts: what was analyzed and how.
        sections: in order.
    """
    unfinished = _begin(folder)
    images: dict[str, tuple[str, int]] = {}
    for picture in (picture for section in sections for picture in section.pictures):
        png = _save(picture.figure, "png")
        (unfinished / f"{picture.name}.png").write_bytes(png)
        (unfinished / f"{picture.name}.pdf").write_bytes(_save(picture.figure, "pdf"))
        width = round(_PIXELS_AN_INCH * picture.figure.get_figwidth())
        images[picture.name] = base64.b64encode(png).decode(), width
    page = _template().render(
        title=title, facts=facts, sections=sections, images=images, version=__version__
    )
    (unfinished / "report.html").write_text(page, encoding="utf-8")
    numbers = {"nnunetv2_ducisc": __version__, **facts, **{s.key: s.numbers for s in sections}}
    text = json.dumps(_plain(numbers), indent=2, allow_nan=False)
    (unfinished / NUMBERS).write_text(text, encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    unfinished.rename(folder)


def _begin(folder: Path) -> Path:
    """An empty folder beside it; what a kill left there is gone."""
    unfinished = beside(folder)
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    return unfinished


def _template() -> Any:  # noqa: ANN401 (jinja2 has its own types)
    source = files(__package__).joinpath("report.html.jinja").read_text(encoding="utf-8")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(source)


def _save(figure: Figure, ending: str) -> bytes:
    buffer = BytesIO()
    when = {"CreationDate": None} if ending == "pdf" else {}  # the same figure is the same file
    figure.savefig(buffer, format=ending, metadata=when)
    return buffer.getvalue()


def _plain(value: Any) -> Any:  # noqa: ANN401 (whatever JSON can hold)
    """The value without NaN, which JSON does not have."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    return None if isinstance(value, float) and math.isnan(value) else value
