"""The inputs of the feature benchmark, and the comparable columns in other libraries."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from talib import stream

from benchmarks.tapes import DAY_NS, OPEN_NS, WIN, busy_day
from market.stream import with_clock
from market.types import BAR, EVENT, SESSION, Kind, Side

MINUTE_NS = 60_000_000_000
Peer = Callable[[], object]

# Our columns whose definition a library has under a name of its own, window by window.
ROLLING = {
    "returns_1": 1, "returns_5": 5, "returns_20": 20, "volatility_20": 20, "volatility_50": 50, "ma_5_20_ratio": 20,
    "bb_position": 20, "volume_zscore_20": 20, "ema20_distance": 20, "price_position_20": 20,
}  # fmt: skip


def one_session() -> np.ndarray:
    """Return the hours of the busy day, SESSION, length 1."""
    session = np.zeros(1, dtype=SESSION)
    session["open_ns"], session["close_ns"] = OPEN_NS, OPEN_NS + DAY_NS
    session["lunch_start_ns"], session["lunch_end_ns"] = OPEN_NS + 180 * MINUTE_NS, OPEN_NS + 240 * MINUTE_NS
    return session


def clocked_day(ticks: int) -> np.ndarray:
    """Return a busy day's ticks, a level of the book after each trade, with the clock of a minute among them, EVENT."""
    events = with_levels(busy_day(ticks // 2))
    ready: np.ndarray = np.ascontiguousarray(with_clock(events, one_session(), MINUTE_NS))
    assert ready.dtype == EVENT
    return ready


def with_levels(trades: np.ndarray, seed: int = 5) -> np.ndarray:
    """Let a level follow each trade, in turn the five of each side, EVENT."""
    rng, turn = np.random.default_rng(seed), np.arange(trades.size)
    levels = np.zeros(trades.size, dtype=EVENT)
    for name in ("ts_event_ns", "ts_recv_ns", "instrument"):
        levels[name] = trades[name]
    levels["kind"], levels["quantity"] = Kind.LEVEL_SET, rng.integers(1, 300, trades.size)
    levels["side"], levels["level"] = np.where(turn % 2, Side.SELL, Side.BUY), turn // 2 % 5
    levels["price"] = trades["price"] - levels["side"] * (1 + levels["level"].astype(np.int64))
    events: np.ndarray = np.insert(trades, turn + 1, levels)
    events["sequence"] = np.arange(events.size)
    return events


def drawn_bars(count: int, seed: int = 3) -> np.ndarray:
    """Return bars of a minute along a random walk, BAR, one long session."""
    rng = np.random.default_rng(seed)
    bars = np.zeros(count, dtype=BAR)
    close = 130_000 + np.cumsum(rng.integers(-3, 4, count))
    opened = np.append(close[0], close[:-1])
    bars["open"], bars["close"] = opened, close
    bars["high"] = np.maximum(opened, close) + rng.integers(0, 4, count)
    bars["low"] = np.minimum(opened, close) - rng.integers(0, 4, count)
    bars["volume"] = rng.integers(100, 5_000, count)
    bars["buy_volume"] = bars["volume"] * rng.integers(20, 80, count) // 100
    bars["sell_volume"] = bars["volume"] - bars["buy_volume"]
    bars["turnover"] = bars["volume"] * close
    bars["ts_open_ns"] = OPEN_NS + np.arange(count) * MINUTE_NS
    bars["ts_close_ns"], bars["instrument"] = bars["ts_open_ns"] + MINUTE_NS, WIN
    bars["trades"] = bars["volume"]
    return bars


def pandas_columns(bars: np.ndarray) -> Peer:
    """Return the work of computing the columns of ROLLING in pandas."""
    frame = pd.DataFrame({name: bars[name].astype(np.float64) for name in ("high", "low", "close", "volume")})

    def run() -> list[pd.Series]:
        close, volume, r = frame.close, frame.volume, np.log(frame.close).diff()
        mean, deviation = close.rolling(20).mean(), close.rolling(20).std(ddof=0)
        low, high = frame.low.rolling(20).min(), frame.high.rolling(20).max()
        before = volume.shift(1).rolling(20)
        ranges = pd.Series(np.maximum(frame.high, close.shift(1)) - np.minimum(frame.low, close.shift(1)))
        return [
            *(np.log(close).diff(n) for n in (1, 5, 20)), r.rolling(20).std(ddof=0), r.rolling(50).std(ddof=0),
            close.rolling(5).mean() / mean - 1, (close - mean) / (2 * deviation),
            (volume - before.mean()) / before.std(ddof=0),
            (close - close.ewm(span=20, adjust=False).mean()) / ranges.ewm(alpha=1 / 14, adjust=False).mean(),
            (close - low) / (high - low),
        ]  # fmt: skip

    return run


def talib_stream(bars: np.ndarray) -> dict[str, Peer]:
    """Return TA-Lib's streaming functions over the last hundreds of bars, by name."""
    window = {name: bars[name][-256:].astype(np.float64) for name in ("high", "low", "close", "volume")}
    high, low, close, volume = (window[name] for name in ("high", "low", "close", "volume"))
    return {
        "RSI": lambda: stream.RSI(close, 14),
        "ADX": lambda: stream.ADX(high, low, close, 14),
        "ATR": lambda: stream.ATR(high, low, close, 14),
        "PLUS_DI": lambda: stream.PLUS_DI(high, low, close, 14),
        "MINUS_DI": lambda: stream.MINUS_DI(high, low, close, 14),
        "EMA 9": lambda: stream.EMA(close, 9),
        "EMA 20": lambda: stream.EMA(close, 20),
        "EMA 50": lambda: stream.EMA(close, 50),
        "SMA 20": lambda: stream.SMA(close, 20),
        "SMA 50": lambda: stream.SMA(close, 50),
        "STDDEV 20": lambda: stream.STDDEV(close, 20),
        "BBANDS 20": lambda: stream.BBANDS(close, 20),
        "MAX 20": lambda: stream.MAX(high, 20),
        "MIN 20": lambda: stream.MIN(low, 20),
        "SMA 20 of volume": lambda: stream.SMA(volume, 20),
    }
