"""Where a column is defined: the file and line a reader should open."""

import ast
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from features.catalogue import Feature

CHECKOUT = Path(__file__).resolve().parents[2]


def of_function(function: Callable[..., Any]) -> str:
    """Return the file and line of a function, compiled or not."""
    code = getattr(function, "py_func", function).__code__
    return _place(Path(code.co_filename), code.co_firstlineno)


def of_feature(name: str, otherwise: Callable[..., Any]) -> str:
    """Return the file and line of a feature's catalogue entry, or of the function that computes the column."""
    found = [place for pattern, place in _entries() if re.fullmatch(pattern, name)]
    return found[0] if found else of_function(otherwise)


@cache
def _entries() -> tuple[tuple[str, str], ...]:
    """Return pattern and place of every call that makes a `Feature`; names written in full come first."""
    exact: list[tuple[str, str]] = []
    patterns: list[tuple[str, str]] = []
    for file in sorted((CHECKOUT / "features").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == Feature.__name__:
                pattern, written = _pattern(node)
                (exact if written else patterns).append((pattern, _place(file, node.lineno)))
    return tuple(exact + patterns)


def _pattern(call: ast.Call) -> tuple[str, bool]:
    """Return a pattern of the names a call gives, and whether it is one name written in full."""
    given = call.args[0] if call.args else next(k.value for k in call.keywords if k.arg == "name")
    if isinstance(given, ast.Constant):
        return re.escape(str(given.value)), True
    parts = given.values if isinstance(given, ast.JoinedStr) else []
    return "".join(re.escape(str(p.value)) if isinstance(p, ast.Constant) else r"\w+" for p in parts), False


def _place(file: Path, line: int) -> str:
    whole = file.resolve()
    shown = whole.relative_to(CHECKOUT) if whole.is_relative_to(CHECKOUT) else whole
    return f"{shown.as_posix()}:{line}"
