"""Scripts of faults: a JSON list, each entry a fault, when it begins, and how far it goes."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from market.errors import UsageError

# What each fault does, and which of count, ms and code it takes. Its `count` is trades for the market, order events for
# orders; `ms` is how long it lasts by the wall clock.
FAULTS = {
    # market data
    "trades_lost": "the next trades are not told",
    "trades_duplicated": "the next trades are told twice",
    "trades_reordered": "the next trades change places with their followers",
    "sentinels": "before each of the next trades one of price 0 and no date",
    "market_late": "nothing of the market for ms, then all of it",
    "market_silent": "nothing of the next events is told, and nobody says so",
    "market_storm": "the next events are served at once, whatever the speed",
    "market_down": "market data disconnect for ms; what happens meanwhile is never told",
    "market_partial": "market data report that the client is too slow",
    "wrong_ticker": "the next subscriptions are refused by the invalid ticker callback",
    # routing and orders
    "routing_down": "routing disconnects for ms; orders sent meanwhile are not created",
    "broker_down": "the broker disconnects for ms, routing does not",
    "orders_late": "order events of the next ms come at its end",
    "orders_lost": "the next order events are not told",
    "orders_duplicated": "the next order events are told twice",
    "orders_reordered": "the next order events change places with their followers",
    "order_storm": "the next order event is told code times",
    "order_partial": "the fill of the next order is told in two parts",
    "order_rejected": "the next order is rejected with a result code",
    "order_silent": "the next order stalls after SENT_TO_HADES and was never created",
    "canceled_by_admin": "every working order is cancelled by the broker",
    "orders_hidden": "for ms after the next login order lists are told empty",
    # the library itself
    "frozen": "the callbacks' thread stands still for ms",
    "hang": "the next call named by `call` does not return for ms",
    "crash": "the callbacks' thread dies of an access violation",
    "key_in_use": "the next logins find the key in use elsewhere",
    "license_lost": "after a full connect the activation turns invalid and everything drops",
    "history_stuck": "the next history stands at progress 99 for ms",
}
_TRIGGERS = ("event", "time_ns", "request", "login", "order")


@dataclass(frozen=True)
class Fault:
    """One fault.

    Parameters
    ----------
    name : str
        A key of FAULTS.
    trigger : str
        "event" (of the recorded session), "time_ns" (event time), "request" (of any kind), "login", or "order" (a new
        one); counted over the venue's life from 1, events from 0.
    at : int
        Where it begins: before that event, request, login or order is taken.
    count, ms, code : int
        How far it goes.
    call : str
        Of a hang: the name of a `RequestKind`.
    """

    name: str
    trigger: str
    at: int
    count: int = 1
    ms: int = 0
    code: int = 0
    call: str = ""


def read_faults(path: Path | None) -> list[Fault]:
    """Read a script.

    Raises
    ------
    UsageError
        If it is no JSON list, or an entry names no fault or not one trigger.
    """
    if path is None:
        return []
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: expected a JSON list of faults, found {error}; correct the file") from error
    if not isinstance(told, list):
        raise UsageError(f"{path}: expected a JSON list of faults, found {type(told).__name__}; correct the file")
    return [_fault(path, place, entry) for place, entry in enumerate(told)]


def _fault(path: Path, place: int, entry: dict[str, Any]) -> Fault:
    where = f"{path}, entry {place}"
    if entry.get("fault") not in FAULTS:
        raise UsageError(f"{where}: expected a fault among {sorted(FAULTS)}, found {entry.get('fault')!r}; correct it")
    named = [trigger for trigger in _TRIGGERS if trigger in entry]
    unknown = sorted(set(entry) - {"fault", "count", "ms", "code", "call", *_TRIGGERS})
    if len(named) != 1 or unknown:
        raise UsageError(
            f"{where}: expected one of {list(_TRIGGERS)} and count, ms, code or call, found {sorted(entry)}; correct it"
        )
    how_far = {key: entry[key] for key in ("count", "ms", "code", "call") if key in entry}
    return Fault(entry["fault"], named[0], int(entry[named[0]]), **how_far)


def at_events(faults: Sequence[Fault], ts_event_ns: np.ndarray) -> list[Fault]:
    """Return the faults with each time of the session put as the first event at or after it."""
    seen = np.maximum.accumulate(ts_event_ns)
    return [
        replace(fault, trigger="event", at=int(np.searchsorted(seen, fault.at)))
        if fault.trigger == "time_ns"
        else fault
        for fault in faults
    ]


class Script:
    """The faults that have not begun yet."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self._waiting = list(faults)

    def due(self, trigger: str, reached: int) -> list[Fault]:
        """Return and forget the faults that begin by now, in the order of the script."""
        begun = [fault for fault in self._waiting if fault.trigger == trigger and fault.at <= reached]
        self._waiting = [fault for fault in self._waiting if fault not in begun]
        return begun

    def next_at(self, trigger: str, none: int) -> int:
        """Return where the next fault of a trigger begins, `none` where there is none."""
        return min((fault.at for fault in self._waiting if fault.trigger == trigger), default=none)
