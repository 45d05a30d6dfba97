"""Long lists in short sentences."""

from __future__ import annotations

from collections.abc import Sequence

SHOWN = 5  # warnings of one kind, names in one line


def some(names: Sequence[str]) -> str:
    """``a, b, c, d, e, ...``: the first few names."""
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")


def first_few(sentences: Sequence[str], rest: str) -> list[str]:
    """The first few sentences, and one for the rest.

    Args:
        sentences: of one kind.
        rest: what is true of those left out, like ``more look like masks``.
    """
    more = len(sentences) - SHOWN
    return [*sentences[:SHOWN], *([f"{more} {rest}"] if more > 0 else [])]
