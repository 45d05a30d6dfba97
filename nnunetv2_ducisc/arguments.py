"""Types of command-line options."""

from __future__ import annotations

import argparse
from pathlib import Path


def positive_number(text: str) -> int:
    """A whole number from 1; argparse turns the error into a sentence."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is too few: expected 1 or more")
    return number


def seed_number(text: str) -> int:
    """A seed that NumPy takes."""
    number = int(text)
    if not 0 <= number < 2**32:
        raise argparse.ArgumentTypeError(f"{text} is no seed: expected 0 to {2**32 - 1}")
    return number


def dataset_number(text: str) -> int:
    """The number of an nnU-Net dataset."""
    number = int(text)
    if not 1 <= number <= 999:
        raise argparse.ArgumentTypeError(f"{text} is no dataset number: expected 1 to 999")
    return number


def number_or_list(text: str) -> int | list[str]:
    """``8``, or the lines of a text file, which may have blanks in them."""
    if text.lstrip("-").isdigit():
        return int(text)
    try:
        # Some editors and spreadsheets put a mark at the start.
        lines = Path(text).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise argparse.ArgumentTypeError(
            f"{text} is neither a number nor a text file with a case a line"
        ) from error
    names = [line.strip() for line in lines if line.strip()]
    if not names:
        raise argparse.ArgumentTypeError(f"{text} names no case")
    return names
