"""How a message counts things."""

import json
from collections.abc import Mapping
from typing import Any


def count_of(number: int, thing: str) -> str:
    """Return a number and what it counts: 1 row, 1,200 rows."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def to_toml(value: Any) -> str:
    """Return a value as TOML writes it; for none, which TOML has not, the word."""
    if value is None:
        return "none"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(to_toml, value))}]"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key} = {to_toml(one)}' for key, one in value.items())}}}"
    if isinstance(value, bool | str):  # as in JSON
        return json.dumps(value, ensure_ascii=False)
    return str(value)
