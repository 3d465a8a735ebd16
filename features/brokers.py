"""Who trades: brokers of the last trades, and those that traded most before (signals.md §1 A3, A6, §4).

Only trades that name both brokers count, so a feed that leaves some out still says what the others did. A broker is a
cell of an open-addressing table that outlives the session; no result depends on where in the table it lies.
"""

import math

import numpy as np

from features.catalogue import index_of
from features.layout import (
    ACTIVITY,
    ACTIVITY_WIDTH,
    BROKER_TABLE,
    BROKER_WIDTH,
    BROKERS,
    BROKERS_KNOWN,
    DISTINCT_BOTH,
    DISTINCT_BUYERS,
    DISTINCT_EARLIER,
    DISTINCT_RECENT,
    DISTINCT_SELLERS,
    LONG_LOTS,
    NAMED,
    PARTIES,
    PARTY_RING,
    PARTY_WIDTH,
    RANKS,
    RECENT_LOTS,
    TOP_BOUGHT,
    TOP_BUYERS,
    TOP_SELLERS,
    TOP_SOLD,
    TOP_TRADERS,
)
from features.windows import ratio
from market.kernel import kernel

_ID, _BOUGHT_BEFORE, _SOLD_BEFORE = range(BROKER_WIDTH)
_RECENT, _EARLIER, _BUYS, _SELLS, _BOUGHT, _SOLD, _IS_TOP = range(ACTIVITY_WIDTH)
_SHORT, _LONG, _PAIRED = 100, 500, 20  # trades

_TURNOVER = index_of("agent_turnover")
_TOP_BUYER = np.array([index_of(f"top_buyer_{rank}_active") for rank in range(RANKS)])
_TOP_SELLER = np.array([index_of(f"top_seller_{rank}_active") for rank in range(RANKS)])
_BUYERS, _SELLERS = index_of("top_buyers_count"), index_of("top_sellers_count")
_BUYER_CHANGED, _SELLER_CHANGED = index_of("buyer_changed"), index_of("seller_changed")
_TOP_RATIO, _BIAS = index_of("top_trader_ratio"), index_of("side_bias")
_ALL = np.array([
    _TURNOVER, *_TOP_BUYER, *_TOP_SELLER, _BUYERS, _SELLERS, _BUYER_CHANGED, _SELLER_CHANGED, _TOP_RATIO, _BIAS,
])  # fmt: skip


@kernel
def take_parties(ints: np.ndarray, buyer: int, seller: int, quantity: int) -> None:
    """Take the brokers of a trade; nothing where one of them was not sent (0)."""
    if buyer <= 0 or seller <= 0:
        return
    bought, sold = _cell_of(ints, buyer), _cell_of(ints, seller)
    if bought < 0 or sold < 0:
        return
    ints[BROKER_TABLE + bought * BROKER_WIDTH + _BOUGHT_BEFORE] += quantity
    ints[BROKER_TABLE + sold * BROKER_WIDTH + _SOLD_BEFORE] += quantity
    named = ints[NAMED]
    if named >= _LONG:
        _count_long(ints, _party(named - _LONG), -1)
    if named >= 2 * _SHORT:
        _leave_earlier(ints, _party(named - 2 * _SHORT))
    if named >= _SHORT:
        _leave_recent(ints, _party(named - _SHORT))
    at = _party(named)
    ints[at], ints[at + 1], ints[at + 2] = bought, sold, quantity
    _count_long(ints, at, 1)
    _enter_recent(ints, at)
    ints[NAMED] = named + 1


@kernel
def rank_brokers(ints: np.ndarray) -> None:
    """Freeze who bought, sold and traded most in the sessions so far."""
    _rank(ints, TOP_BUYERS, 1, 0)
    _rank(ints, TOP_SELLERS, 0, 1)
    _rank(ints, TOP_TRADERS, 1, 1)
    for rank in range(RANKS):
        if ints[TOP_TRADERS + rank] > 0:
            ints[ACTIVITY + (ints[TOP_TRADERS + rank] - 1) * ACTIVITY_WIDTH + _IS_TOP] = 1


@kernel
def measure_brokers(ints: np.ndarray, out: np.ndarray) -> None:
    """Write the broker group; NaN until enough trades of the session named their brokers, or none ranks so high."""
    for i in range(_ALL.size):
        out[_ALL[i]] = math.nan
    named = ints[NAMED]
    if named >= _PAIRED:
        _measure_changes(ints, out)
    if named >= _SHORT:
        out[_BUYERS], out[_SELLERS] = ints[DISTINCT_BUYERS] / _SHORT, ints[DISTINCT_SELLERS] / _SHORT
        for rank in range(RANKS):
            buyer, seller = ints[TOP_BUYERS + rank] - 1, ints[TOP_SELLERS + rank] - 1
            if buyer >= 0:
                out[_TOP_BUYER[rank]] = ints[ACTIVITY + buyer * ACTIVITY_WIDTH + _BOUGHT] / ints[RECENT_LOTS]
            if seller >= 0:
                out[_TOP_SELLER[rank]] = ints[ACTIVITY + seller * ACTIVITY_WIDTH + _SOLD] / ints[RECENT_LOTS]
    if named >= 2 * _SHORT:
        either = ints[DISTINCT_RECENT] + ints[DISTINCT_EARLIER] - ints[DISTINCT_BOTH]
        out[_TURNOVER] = 1.0 - ints[DISTINCT_BOTH] / either
    if named >= _LONG and ints[TOP_TRADERS] > 0:
        bought, sold = ints[TOP_BOUGHT], ints[TOP_SOLD]
        out[_TOP_RATIO] = (bought + sold) / (2.0 * ints[LONG_LOTS])
        out[_BIAS] = ratio(bought - sold, bought + sold, 0.0)


@kernel
def _measure_changes(ints: np.ndarray, out: np.ndarray) -> None:
    """Write how often buyer and seller change from one trade to the next."""
    buyers = sellers = 0
    for back in range(1, _PAIRED):
        new, old = _party(ints[NAMED] - back), _party(ints[NAMED] - back - 1)
        buyers += ints[new] != ints[old]
        sellers += ints[new + 1] != ints[old + 1]
    out[_BUYER_CHANGED], out[_SELLER_CHANGED] = buyers / (_PAIRED - 1), sellers / (_PAIRED - 1)


@kernel
def _party(trade: int) -> int:
    """Return where a trade lies in the ring."""
    return PARTY_RING + (trade & (PARTIES - 1)) * PARTY_WIDTH


@kernel
def _cell_of(ints: np.ndarray, broker: int) -> int:
    """Return the cell of a broker, a new one at its first trade; -1 where the table is full."""
    start = (broker * 2_654_435_761) >> 16
    for step in range(BROKERS):
        cell = (start + step) & (BROKERS - 1)
        held = ints[BROKER_TABLE + cell * BROKER_WIDTH + _ID]
        if held == broker:
            return int(cell)
        if held == 0:
            if ints[BROKERS_KNOWN] >= BROKERS - 1:
                return -1
            ints[BROKER_TABLE + cell * BROKER_WIDTH + _ID] = broker
            ints[BROKERS_KNOWN] += 1
            return int(cell)
    return -1


@kernel
def _rank(ints: np.ndarray, ranks: int, by_bought: int, by_sold: int) -> None:
    """Write the cells + 1 of the brokers with most lots, the lowest id on ties."""
    for rank in range(RANKS):
        first, most = -1, 0
        for cell in range(BROKERS):
            at = BROKER_TABLE + cell * BROKER_WIDTH
            lots = by_bought * ints[at + _BOUGHT_BEFORE] + by_sold * ints[at + _SOLD_BEFORE]
            if lots < most or lots == 0:
                continue
            if lots == most and ints[at + _ID] > ints[BROKER_TABLE + first * BROKER_WIDTH + _ID]:
                continue
            taken = False
            for higher in range(rank):
                taken = taken or ints[ranks + higher] == cell + 1
            if not taken:
                first, most = cell, lots
        ints[ranks + rank] = first + 1


@kernel
def _mention(ints: np.ndarray, cell: int, recent: int, earlier: int) -> None:
    """Change how often a broker is named in both windows, and how many brokers each of them names."""
    at = ACTIVITY + cell * ACTIVITY_WIDTH
    was_recent, was_earlier = ints[at + _RECENT] > 0, ints[at + _EARLIER] > 0
    ints[at + _RECENT] += recent
    ints[at + _EARLIER] += earlier
    is_recent, is_earlier = ints[at + _RECENT] > 0, ints[at + _EARLIER] > 0
    ints[DISTINCT_RECENT] += int(is_recent) - int(was_recent)
    ints[DISTINCT_EARLIER] += int(is_earlier) - int(was_earlier)
    ints[DISTINCT_BOTH] += int(is_recent and is_earlier) - int(was_recent and was_earlier)


@kernel
def _enter_recent(ints: np.ndarray, at: int) -> None:
    """Let a trade into the last hundred."""
    buyer, seller, lots = ints[at], ints[at + 1], ints[at + 2]
    _mention(ints, buyer, 1, 0)
    _mention(ints, seller, 1, 0)
    bought, sold = ACTIVITY + buyer * ACTIVITY_WIDTH, ACTIVITY + seller * ACTIVITY_WIDTH
    ints[DISTINCT_BUYERS] += ints[bought + _BUYS] == 0
    ints[DISTINCT_SELLERS] += ints[sold + _SELLS] == 0
    ints[bought + _BUYS] += 1
    ints[sold + _SELLS] += 1
    ints[bought + _BOUGHT] += lots
    ints[sold + _SOLD] += lots
    ints[RECENT_LOTS] += lots


@kernel
def _leave_recent(ints: np.ndarray, at: int) -> None:
    """Move a trade from the last hundred to the hundred before."""
    buyer, seller, lots = ints[at], ints[at + 1], ints[at + 2]
    _mention(ints, buyer, -1, 1)
    _mention(ints, seller, -1, 1)
    bought, sold = ACTIVITY + buyer * ACTIVITY_WIDTH, ACTIVITY + seller * ACTIVITY_WIDTH
    ints[bought + _BUYS] -= 1
    ints[sold + _SELLS] -= 1
    ints[DISTINCT_BUYERS] -= ints[bought + _BUYS] == 0
    ints[DISTINCT_SELLERS] -= ints[sold + _SELLS] == 0
    ints[bought + _BOUGHT] -= lots
    ints[sold + _SOLD] -= lots
    ints[RECENT_LOTS] -= lots


@kernel
def _leave_earlier(ints: np.ndarray, at: int) -> None:
    """Let a trade out of the hundred before the last."""
    _mention(ints, ints[at], 0, -1)
    _mention(ints, ints[at + 1], 0, -1)


@kernel
def _count_long(ints: np.ndarray, at: int, sign: int) -> None:
    """Let a trade into or out of the last 500."""
    lots = sign * ints[at + 2]
    ints[LONG_LOTS] += lots
    ints[TOP_BOUGHT] += lots * ints[ACTIVITY + ints[at] * ACTIVITY_WIDTH + _IS_TOP]
    ints[TOP_SOLD] += lots * ints[ACTIVITY + ints[at + 1] * ACTIVITY_WIDTH + _IS_TOP]
