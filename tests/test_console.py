"""What the commands print arrives on any console."""

import io
import sys

import pytest

from nnunetv2_ducisc.console import print_any_character

pytestmark = pytest.mark.unit


def test_what_ascii_lacks_becomes_a_question_mark(monkeypatch):
    ascii_console = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", ascii_console)
    with pytest.raises(UnicodeEncodeError):
        print("0.82 ± 0.05", flush=True)
    print_any_character()
    print("0.82 ± 0.05", flush=True)
    assert ascii_console.buffer.getvalue() == b"0.82 ? 0.05\n"


def test_a_console_that_takes_every_character_is_left_alone(monkeypatch):
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    print_any_character()
    print("0.82 ± 0.05")
    assert sys.stdout.getvalue() == "0.82 ± 0.05\n"
