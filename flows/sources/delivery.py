"""What every source of market data offers to the collect flow."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from market.lake import Lake


def _nothing(_refusal: str | None) -> None:
    """Leave the source as it is."""


@dataclass(frozen=True)
class Delivery:
    """One vendor file that a source has, or can fetch.

    Parameters
    ----------
    label : str
        What a person calls it, as "WDOZ26 on 2026-11-24".
    fetch : callable
        Brings the file and returns where it lies; called once a try.
    symbol : str or None
        The symbol, where the file does not tell it.
    settle : callable
        Told the outcome: None where it is in the lake, else why it was refused.
    """

    label: str
    fetch: Callable[[], Path]
    symbol: str | None = None
    settle: Callable[[str | None], None] = _nothing


@runtime_checkable
class Source(Protocol):
    """Something that delivers market data, oldest first.

    A delivery that is in the lake whole is not offered again, so a run that was stopped goes on where it was.
    """

    @property
    def name(self) -> str:
        """What the user calls it."""
        ...

    def deliveries(self, lake: Lake) -> Iterator[Delivery]:
        """Yield what the lake does not hold whole yet."""
        ...
