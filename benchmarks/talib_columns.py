"""Columns by other hands: the same definitions in TA-Lib."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib import import_module
from typing import Any

import numpy as np

_NOTHING = 1e-6  # what a sliding sum may leave where nothing is
talib: Any = import_module("talib")  # its stubs know no plain arrays

Values = np.ndarray


@dataclass(frozen=True, eq=False)
class Bars:
    """Open, high, low, close and volume, float64[n], of one long session: TA-Lib knows no sessions."""

    o: Values
    h: Values
    l: Values  # noqa: E741
    c: Values
    v: Values

    @cached_property
    def r(self) -> Values:
        return np.asarray(talib.LN(talib.ROCR(self.c, 1)))

    @cached_property
    def atr(self) -> Values:
        return np.asarray(talib.ATR(self.h, self.l, self.c, 14))


Column = Callable[[Bars], Values]
shared = lru_cache(maxsize=64)  # what several columns read is computed once, as a careful user would
TALIB: dict[str, Column] = {}


def ago(x: Values, n: int) -> Values:
    return np.concatenate([np.full(n, np.nan), x[:-n]])


@shared
def sigma(b: Bars, n: int) -> Values:
    return np.asarray(talib.STDDEV(b.r, n))


def garman_klass(b: Bars, n: int) -> Values:
    terms = 0.5 * talib.LN(b.h / b.l) ** 2 - (2 * np.log(2) - 1) * talib.LN(b.c / b.o) ** 2
    return np.asarray(np.sqrt(np.maximum(0, talib.SMA(terms, n))))


def parkinson(b: Bars, n: int) -> Values:
    return np.asarray(np.sqrt(talib.SMA(talib.LN(b.h / b.l) ** 2, n) / (4 * np.log(2))))


def semideviation(r: Values, n: int) -> Values:
    # A sliding sum of zeros may end beside 0, on either side.
    size = np.sqrt(np.maximum(0, talib.SMA(r**2, n)))
    return np.where(size > _NOTHING, size, 0.0)


def up_down(b: Bars, n: int) -> Values:
    up, down = (semideviation(side(b.r, 0), n) for side in (np.maximum, np.minimum))
    return np.where(down > 0, np.minimum(10, up / down), 1.0)


def momentum(b: Bars, fast: int, slow: int) -> Values:
    ahead, whole = talib.LN(talib.ROCR(b.c, fast)), talib.LN(talib.ROCR(b.c, slow))
    return np.asarray(np.clip((ahead / fast - (whole - ahead) / (slow - fast)) / sigma(b, slow), -10, 10))


def prior_z(x: Values, n: int) -> Values:
    return np.asarray(np.clip((x - ago(talib.SMA(x, n), 1)) / ago(talib.STDDEV(x, n), 1), -10, 10))


@shared
def line(b: Bars) -> Values:
    return np.asarray(talib.LINEARREG_SLOPE(talib.LN(b.c / b.c[0]), 20))


@shared
def slope(b: Bars) -> Values:
    fit = line(b) ** 2 * (20**2 - 1) / 12 / talib.VAR(talib.LN(b.c / b.c[0]), 20)
    return np.asarray(line(b) * fit / sigma(b, 20))


@shared
def agreeing(b: Bars) -> Values:
    up, down = (talib.SUM(flag(side), 20) / 20 for side in (b.r > 0, b.r < 0))
    return np.asarray(np.where(line(b) > 0, up, down))


@shared
def place(b: Bars, n: int) -> Values:
    low, high = talib.MIN(b.l, n), talib.MAX(b.h, n)
    return np.asarray((b.c - low) / (high - low))


@shared
def band(b: Bars, n: int, which: int) -> Values:
    return np.asarray(talib.BBANDS(b.c, n, 2, 2)[which])


@shared
def width(b: Bars, n: int) -> Values:
    return np.asarray((band(b, n, 0) - band(b, n, 2)) / band(b, n, 1))


@shared
def percent(b: Bars, n: int) -> Values:
    return np.asarray((b.c - band(b, n, 2)) / (band(b, n, 0) - band(b, n, 2)))


def flag(x: Values) -> Values:
    return np.asarray(x, dtype=np.float64)


@shared
def macd(b: Bars, which: int) -> Values:
    return np.asarray(talib.MACD(b.c, 12, 26, 9)[which])


@shared
def fast_k(b: Bars) -> Values:
    return np.asarray(talib.STOCHF(b.h, b.l, b.c, 14, 3, 0)[0])


def alignment(b: Bars) -> Values:
    fast, middle, slow = (talib.EMA(b.c, n) for n in (9, 20, 50))
    return np.asarray((flag(fast > middle) + flag(middle > slow) + flag(b.c > fast)) / 3)


def over(column: Callable[..., Values], *windows: int) -> Column:
    """Return a column of the windows given."""
    return lambda bars: column(bars, *windows)


def _fill() -> None:
    """Name every column with its counterpart."""
    for n in (5, 10, 20, 50, 60, 100):
        TALIB[f"volatility_{n}"] = over(lambda b, n: sigma(b, n), n)
    for a, n in ((10, 20), (20, 50), (50, 100), (100, 200), (5, 20)):
        TALIB[f"volatility_ratio_{a}_{n}"] = over(lambda b, a, n: sigma(b, a) / sigma(b, n), a, n)
    TALIB["volatility_gk"] = lambda b: garman_klass(b, 20)
    for n in (5, 10, 60):
        TALIB[f"garman_klass_{n}"] = over(lambda b, n: garman_klass(b, n), n)
    for n in (5, 10, 20, 60):
        TALIB[f"parkinson_{n}"] = over(lambda b, n: parkinson(b, n), n)
        TALIB[f"relative_volume_{n}"] = over(lambda b, n: b.v / talib.SMA(b.v, n), n)
        TALIB[f"volume_momentum_{n}"] = over(lambda b, n: talib.LN(talib.ROCR(b.v + 1, n)), n)
    for n in (10, 20):
        TALIB[f"up_volatility_{n}"] = over(lambda b, n: semideviation(np.maximum(b.r, 0), n), n)
        TALIB[f"down_volatility_{n}"] = over(lambda b, n: semideviation(np.minimum(b.r, 0), n), n)
        TALIB[f"up_down_ratio_{n}"] = over(lambda b, n: up_down(b, n), n)
        TALIB[f"bar_concentration_{n}"] = over(lambda b, n: talib.SUM(b.v**2, n) / talib.SUM(b.v, n) ** 2, n)
    for n in (1, 2, 5, 10, 20, 50, 60, 100):
        TALIB[f"returns_{n}"] = over(lambda b, n: talib.LN(talib.ROCR(b.c, n)), n)
    for n in (1, 5, 10, 20, 60):
        TALIB[f"mom_{n}"] = over(lambda b, n: talib.MOM(b.c, n) / b.atr, n)
    for n in (5, 10):
        TALIB[f"acceleration_{n}"] = over(
            lambda b, n: (2 * talib.LN(talib.ROCR(b.c, n)) - talib.LN(talib.ROCR(b.c, 2 * n))) / sigma(b, 2 * n), n
        )
    for n in (20, 50, 100):
        TALIB[f"volume_ratio_{n}"] = over(lambda b, n: talib.SMA(b.v, 10) / talib.SMA(b.v, n), n)
        TALIB[f"volume_zscore_{n}"] = over(lambda b, n: prior_z(b.v, n), n)
    for a, n in ((5, 20), (20, 50)):
        TALIB[f"ma_{a}_{n}_ratio"] = over(lambda b, a, n: talib.SMA(b.c, a) / talib.SMA(b.c, n) - 1, a, n)
        TALIB[f"momentum_{a}_{n}"] = over(lambda b, a, n: momentum(b, a, n), a, n)
    for n in (5, 20):
        TALIB[f"sharpe_{n}"] = over(lambda b, n: np.clip(talib.SMA(b.r, n) / sigma(b, n) * np.sqrt(n), -10, 10), n)
    for n in (20, 50):
        TALIB[f"price_position_{n}"] = over(lambda b, n: place(b, n), n)
        TALIB[f"bb_clipped_{n}"] = over(lambda b, n: np.clip(percent(b, n), 0, 1), n)
        TALIB[f"bb_upper_{n}"] = over(lambda b, n: (b.c - band(b, n, 0)) / b.atr, n)
        TALIB[f"bb_lower_{n}"] = over(lambda b, n: (b.c - band(b, n, 2)) / b.atr, n)
        TALIB[f"bb_squeeze_{n}"] = over(lambda b, n: flag(width(b, n) < talib.SMA(width(b, n), 50)), n)
    for n in (10, 20, 50):
        TALIB[f"bb_width_{n}"] = over(lambda b, n: width(b, n), n)
        TALIB[f"sma{n}_distance"] = over(lambda b, n: (b.c - talib.SMA(b.c, n)) / b.atr, n)
    for n in (5, 8, 9, 20, 26, 50, 200):
        TALIB[f"ema{n}_distance"] = over(lambda b, n: (b.c - talib.EMA(b.c, n)) / b.atr, n)
    for a, n in ((9, 20), (5, 9)):
        TALIB[f"ema{a}_minus_ema{n}"] = over(lambda b, a, n: (talib.EMA(b.c, a) - talib.EMA(b.c, n)) / b.atr, a, n)
    for at, name in enumerate(("line", "signal", "histogram")):
        TALIB[f"macd_{name}"] = over(lambda b, at: macd(b, at) / b.atr, at)
    for n in (14, 20):
        TALIB[f"atr_{n}"] = over(lambda b, n: talib.ATR(b.h, b.l, b.c, n), n)


_fill()
TALIB |= {
    "slope_20": slope,
    "slope_consistency_20": agreeing,
    "slope_trend": lambda b: np.where((abs(slope(b)) > 0.2) & (agreeing(b) >= 0.6 - 1e-9), np.sign(line(b)), 0),
    "atr_pct": lambda b: talib.NATR(b.h, b.l, b.c, 14) / 100,
    "bb_position": lambda b: (b.c - band(b, 20, 1)) / (band(b, 20, 0) - band(b, 20, 1)),
    "bb_percent_20": lambda b: percent(b, 20),
    "rsi_14": lambda b: talib.RSI(b.c, 14),
    "rsi_oversold": lambda b: flag(talib.RSI(b.c, 14) < 30),
    "rsi_overbought": lambda b: flag(talib.RSI(b.c, 14) > 70),
    "adx_14": lambda b: talib.ADX(b.h, b.l, b.c, 14),
    "adx_bin": lambda b: np.minimum(3, talib.ADX(b.h, b.l, b.c, 14) // 25),
    "plus_di": lambda b: talib.PLUS_DI(b.h, b.l, b.c, 14),
    "minus_di": lambda b: talib.MINUS_DI(b.h, b.l, b.c, 14),
    "di_diff": lambda b: talib.PLUS_DI(b.h, b.l, b.c, 14) - talib.MINUS_DI(b.h, b.l, b.c, 14),
    "di_sign": lambda b: np.sign(talib.PLUS_DM(b.h, b.l, 14) - talib.MINUS_DM(b.h, b.l, 14)),
    "ema_alignment": alignment,
    "macd_cross_up": lambda b: flag((ago(macd(b, 2), 1) <= 0) & (macd(b, 2) > 0)),
    "macd_cross_down": lambda b: flag((ago(macd(b, 2), 1) >= 0) & (macd(b, 2) < 0)),
    "stochastic_k": fast_k,
    "stochastic_d": lambda b: talib.STOCHF(b.h, b.l, b.c, 14, 3, 0)[1],
    "stochastic_slow": lambda b: talib.STOCH(b.h, b.l, b.c, 14, 3, 0, 3, 0)[1],
    "stochastic_oversold": lambda b: flag(fast_k(b) < 20),
    "stochastic_overbought": lambda b: flag(fast_k(b) > 80),
    "ichimoku_distance": lambda b: (b.c - talib.MIDPRICE(b.h, b.l, 9)) / b.atr,
    "change": lambda b: talib.MOM(b.c, 1),
    "momentum_per_volatility": lambda b: np.clip(talib.MOM(b.c, 5) / b.atr / (10_000 * sigma(b, 5)), -20, 20),
    "volume_times_volatility": lambda b: b.v / talib.SMA(b.v, 5) * sigma(b, 5),
}


def floats_of(bars: np.ndarray) -> Bars:
    """Return BAR records as TA-Lib takes them."""
    return Bars(*(bars[name].astype(np.float64) for name in ("open", "high", "low", "close", "volume")))


def their_columns(bars: np.ndarray) -> dict[str, Values]:
    """Return every mapped column as TA-Lib has it; where the price stands still it divides by nothing."""
    floats = floats_of(bars)
    with np.errstate(divide="ignore", invalid="ignore"):
        return {name: column(floats) for name, column in TALIB.items()}
