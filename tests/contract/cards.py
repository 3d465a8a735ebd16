"""The cards of the contract: one test each, named by its number, with the card's text as its docstring."""

import ast
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

HERE = Path(__file__).parent
_NUMBER = re.compile(r"test_([a-z]\d\d)_")
VENDOR = os.environ.get("PREGAO_PROFITDLL")  # the vendor's file; without it cards meet the stand-in

# Why a card is not played with the vendor's file.
FAULT, RECORDED = "needs a scripted fault", "needs a recorded session"
SETTING, DEATH = "needs a setting of the stand-in", "kills a process that holds a position"
BLOCKS, SHOWS = "refused logins and orders may block the user", "prints and reads all that a session leaves"


class Card(NamedTuple):
    """One card as it is listed."""

    number: str
    text: str
    standin_only: str  # why it is not played with the vendor's file; empty where it is


def standin_only(reason: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Leave a card out where the vendor's file is played."""

    def mark(test: Callable[..., None]) -> Callable[..., None]:
        return pytest.mark.skipif(VENDOR is not None, reason=f"stand-in only: {reason}")(test)

    return mark


def cards() -> list[Card]:
    """Return every card of this folder's tests, by number."""
    found = []
    for path in sorted(HERE.glob("test_*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and (named := _NUMBER.match(node.name)):
                number = named[1].upper()
                text = " ".join((ast.get_docstring(node) or "").split())
                found.append(Card(number, text, _reason(node.decorator_list)))
    return sorted(found)


def _reason(decorators: list[Any]) -> str:
    for one in decorators:
        if isinstance(one, ast.Call) and getattr(one.func, "id", "") == "standin_only":
            return str(globals()[one.args[0].id])
    return ""


def listing() -> str:
    """Return the cards as the documentation lists them."""
    lines = ["| card | what holds | stand-in only |", "|---|---|---|"]
    return "\n".join([*lines, *(f"| {' | '.join(card)} |" for card in cards())])
