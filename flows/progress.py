"""Progress of long stages and what to know before them, on standard error."""

import sys
import time
from collections.abc import Iterator, Sequence
from typing import TypeVar

from rich.console import Console
from rich.progress import track

T = TypeVar("T")


def warn(sentence: str) -> None:
    """Say what should be known before the work is done."""
    Console(stderr=True, soft_wrap=True).print(f"caution: {sentence}", highlight=False, markup=False)


def steps(items: Sequence[T], what: str, quiet_after_s: float = 10.0) -> Iterator[T]:
    """Yield the items and show how far the work is.

    A terminal gets a bar; a log gets at most one line in `quiet_after_s` seconds, so that it stays readable.
    """
    if sys.stderr.isatty():
        yield from track(items, description=what, console=Console(stderr=True), transient=True)
        return
    console, shown = Console(stderr=True, soft_wrap=True), time.monotonic()
    for done, item in enumerate(items, start=1):
        yield item
        if time.monotonic() - shown > quiet_after_s:
            console.print(f"{what}: {done} of {len(items)}", highlight=False)
            shown = time.monotonic()
