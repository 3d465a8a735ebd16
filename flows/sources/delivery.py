"""What every source of market data offers to the collect flow, and how one file of it is taken into the lake."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from market.errors import BrokerError, ConfigError, LakeError, PregaoError
from market.importer import ImportResult, import_file
from market.lake import Lake


def _nothing(_refusal: str | None) -> str:
    """Leave the source as it is."""
    return ""


def _at_once() -> str:
    """Wait for nothing."""
    return ""


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
        Told the outcome: None where it is in the lake, else why it was refused. Returns why the source will offer the
        file again all the same; empty where it will not.
    waits : callable
        Returns why it must not be taken yet; empty where it may be.
    take : callable, optional
        Files it in the lake, where it is no vendor's file.
    """

    label: str
    fetch: Callable[[], Path]
    symbol: str | None = None
    settle: Callable[[str | None], str] = _nothing
    waits: Callable[[], str] = _at_once
    take: Callable[[Lake, Path], ImportResult] | None = None


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


@dataclass(frozen=True)
class Collected:
    """What became of one delivery.

    Parameters
    ----------
    source, label : str
        Which delivery.
    status : str
        "imported" and "unchanged" (the lake held all of it); "unmoved": either of them, but the source still has the
        file; "waiting": not taken yet; "refused" (the file's fault) and "failed" (not the file's: it is kept).
    reason : str
        What is to be said of it.
    """

    source: str
    label: str
    status: str
    reason: str


def take_delivery(lake: Lake, source: str, delivery: Delivery) -> Collected:
    """Fetch one file and import it; a refusal is an outcome, a failed fetch an error that may be tried again."""
    if reason := delivery.waits():
        return Collected(source, delivery.label, "waiting", reason)
    path = delivery.fetch()
    try:
        result = delivery.take(lake, path) if delivery.take else import_file(lake, path, symbol=delivery.symbol)
    except (LakeError, ConfigError, BrokerError) as error:  # lake, setting or vendor: not the file's fault
        return Collected(source, delivery.label, "failed", str(error))
    except PregaoError as error:
        left = delivery.settle(str(error))
        return Collected(source, delivery.label, "refused", _joined(str(error), left))
    if left := delivery.settle(None):
        return Collected(source, delivery.label, "unmoved", _joined(result.status, result.reason, left))
    return Collected(source, delivery.label, result.status, result.reason)


def _joined(*told: str) -> str:
    return "; ".join(part for part in told if part)
