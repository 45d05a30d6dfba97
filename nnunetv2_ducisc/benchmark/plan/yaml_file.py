"""A YAML file whose mappings are read key by key; whatever is wrong with one is a sentence."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeGuard, TypeVar

import yaml

from nnunetv2_ducisc.errors import DuCiSCError

Value = TypeVar("Value")
Kind = Callable[[Any], Value]  # gives the value, or raises ValueError with what was expected
REQUIRED: Any = object()
_MERGE = "tag:yaml.org,2002:merge"


class _Loader(yaml.SafeLoader):
    """YAML's own loader silently takes the last of two equal keys."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict:  # noqa: ANN401
        keys = [self.construct_object(k, deep=True) for k, _ in node.value if k.tag != _MERGE]
        twice = [key for index, key in enumerate(keys) if key in keys[:index]]
        if twice:
            line = node.start_mark.line + 1
            raise DuCiSCError(f"{twice[0]!r} stands twice in the mapping at line {line}")
        return super().construct_mapping(node, deep)


def read_yaml(file: Path) -> Any:  # noqa: ANN401 (whatever the file holds)
    """The content of a YAML file.

    Raises:
        DuCiSCError: no such file, not YAML, or a key that stands twice.
    """
    try:
        with file.open(encoding="utf-8") as opened:
            return yaml.load(opened, _Loader)
    except DuCiSCError as error:
        raise DuCiSCError(f"In {file}, {error}: give each a name of its own.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise DuCiSCError(f"{file} cannot be read ({error}): name a plan.") from error
    except yaml.YAMLError as error:
        where = " ".join(str(error).split())
        raise DuCiSCError(f"{file} is not valid YAML ({where}): correct it there.") from error


class Entries:
    """The keys of one mapping.

    Args:
        content: what stands there.
        where: the file and the place in it, for errors.
        keys: those that are allowed.

    Raises:
        DuCiSCError: no mapping, or an unknown key, with the nearest valid one.
    """

    def __init__(self, content: object, where: str, keys: Sequence[str]) -> None:
        if not isinstance(content, Mapping):
            raise DuCiSCError(
                f"{where} is {content!r}, but it must be a mapping with the keys {', '.join(keys)}."
            )
        for key in content:
            if key not in keys:
                nearest = difflib.get_close_matches(str(key), keys, n=1, cutoff=0.0)[0]
                raise DuCiSCError(
                    f"Unknown key {key!r} in {where}: the nearest valid key is {nearest!r}; valid "
                    f"keys are {', '.join(keys)}."
                )
        self.content, self.where = content, where

    def get(self, key: str, kind: Kind[Value], default: Value = REQUIRED) -> Value:
        """The value of a key, checked.

        Raises:
            DuCiSCError: the key is required and absent, or its value is of another kind.
        """
        if key not in self.content:
            if default is REQUIRED:
                raise DuCiSCError(f"{self.where} has no {key}: add it.")
            return default
        try:
            return kind(self.content[key])
        except ValueError as error:
            raise DuCiSCError(
                f"In {self.where}, {key} is {self.content[key]!r}, but it must be {error}."
            ) from error


def whole_number(minimum: int, maximum: float = math.inf) -> Kind[int]:
    """An integer within bounds; true and false are none."""
    bounds = f", at least {minimum}" if maximum == math.inf else f" from {minimum} to {maximum}"

    def kind(value: object) -> int:
        if type(value) is not int or not minimum <= value <= maximum:
            raise ValueError(f"a whole number{bounds}")
        return value

    return kind


def is_number(value: object) -> TypeGuard[float]:
    """Whether it is a finite number, whole or not; true and false are none."""
    return not isinstance(value, bool) and isinstance(value, int | float) and math.isfinite(value)


def number(value: object) -> float:
    """A number from 0."""
    if not is_number(value) or value < 0:
        raise ValueError("a number from 0, written like 0.1 or 1.0e-3")
    return value


def one_of(*options: object) -> Kind[Any]:
    """Any of these."""

    def kind(value: object) -> object:
        for option in options:  # type too: True == 1
            if type(value) is type(option) and value == option:
                return value
        raise ValueError(" or ".join(map(str, options)))

    return kind


def either(first: Kind[Any], second: Kind[Any]) -> Kind[Any]:
    """What one of two kinds takes."""

    def kind(value: object) -> object:
        try:
            return first(value)
        except ValueError as error:
            try:
                return second(value)
            except ValueError as other:
                raise ValueError(f"{error}, or {other}") from other

    return kind


def several(of: Kind[Value]) -> Kind[tuple[Value, ...]]:
    """A list with one or more values, none of them twice."""

    def kind(value: object) -> tuple[Value, ...]:
        if not isinstance(value, list) or not value:
            raise ValueError("a list with at least one entry")
        entries = tuple(of(entry) for entry in value)
        if any(entry in entries[:index] for index, entry in enumerate(entries)):
            raise ValueError("a list in which nothing stands twice")
        return entries

    return kind


def text(value: object) -> str:
    """Words, or a number that is meant as a name."""
    if not isinstance(value, str | int) or isinstance(value, bool) or value == "":
        raise ValueError("a text")
    return str(value)


def anything(value: object) -> Any:  # noqa: ANN401
    """What somebody else checks."""
    return value


def mapping(value: object) -> dict[str, Any]:
    """Keys and values that somebody else checks."""
    if not isinstance(value, Mapping):
        raise ValueError("a mapping")
    return {str(key): entry for key, entry in value.items()}
