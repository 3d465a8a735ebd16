"""Execution alone: a day of trades and best quotes passes a few resting limit orders, beside hftbacktest.

hftbacktest asks for a NumPy older than ours, so it has an environment of its own: PREGAO_HFTBACKTEST names its
interpreter.
"""

import json
import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.rows import Row, more_is_better, race
from benchmarks.tapes import WIN, busy_day
from market.kernel import kernel
from market.types import EVENT, Kind, Side, TradeType
from trading.fills.events import play_events
from trading.fills.venue import Venue, new_venue, reset_venue
from trading.policy import VenueParams
from trading.records import OrderState, OrderType
from trading.requests import REQUEST, RequestKind

INTERPRETER = "PREGAO_HFTBACKTEST"
# Of the way from the first price to the day's lowest and highest. An order that the market only touches depends on what
# is known of its queue, and best quotes tell nothing of it: so each is passed by far, or never reached.
AWAY = (0.2, 0.4, 0.6, 2.0, 4.0)
TICK = np.dtype([("ts_ns", "<i8"), ("price", "<i8"), ("quantity", "<i8"), ("side", "<i8"), ("is_quote", "?")])


@dataclass(frozen=True)
class Sizes:
    """Ticks of the day, and rounds of each runner."""

    ticks: int = 1_200_000
    rounds: int = 10


def execution_row(sizes: Sizes = Sizes()) -> Row:
    """Ticks per second past resting orders; both fill the same of them."""
    events = level_one_day(sizes.ticks)
    requests = resting_orders(events)
    venue = new_venue(VenueParams(latency_ms=0))

    def ours() -> None:
        _play(venue, requests, events)

    seconds, _ = race(ours, lambda: None, rounds=sizes.rounds)
    filled = filled_orders(venue)
    assert 0 < len(filled) < requests.size, "expected fills, and orders that rest all day"
    work = f"execution only, {requests.size} resting orders, {len(filled)} filled, in {events.size:,} trades and quotes"
    interpreter = os.environ.get(INTERPRETER)
    if interpreter is None:
        absent = f"{work} (no hftbacktest here: {INTERPRETER} names no interpreter)"
        return Row(absent, "M ticks/s", round(events.size / seconds / 1e6, 1))
    theirs = _peer(interpreter, events, requests, sizes.rounds)
    assert theirs["filled"] == filled, f"expected {filled} filled as ours, found {theirs['filled']} of hftbacktest"
    millions = events.size / 1e6
    peer = "hftbacktest, equal fills"
    return more_is_better(work, "M ticks/s", millions / seconds, millions / theirs["seconds"], peer)


def level_one_day(ticks: int) -> np.ndarray:
    """Return the busy day's trades, each with the best quotes after it, EVENT."""
    trades = busy_day(ticks // 3)
    trades = trades[trades["trade_type"] != TradeType.RLP]  # they tell no order where the market is
    events: np.ndarray = np.repeat(trades, 3)
    ask = trades["price"] + (trades["side"] == Side.SELL)
    rises = np.diff(ask, prepend=ask[0]) > 0
    for place in (1, 2):
        quote = events[place::3]
        # The side that the price moves away from comes first, so that they never cross.
        side = np.where(rises == (place == 1), Side.SELL, Side.BUY)
        quote["kind"], quote["trade_type"], quote["trade_number"], quote["side"] = Kind.QUOTE_SIDE, 0, 0, side
        quote["price"] = ask - (side == Side.BUY)
        quote["quantity"] = 50 + np.arange(trades.size) % 40
    events["sequence"] = np.arange(events.size)
    assert events.dtype == EVENT
    return events


def resting_orders(events: np.ndarray) -> np.ndarray:
    """Return the REQUESTs of limit orders on both sides, sent at the first event."""
    requests = np.zeros(2 * len(AWAY), dtype=REQUEST)
    requests["ts_ns"], requests["instrument"] = events["ts_event_ns"][0], WIN
    requests["order"] = 1 + np.arange(requests.size)
    requests["kind"], requests["type"], requests["quantity"] = RequestKind.NEW, OrderType.LIMIT, 1
    requests["side"] = np.repeat([Side.BUY, Side.SELL], len(AWAY))
    first = int(events["price"][0])
    ways = first - int(events["price"].min()), first - int(events["price"].max())
    requests["price"] = first - np.rint(np.outer(ways, AWAY)).ravel()
    return requests


def filled_orders(venue: Venue) -> list[int]:
    dead = venue.dead[: venue.state["dead"][0]]
    return sorted(dead["id"][dead["state"] == OrderState.FILLED].tolist())


@kernel
def _play(venue: Venue, requests: np.ndarray, events: np.ndarray) -> None:
    reset_venue(venue, 0)
    play_events(venue, requests, requests.size, events)


def _peer(interpreter: str, events: np.ndarray, requests: np.ndarray, rounds: int) -> dict[str, Any]:
    """Return hftbacktest's best seconds over the same ticks, and the orders it filled."""
    ticks = np.zeros(events.size, dtype=TICK)
    ticks["ts_ns"], ticks["is_quote"] = events["ts_event_ns"], events["kind"] == Kind.QUOTE_SIDE
    for name in ("price", "quantity", "side"):
        ticks[name] = events[name]
    script = Path(__file__).with_name("hftbacktest_day.py")
    with tempfile.TemporaryDirectory() as folder:
        given = Path(folder) / "day.npz"
        np.savez(given, events=ticks, sides=requests["side"], prices=requests["price"])
        command = [interpreter, str(script), str(given), str(rounds)]
        made = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(made.stdout)
    return found
