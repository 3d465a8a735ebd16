"""Typed settings from plain mappings: unknown keys are refused with the nearest known one named."""

import dataclasses
import difflib
from collections.abc import Mapping
from typing import Any, TypeVar, get_type_hints

from pydantic import TypeAdapter, ValidationError

from market.errors import ConfigError
from market.wording import to_toml

T = TypeVar("T")


def parse_settings(section: type[T], values: Mapping[str, Any], source: str) -> T:
    """Build a frozen dataclass from a mapping.

    Parameters
    ----------
    section : type
        A dataclass; its fields may be dataclasses again.
    values : mapping
        What the user wrote.
    source : str
        Where, for the message: a file name and section.

    Raises
    ------
    ConfigError
        For an unknown key, a missing one, or a value of the wrong type or out of range.
    """
    _refuse_unknown_keys(section, values, source)
    try:
        return TypeAdapter(section).validate_python(dict(values))
    except ConfigError as error:
        raise ConfigError(f"{source}: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        if first["type"] == "missing":
            raise ConfigError(f"{source}: {key}: expected a value, found none; add it") from error
        said = f"{first['msg'].replace('tuple', 'list')}, found {to_toml(first['input'])}"
        raise ConfigError(f"{source}: {key}: {said}; correct this value") from error


def _refuse_unknown_keys(section: type[Any], values: Mapping[str, Any], source: str) -> None:
    known = get_type_hints(section)
    for key, value in values.items():
        if key not in known:
            near = difflib.get_close_matches(str(key), known, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"known keys are {', '.join(sorted(known))}"
            raise ConfigError(f"{source}: expected a known key, found '{key}'; {hint}")
        if dataclasses.is_dataclass(known[key]) and isinstance(value, Mapping):
            _refuse_unknown_keys(known[key], value, f"{source}: {key}")
