"""Bars of a longer interval from stored shorter ones."""

import numpy as np

from market.bars import mark_aggressor
from market.errors import DataError
from market.kernel import kernel
from market.types import BAR, Flag

_EMPTY, _NO_AGGRESSOR = np.uint32(Flag.EMPTY), np.uint32(Flag.NO_AGGRESSOR)


def longer_bars(bars: np.ndarray, session: np.ndarray, bar_ns: int) -> np.ndarray:
    """Return the BAR records of one session, of intervals counted from its open.

    A longer bar is what its shorter ones sum up to, and takes over their marks. Where all of them are EMPTY it is
    EMPTY; where there are none there is none, for nobody knows whether nothing was traded. Shorter bars after the last
    whole interval enter no bar, as trades do not.

    Parameters
    ----------
    bars : ndarray
        BAR of one length, oldest first.
    session : ndarray
        SESSION, length 1.
    bar_ns : int
        Length of a longer bar, nanoseconds.

    Raises
    ------
    DataError
        Where a shorter bar lies in two intervals.
    """
    opens, closes = int(session["open_ns"][0]), int(session["close_ns"][0])
    places = (bars["ts_open_ns"] - opens) // bar_ns
    inside = (places >= 0) & (places < (closes - opens) // bar_ns)
    bars, places = bars[inside], places[inside]
    across = np.flatnonzero(bars["ts_close_ns"] > opens + (places + 1) * bar_ns)
    if across.size:
        first = bars[across[0]]
        raise DataError(
            f"bars of {bar_ns // 1_000_000_000} s: expected shorter bars that end inside them, found one from "
            f"{first['ts_open_ns']} to {first['ts_close_ns']} ns; ask for another length"
        )
    out = np.zeros(np.unique(places).size, dtype=BAR)
    fill_longer_bars(bars, places, out)
    out["ts_open_ns"] = opens + np.unique(places) * bar_ns
    out["ts_close_ns"] = out["ts_open_ns"] + bar_ns
    return out


@kernel
def fill_longer_bars(bars: np.ndarray, places: np.ndarray, out: np.ndarray) -> None:
    """Add each bar to the zeroed record of its interval; `places` ascends, one record for each that it names."""
    count = -1
    for i in range(bars.size):
        if i == 0 or places[i] != places[i - 1]:
            if count >= 0:
                _close(out[count])
            count += 1
            _begin(out[count], bars[i])
        _add_bar(out[count], bars[i])
    if count >= 0:
        _close(out[count])


@kernel
def _begin(bar: np.void, shorter: np.void) -> None:
    """Begin as EMPTY at the price of the first shorter bar."""
    bar["open"] = bar["high"] = bar["low"] = bar["close"] = shorter["open"]
    bar["instrument"] = shorter["instrument"]
    bar["flags"] = _EMPTY


@kernel
def _add_bar(bar: np.void, shorter: np.void) -> None:
    """Add one shorter bar; an EMPTY one brings its marks and no price."""
    bar["flags"] |= shorter["flags"] & ~(_EMPTY | _NO_AGGRESSOR)
    if shorter["flags"] & _EMPTY:
        return
    if bar["flags"] & _EMPTY:
        bar["open"], bar["high"], bar["low"] = shorter["open"], shorter["high"], shorter["low"]
        bar["flags"] &= ~_EMPTY
    bar["high"] = max(bar["high"], shorter["high"])
    bar["low"] = min(bar["low"], shorter["low"])
    bar["close"] = shorter["close"]
    bar["volume"] += shorter["volume"]
    bar["buy_volume"] += shorter["buy_volume"]
    bar["sell_volume"] += shorter["sell_volume"]
    bar["turnover"] += shorter["turnover"]
    bar["trades"] += shorter["trades"]
    bar["buy_trades"] += shorter["buy_trades"]
    bar["sell_trades"] += shorter["sell_trades"]


@kernel
def _close(bar: np.void) -> None:
    if not bar["flags"] & _EMPTY:
        mark_aggressor(bar)
