"""How every command answers: sentences for people, one JSON object for machines."""

import contextlib
import json
import sys
from collections.abc import Iterator
from typing import Annotated, Any

import typer

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output and nothing else.")]


def answer(
    as_json: bool, fields: dict[str, Any], lines: list[str], *, ok: bool = True, reason: str | None = None
) -> None:
    """Print the answer of a command; a 'no' ends it with exit code 1.

    Parameters
    ----------
    as_json : bool
        One JSON object instead of the lines.
    fields : dict
        Keys of the JSON object, besides ``ok`` and ``reason``.
    lines : list of str
        What a person reads.
    ok : bool
        Whether the answer is yes.
    reason : str, optional
        Why the answer is no.
    """
    if as_json:
        head: dict[str, Any] = {"ok": ok} if ok else {"ok": ok, "reason": reason}
        print(json.dumps({**head, **fields}, ensure_ascii=False, allow_nan=False))
    else:
        print("\n".join(lines))
        if not ok and reason:
            print(reason, file=sys.stderr)
    if not ok:
        raise typer.Exit(1)


@contextlib.contextmanager
def quiet_stdout() -> Iterator[None]:
    """Send what libraries print to standard error, so that standard output holds the answer alone."""
    with contextlib.redirect_stdout(sys.stderr):
        yield
