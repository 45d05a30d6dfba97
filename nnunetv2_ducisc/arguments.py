"""Types of command-line options."""

from __future__ import annotations

import argparse


def positive_number(text: str) -> int:
    """A whole number from 1; argparse turns the error into a sentence."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is too few: expected 1 or more")
    return number
