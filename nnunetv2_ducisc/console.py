"""What every command of this package does to the console that it prints to."""

from __future__ import annotations

import io
import sys


def print_any_character() -> None:
    """Print ? for a character that the console's encoding lacks, instead of ending in an error.

    A machine without a locale takes ASCII, which has neither a plus-minus sign nor
    the letters of many a case's name.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a notebook's is not one, and prints them all
            stream.reconfigure(errors="replace")
