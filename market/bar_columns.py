"""Bars from columns of trades, closed by the clock: the same bars as from events, several times as fast.

An event takes 64 bytes, and its bar needs 10 of them and the times around the bar's ends. Memory is what bounds the
work, and columns let the machine read only those bytes, and several trades at a time.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from market.bars import ENTERING, INHERITED, close_interval
from market.errors import DataError
from market.kernel import kernel
from market.types import BAR, Kind

# The fields of EVENT that a bar is made of.
TRADE_FIELDS = ("ts_event_ns", "quantity", "price", "kind", "side", "trade_type", "flags")

_MOST = int(np.iinfo(np.int32).max)
_ENTERS = np.isin(np.arange(256), ENTERING)  # by trade type


class TradeColumns(NamedTuple):
    """The trades of one session that enter bars, in sequence order, one contiguous array for each field.

    Parameters
    ----------
    closing_ns : ndarray of int64, shape (n,)
        The latest exchange time up to and with each trade, so it ascends: a late trade opens no closed bar again.
    price : ndarray of int32, shape (n,)
        Ticks.
    quantity : ndarray of int32, shape (n,)
        Lot steps; int64 works too, and is slower.
    side : ndarray of int8, shape (n,)
        Aggressor, `market.types.Side`.
    flags : ndarray of uint8, shape (n,)
        The marks that bars take over from trades; all lie in the lowest byte.
    gap_ns : ndarray of int64
        The latest exchange time at each gap, ascending.
    instrument : int
        Instrument id.
    """

    closing_ns: np.ndarray
    price: np.ndarray
    quantity: np.ndarray
    side: np.ndarray
    flags: np.ndarray
    gap_ns: np.ndarray
    instrument: int


def trade_columns(events: np.ndarray) -> TradeColumns:
    """Return the columns of a session's EVENT records, ordered by sequence and of one instrument.

    Raises DataError where a quantity does not fit 32 bits.
    """
    traded = events["instrument"][events["kind"] == Kind.TRADE]
    return select_trades({name: events[name] for name in TRADE_FIELDS}, int(traded[0]) if traded.size else 0)


def select_trades(columns: Mapping[str, np.ndarray], instrument: int) -> TradeColumns:
    """Return the columns of trades from those of a session's events.

    Parameters
    ----------
    columns : mapping of str to ndarray
        The TRADE_FIELDS of EVENT, ordered by sequence.
    instrument : int
        Instrument id.

    Raises
    ------
    DataError
        Where a quantity does not fit 32 bits.
    """
    closing_ns = np.maximum.accumulate(columns["ts_event_ns"])
    gap_ns = closing_ns[columns["kind"] == Kind.GAP]
    entering = (columns["kind"] == Kind.TRADE) & _ENTERS[columns["trade_type"]]
    if not entering.all():
        closing_ns, columns = closing_ns[entering], {name: columns[name][entering] for name in TRADE_FIELDS}
    quantity = columns["quantity"]
    if quantity.size and (most := int(quantity.max())) > _MOST:
        raise DataError(
            f"columns of trades: expected at most {_MOST} lot steps a trade, found {most}; "
            "count this instrument in larger lot steps, or build its bars from events"
        )
    return TradeColumns(
        closing_ns,
        np.ascontiguousarray(columns["price"]),
        quantity.astype(np.int32),
        np.ascontiguousarray(columns["side"]),
        (columns["flags"] & np.uint32(INHERITED)).astype(np.uint8),
        gap_ns,
        instrument,
    )


def bars_from_columns(trades: TradeColumns, session: np.ndarray, bar_ns: int) -> np.ndarray:
    """Return the BAR records of one session, equal to those of `market.bars.bars_from_events`.

    Parameters
    ----------
    trades : TradeColumns
        The session's trades; `closing_ns` and `gap_ns` must ascend.
    session : ndarray
        SESSION, length 1.
    bar_ns : int
        Length of a bar, nanoseconds.
    """
    opens, closes = int(session["open_ns"][0]), int(session["close_ns"][0])
    out = np.zeros(max((closes - opens) // bar_ns, 0), dtype=BAR)
    return out[: fill_bars_from_columns(trades, opens, bar_ns, out)]


@kernel
def fill_bars_from_columns(trades: TradeColumns, open_ns: int, bar_ns: int, out: np.ndarray) -> int:
    """Fill `out`, zeroed and one record per whole interval of the session; return how many bars there are."""
    count, start, gaps, gap = 0, 0, 0, False
    for interval in range(out.size):
        end = open_ns + (interval + 1) * bar_ns
        stop = first_at(trades.closing_ns, start, end)
        if stop > start:
            add_trades(out[count], trades, start, stop)
        start = stop
        while gaps < trades.gap_ns.size and trades.gap_ns[gaps] < end:
            gaps += 1
            gap = True
        closed = close_interval(out, count, end - bar_ns, end, gap)
        gap = gap and closed == count
        count = closed
    return count


@kernel
def first_at(ascending: np.ndarray, start: int, value: int) -> int:
    """Return the first place from `start` that holds `value` or more, the size where none does.

    The stride doubles from `start` on, because the place is near compared with the end of the session.
    """
    stride = 1
    while start + stride <= ascending.size and ascending[start + stride - 1] < value:
        start += stride
        stride *= 2
    stop = min(start + stride - 1, ascending.size)
    while start < stop:
        middle = (start + stop) // 2
        if ascending[middle] < value:
            start = middle + 1
        else:
            stop = middle
    return start


@kernel
def add_trades(bar: np.void, trades: TradeColumns, start: int, stop: int) -> None:
    """Add the trades from `start` to before `stop`, at least one, to a bar that has none: `add_trade` for many.

    The loop keeps to locals, slices from zero and no branch, else the compiler does not take several trades at a time.
    """
    price, quantity = trades.price[start:stop], trades.quantity[start:stop]
    side, flags = trades.side[start:stop], trades.flags[start:stop]
    high = low = price[0]
    volume, turnover, bought, sold, buys, sells, marks = 0, 0, 0, 0, 0, 0, np.uint8(0)
    for i in range(price.size):
        high, low = max(high, price[i]), min(low, price[i])
        volume += quantity[i]
        turnover += np.int64(price[i]) * quantity[i]
        bought += quantity[i] if side[i] > 0 else 0
        sold += quantity[i] if side[i] < 0 else 0
        buys += side[i] > 0
        sells += side[i] < 0
        marks |= flags[i]
    bar["open"], bar["high"], bar["low"], bar["close"] = price[0], high, low, price[-1]
    bar["volume"], bar["buy_volume"], bar["sell_volume"], bar["turnover"] = volume, bought, sold, turnover
    bar["trades"], bar["buy_trades"], bar["sell_trades"] = price.size, buys, sells
    bar["instrument"], bar["flags"] = trades.instrument, np.uint32(marks)
