"""From the rows of a tape, one trade each, to EVENT records by session."""

from collections.abc import Iterable, Iterator
from datetime import date

import numpy as np
from numpy.typing import ArrayLike

from market.instruments import Instrument
from market.readers.cells import NO_DAY
from market.readers.screen import LATE_NS, OUTSIDE_HOURS, DayHours, Screen, to_date
from market.types import Kind, events

MOST_TICKS, MOST_LOTS = 2**31 - 1, 2**53

TRADE_ROW = np.dtype(
    [
        ("line", "<i8"),
        ("day", "<i8"),  # since 1970-01-01, NO_DAY if illegible
        ("ts_ns", "<i8"),  # UTC, NO_DAY if illegible
        ("price", "<f8"),  # points, NaN if illegible
        ("quantity", "<f8"),  # contracts (units of quantity)
        ("number", "<i8"),  # the exchange's, 0 where the source has none
        ("buyer", "<i4"),  # broker ids, 0 where not told
        ("seller", "<i4"),
        ("side", "i1"),  # Side
        ("trade_type", "u1"),  # TradeType
        ("flags", "<u4"),  # Flag
    ]
)


def screen_trades(screen: Screen, rows: np.ndarray, hours: DayHours, tick_size: ArrayLike, lot_step: ArrayLike) -> None:
    """Set aside the rows that cannot be trades.

    Parameters
    ----------
    screen : Screen
        Of the rows.
    rows : ndarray
        TRADE_ROW or what extends it, shape (n,).
    hours : DayHours
        Of each row's session.
    tick_size, lot_step : float or ndarray
        Of each row's instrument.
    """
    screen.reject((rows["day"] == NO_DAY) | (rows["ts_ns"] == NO_DAY), "a date or time that cannot be read")
    screen.reject(~(np.isfinite(rows["price"]) & (rows["price"] > 0)), "a price that is not a number above zero")
    ticks = np.nan_to_num(rows["price"] / tick_size, posinf=0.0)
    screen.reject(ticks > MOST_TICKS, "a price beyond any market")
    screen.reject((np.abs(ticks - np.rint(ticks)) > 1e-4) | (ticks < 0.5), "a price off the tick grid")
    steps = rows["quantity"] / lot_step
    whole = (steps > 0.5) & (steps < MOST_LOTS) & (np.abs(steps - np.rint(steps)) < 1e-6)
    screen.reject(~whole, "a quantity that is not whole contracts")
    screen.reject_other_days(hours)
    outside = (rows["ts_ns"] < hours.open_ns) | (rows["ts_ns"] >= hours.close_ns + LATE_NS)
    screen.reject(outside, OUTSIDE_HOURS)


def split_days(blocks: Iterable[np.ndarray]) -> Iterator[tuple[date, np.ndarray, bool]]:
    """Yield each day's rows, joined across blocks, and whether they are the last ones; memory holds one day.

    Parameters
    ----------
    blocks : iterable of ndarray
        Rows with a legible `day`, in the file's order.
    """
    pending: list[np.ndarray] = []
    for block in blocks:
        for part in np.split(block, np.flatnonzero(np.diff(block["day"])) + 1):
            if pending and part.size and pending[0]["day"][0] != part["day"][0]:
                yield to_date(pending[0]["day"][0]), np.concatenate(pending), False
                pending = []
            if part.size:
                pending.append(part)
    if pending:
        yield to_date(pending[0]["day"][0]), np.concatenate(pending), True


def to_trades(rows: np.ndarray, instrument: Instrument) -> np.ndarray:
    """Return the EVENT records of one session's rows, which are in order."""
    out = events(rows.size)
    out["ts_event_ns"] = out["ts_recv_ns"] = rows["ts_ns"]
    out["sequence"] = np.arange(rows.size)
    out["trade_number"] = rows["number"]
    out["quantity"] = np.rint(rows["quantity"] / instrument.lot_step)
    out["price"] = np.rint(rows["price"] / instrument.tick_size)
    out["instrument"], out["kind"] = instrument.id, Kind.TRADE
    for name in ("buyer", "seller", "side", "trade_type", "flags"):
        out[name] = rows[name]
    return out
