"""The pre-check of bars: one case per defect, and a slow twin."""

from collections.abc import Callable
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.instruments import B3
from market.precheck import check_bars
from market.precheck_defects import Defect
from market.types import BAR, Flag
from tests.factories import MINUTE_NS, OPEN_NS, SECOND_NS, make_bar, make_session

SESSION = make_session()
CLOSE_NS = int(SESSION["close_ns"][0])
Spoil = Callable[[np.ndarray], None]


def found(bars: np.ndarray) -> dict[Defect, tuple[int, int, int]]:
    return {f.defect: (f.count, f.first, f.worst) for f in check_bars(bars, SESSION)}


def setting(index: int | slice, **fields: int) -> Spoil:
    def spoil(bars: np.ndarray) -> None:
        for name, value in fields.items():
            bars[name][index] = value

    return spoil


def quiet_bars(count: int = 40) -> np.ndarray:
    return np.concatenate([make_bar(k, (100 + k % 3, 104, 98, 101 + k % 2), volume=50 + k % 7) for k in range(count)])


def uncounted_trades(bars: np.ndarray) -> None:
    bars["trades"], bars["volume"] = 0, 50
    bars["volume"][7] = 5050


BAR_CASES: dict[str, tuple[Spoil, dict[Defect, tuple[int, int, int]]]] = {
    "nothing wrong": (setting(0), {}),
    "one price": (setting(slice(3, 13), open=100, high=100, low=100, close=100), {
        Defect.ZERO_RANGE_RUN: (1, 3, 10),
    }),
    "nine bars at one price": (setting(slice(3, 12), open=100, high=100, low=100, close=100), {}),
    "one price to the end": (setting(slice(29, 40), open=100, high=100, low=100, close=100), {
        Defect.ZERO_RANGE_RUN: (1, 29, 11),
    }),
    "one price and one volume": (setting(slice(9, 25), open=100, high=100, low=100, close=100, volume=7, trades=3), {
        Defect.ZERO_RANGE_RUN: (1, 9, 16),
        Defect.FROZEN_FEED: (1, 10, 15),
    }),
    "frozen": (setting(slice(5, 16), open=100, high=104, low=98, close=101), {Defect.FROZEN_FEED: (1, 6, 10)}),
    "flat filled": (setting(slice(5, 20), open=100, high=100, low=100, close=100, volume=0), {
        Defect.FLAT_FILLED: (1, 5, 15),
    }),
    "flat, and marked so": (
        setting(slice(5, 20), open=100, high=100, low=100, close=100, volume=0, flags=int(Flag.EMPTY)), {},
    ),
    "high below low": (setting(7, high=90), {Defect.HIGH_BELOW_LOW: (1, 7, 8)}),
    "open above high": (setting(7, open=106), {Defect.BODY_OUTSIDE_RANGE: (1, 7, 2)}),
    "close below low": (setting(7, close=95), {Defect.BODY_OUTSIDE_RANGE: (1, 7, 3)}),
    "no price": (setting(7, low=0), {Defect.NO_PRICE: (1, 7, 0)}),
    "volume below zero": (setting(7, volume=-4), {Defect.NO_QUANTITY: (1, 7, -4)}),
    "volume per trade 299 times the usual": (setting(7, volume=299 * 10, trades=10), {}),
    "volume per trade 301 times the usual": (setting(7, volume=301 * 10, trades=10), {
        Defect.HUGE_VOLUME: (1, 7, 3010),
    }),
    "a great volume of as many trades": (setting(7, volume=10**6, trades=10**6), {}),
    "more trades than contracts": (setting(7, volume=56, trades=57), {Defect.TRADES_BEYOND_VOLUME: (1, 7, 57)}),
    "trades and no volume told": (setting(7, volume=0, trades=57), {}),
    "reaches 20 ticks beyond": (setting(7, high=124), {}),
    "reaches 21 ticks beyond": (setting(7, high=125), {Defect.BAR_SPIKE: (1, 7, 21)}),
    "reaches as far below": (setting(0, low=77), {Defect.BAR_SPIKE: (1, 0, 21)}),
    "two that reach as far": (setting(slice(7, 9), high=900), {}),
    "closes where it reaches": (setting(7, high=900, close=890), {}),
    "101 times the usual volume, trades unknown": (
        uncounted_trades,
        {Defect.UNUSUAL_VOLUME: (1, 7, 5050)},
    ),
    "time again": (setting(7, ts_open_ns=OPEN_NS + 6 * MINUTE_NS, ts_close_ns=OPEN_NS + 7 * MINUTE_NS), {
        Defect.TIME_REPEATED: (1, 7, 0),
    }),
    "time back": (setting(7, ts_open_ns=OPEN_NS + 4 * MINUTE_NS, ts_close_ns=OPEN_NS + 5 * MINUTE_NS), {
        Defect.TIME_BACK: (1, 7, 2 * MINUTE_NS),
    }),
    "off the grid": (
        setting(7, ts_open_ns=OPEN_NS + 7 * MINUTE_NS + SECOND_NS, ts_close_ns=OPEN_NS + 8 * MINUTE_NS + SECOND_NS),
        {Defect.OFF_GRID: (1, 7, SECOND_NS)},
    ),
    "longer than the others": (setting(7, ts_close_ns=OPEN_NS + 9 * MINUTE_NS), {Defect.OFF_GRID: (1, 7, MINUTE_NS)}),
    "before the open": (setting(0, ts_open_ns=OPEN_NS - MINUTE_NS, ts_close_ns=OPEN_NS), {
        Defect.OUTSIDE_HOURS: (1, 0, MINUTE_NS),
    }),
    "after the close": (setting(39, ts_open_ns=CLOSE_NS + 5 * MINUTE_NS, ts_close_ns=CLOSE_NS + 6 * MINUTE_NS), {
        Defect.OUTSIDE_HOURS: (1, 39, 5 * MINUTE_NS),
    }),
}  # fmt: skip


@pytest.mark.parametrize("name", BAR_CASES)
def test_tells_the_defect_of_bars(name: str) -> None:
    spoil, expected = BAR_CASES[name]
    bars = quiet_bars()
    spoil(bars)
    assert found(bars) == expected


def test_bars_of_several_sessions_are_held_to_their_own_hours() -> None:
    sessions = np.concatenate([B3.session("WIN", date(2026, 6, day)) for day in (1, 2, 3)])
    bars = np.concatenate([quiet_bars(), quiet_bars(), quiet_bars()])
    for k, session in enumerate(sessions):
        own = slice(40 * k, 40 * (k + 1))
        for name in ("ts_open_ns", "ts_close_ns"):
            bars[name][own] += session["open_ns"] - OPEN_NS
    assert check_bars(bars, sessions) == ()
    told = [finding.defect for finding in check_bars(bars, sessions[:1])]
    assert told == [Defect.OUTSIDE_HOURS]


def naive_bars(bars: np.ndarray) -> dict[Defect, tuple[int, int, int]]:
    rows = [{name: int(row[name]) for name in BAR.names or ()} for row in bars]
    told: dict[Defect, list[tuple[int, int]]] = {defect: [] for defect in Defect}
    per_trade = [row["volume"] / row["trades"] for row in rows if row["trades"] > 0 and row["volume"] > 0]
    volumes = [row["volume"] for row in rows if row["volume"] > 0]
    for i, row in enumerate(rows):
        step = row["ts_open_ns"] - rows[i - 1]["ts_open_ns"] if i else 1
        if step < 0:
            told[Defect.TIME_BACK].append((i, -step))
        if step == 0:
            told[Defect.TIME_REPEATED].append((i, 0))
        prices = [row[name] for name in ("open", "high", "low", "close")]
        if min(prices) <= 0:
            told[Defect.NO_PRICE].append((i, -min(prices)))
        if row["high"] < row["low"]:
            told[Defect.HIGH_BELOW_LOW].append((i, row["low"] - row["high"]))
        elif (beyond := max(max(prices) - row["high"], row["low"] - min(prices))) > 0:
            told[Defect.BODY_OUTSIDE_RANGE].append((i, beyond))
        beside = [rows[j] for j in (i - 1, i + 1) if 0 <= j < len(rows)]
        above = row["high"] - max([row["open"], row["close"], *(other["high"] for other in beside)])
        below = min([row["open"], row["close"], *(other["low"] for other in beside)]) - row["low"]
        if row["low"] > 0 and max(above, below) > max(20, row["close"] * 40 // 1000):
            told[Defect.BAR_SPIKE].append((i, max(above, below)))
        if row["volume"] < 0:
            told[Defect.NO_QUANTITY].append((i, -row["volume"]))
        elif row["trades"] > 0:
            if per_trade and row["volume"] / row["trades"] > 300 * np.median(per_trade):
                told[Defect.HUGE_VOLUME].append((i, row["volume"]))
            elif row["trades"] > row["volume"] > 0:
                told[Defect.TRADES_BEYOND_VOLUME].append((i, row["trades"]))
        elif volumes and row["volume"] > 100 * np.median(volumes):
            told[Defect.UNUSUAL_VOLUME].append((i, row["volume"]))
    flat = [r["high"] == r["low"] and not r["flags"] & Flag.EMPTY for r in rows]
    same = [
        i > 0
        and not r["flags"] & Flag.EMPTY
        and all(r[n] == rows[i - 1][n] for n in ("open", "high", "low", "close"))
        and (r["high"] != r["low"] or r["volume"] == rows[i - 1]["volume"])
        for i, r in enumerate(rows)
    ]
    traded, untraded = [r["volume"] > 0 for r in rows], [r["volume"] == 0 for r in rows]
    for defect, mark, which in (
        (Defect.ZERO_RANGE_RUN, flat, traded),
        (Defect.FROZEN_FEED, same, traded),
        (Defect.FLAT_FILLED, flat, untraded),
    ):
        text = "".join("x" if a and b else " " for a, b in zip(mark, which, strict=True))
        start = 0
        for piece in text.split(" "):
            if len(piece) >= 10:
                told[defect].append((start, len(piece)))
            start += len(piece) + 1
    lowest = (Defect.NO_PRICE, Defect.NO_QUANTITY)
    return {
        defect: (len(list_), list_[0][0], max(v for _, v in list_) * (-1 if defect in lowest else 1))
        for defect, list_ in told.items()
        if list_
    }


# A bar and how often it comes in a row.
repeated = st.tuples(
    st.sampled_from([1, 1, 0, -2]),
    st.tuples(*[st.sampled_from([100, 100, 101, 99, 0])] * 4),
    st.sampled_from([0, 0, 1, 2, 900, 90_000, -3]),
    st.sampled_from([0, 1, 3]),
    st.sampled_from([0, 0, 0, int(Flag.EMPTY)]),
    st.sampled_from([1, 1, 2, 9, 10, 11]),
)


@given(st.lists(repeated, max_size=12))
@settings(deadline=None, max_examples=200)
def test_bars_equal_their_slow_twin(
    drawn: list[tuple[int, tuple[int, int, int, int], int, int, int, int]],
) -> None:
    minute, parts = 200, []
    for step, prices, volume, trades, flags, times in drawn:
        for _ in range(times):
            minute += step
            bar = make_bar(minute, prices, volume, flags)
            bar["trades"] = trades
            parts.append(bar)
    bars = np.concatenate(parts) if parts else np.zeros(0, dtype=BAR)
    assert found(bars) == naive_bars(bars)
