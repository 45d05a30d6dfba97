"""The one kind of error that is meant for the user's eyes."""

from __future__ import annotations


class DuCiSCError(RuntimeError):
    """Bad input: one sentence with what was found, what was expected and what fixes it."""


def one_line(error: BaseException) -> str:
    """Another library's error as part of such a sentence: one line of bearable length."""
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return text if len(text) <= 200 else f"{text[:200]}..."
