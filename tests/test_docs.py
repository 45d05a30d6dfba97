"""The links in the documentation lead where they say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
LINK = re.compile(r"\[([^\]]+)\]\(([^)\s]+)\)")


def links(page: Path) -> list[tuple[str, str]]:
    """Text and target of every link that stays inside the repository."""
    found = LINK.findall(page.read_text(encoding="utf-8"))
    return [(text, target) for text, target in found if not re.match(r"[a-z]+:", target)]


def anchors(page: Path) -> set[str]:
    """What the headings of a page are called in a link."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_to_a_file_a_heading_or_the_line_that_defines_what_it_names(page):
    for text, target in links(page):
        name, _, place = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        assert file.exists(), target
        if line := re.fullmatch(r"L(\d+)", place):
            defined = text.strip("`").split(".")[-1]
            code = file.read_text(encoding="utf-8").splitlines()[int(line[1]) - 1]
            assert re.match(rf"\s*(def|class) {defined}\b", code), f"{target}: {code}"
        elif place:
            assert place in anchors(file), target


def test_every_equation_from_1_to_15_has_a_row():
    text = (ROOT / "docs/method.md").read_text(encoding="utf-8")
    table = re.findall(r"^\| ([\d, ]+) \|", text, re.MULTILINE)
    numbers = {int(number) for row in table for number in row.split(",")}
    assert numbers == set(range(1, 16))
