"""Columns by other hands: the same definitions in TA-Lib, and why some columns have none there."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import talib

from features.catalogue import CATALOGUE
from features.pipeline import begin_session, snapshot, update_bar
from features.schema import FeatureSchema
from features.state import new_state
from market.types import BAR, SESSION

MINUTE = 60_000_000_000
_NOTHING = 1e-6  # what a sliding sum may leave where nothing is
Values = np.ndarray


@dataclass(frozen=True)
class Bars:
    """Open, high, low, close and volume, float64[n], of one long session: TA-Lib knows no sessions."""

    o: Values
    h: Values
    l: Values  # noqa: E741
    c: Values
    v: Values

    @property
    def r(self) -> Values:
        return np.asarray(talib.LN(talib.ROCR(self.c, 1)))

    @property
    def atr(self) -> Values:
        return np.asarray(talib.ATR(self.h, self.l, self.c, 14))


Column = Callable[[Bars], Values]
TALIB: dict[str, Column] = {}
# Why a column of open, high, low, close and volume has no counterpart.
REASONS = {
    "gap_open": "TA-Lib knows no sessions",
    "ret_session": "TA-Lib knows no sessions",
    "range_pct": "one bar's own numbers, no function of TA-Lib",
    "range_score_50": "counts closes by the range of their whole window, no function of TA-Lib",
    "trend_strength": "hysteresis and confirmation, no function of TA-Lib",
}


def needs_more_than_bars(inputs: tuple[str, ...]) -> bool:
    """Tell whether a column reads what TA-Lib has no place for."""
    return not set(inputs) <= set("OHLCV")


def ago(x: Values, n: int) -> Values:
    return np.concatenate([np.full(n, np.nan), x[:-n]])


def sigma(x: Values, n: int) -> Values:
    return np.asarray(talib.STDDEV(x, n))


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
    return np.clip((ahead / fast - (whole - ahead) / (slow - fast)) / sigma(b.r, slow), -10, 10)


def prior_z(x: Values, n: int) -> Values:
    return np.clip((x - ago(talib.SMA(x, n), 1)) / ago(sigma(x, n), 1), -10, 10)


def line(b: Bars) -> Values:
    return np.asarray(talib.LINEARREG_SLOPE(talib.LN(b.c / b.c[0]), 20))


def slope(b: Bars) -> Values:
    fit = line(b) ** 2 * (20**2 - 1) / 12 / talib.VAR(talib.LN(b.c / b.c[0]), 20)
    return np.asarray(line(b) * fit / sigma(b.r, 20))


def agreeing(b: Bars) -> Values:
    up, down = (talib.SUM(flag(side), 20) / 20 for side in (b.r > 0, b.r < 0))
    return np.where(line(b) > 0, up, down)


def place(b: Bars, n: int) -> Values:
    low, high = talib.MIN(b.l, n), talib.MAX(b.h, n)
    return np.asarray((b.c - low) / (high - low))


def band(b: Bars, n: int, which: int) -> Values:
    return np.asarray(talib.BBANDS(b.c, n, 2, 2)[which])


def width(b: Bars, n: int) -> Values:
    return np.asarray((band(b, n, 0) - band(b, n, 2)) / band(b, n, 1))


def percent(b: Bars, n: int) -> Values:
    return np.asarray((b.c - band(b, n, 2)) / (band(b, n, 0) - band(b, n, 2)))


def flag(x: Values) -> Values:
    return np.asarray(x, dtype=np.float64)


def macd(b: Bars, which: int) -> Values:
    return np.asarray(talib.MACD(b.c, 12, 26, 9)[which])


def fast_k(b: Bars) -> Values:
    return np.asarray(talib.STOCHF(b.h, b.l, b.c, 14, 3, 0)[0])


def alignment(b: Bars) -> Values:
    fast, middle, slow = (talib.EMA(b.c, n) for n in (9, 20, 50))
    return (flag(fast > middle) + flag(middle > slow) + flag(b.c > fast)) / 3


def _fill() -> None:
    """Name every column with its counterpart."""
    for n in (5, 10, 20, 50, 60, 100):
        TALIB[f"volatility_{n}"] = lambda b, n=n: sigma(b.r, n)
    for a, n in ((10, 20), (20, 50), (50, 100), (100, 200), (5, 20)):
        TALIB[f"volatility_ratio_{a}_{n}"] = lambda b, a=a, n=n: sigma(b.r, a) / sigma(b.r, n)
    TALIB["volatility_gk"] = lambda b: garman_klass(b, 20)
    for n in (5, 10, 60):
        TALIB[f"garman_klass_{n}"] = lambda b, n=n: garman_klass(b, n)
    for n in (5, 10, 20, 60):
        TALIB[f"parkinson_{n}"] = lambda b, n=n: parkinson(b, n)
        TALIB[f"relative_volume_{n}"] = lambda b, n=n: b.v / talib.SMA(b.v, n)
        TALIB[f"volume_momentum_{n}"] = lambda b, n=n: talib.LN(talib.ROCR(b.v + 1, n))
    for n in (10, 20):
        TALIB[f"up_volatility_{n}"] = lambda b, n=n: semideviation(np.maximum(b.r, 0), n)
        TALIB[f"down_volatility_{n}"] = lambda b, n=n: semideviation(np.minimum(b.r, 0), n)
        TALIB[f"up_down_ratio_{n}"] = lambda b, n=n: up_down(b, n)
        TALIB[f"bar_concentration_{n}"] = lambda b, n=n: talib.SUM(b.v**2, n) / talib.SUM(b.v, n) ** 2
    for n in (1, 2, 5, 10, 20, 50, 60, 100):
        TALIB[f"returns_{n}"] = lambda b, n=n: talib.LN(talib.ROCR(b.c, n))
    for n in (1, 5, 10, 20, 60):
        TALIB[f"mom_{n}"] = lambda b, n=n: talib.MOM(b.c, n) / b.atr
    for n in (5, 10):
        TALIB[f"acceleration_{n}"] = lambda b, n=n: (
            (2 * talib.LN(talib.ROCR(b.c, n)) - talib.LN(talib.ROCR(b.c, 2 * n))) / sigma(b.r, 2 * n)
        )
    for n in (20, 50, 100):
        TALIB[f"volume_ratio_{n}"] = lambda b, n=n: talib.SMA(b.v, 10) / talib.SMA(b.v, n)
        TALIB[f"volume_zscore_{n}"] = lambda b, n=n: prior_z(b.v, n)
    for a, n in ((5, 20), (20, 50)):
        TALIB[f"ma_{a}_{n}_ratio"] = lambda b, a=a, n=n: talib.SMA(b.c, a) / talib.SMA(b.c, n) - 1
        TALIB[f"momentum_{a}_{n}"] = lambda b, a=a, n=n: momentum(b, a, n)
    for n in (5, 20):
        TALIB[f"sharpe_{n}"] = lambda b, n=n: np.clip(talib.SMA(b.r, n) / sigma(b.r, n) * np.sqrt(n), -10, 10)
    for n in (20, 50):
        TALIB[f"price_position_{n}"] = lambda b, n=n: place(b, n)
        TALIB[f"bb_clipped_{n}"] = lambda b, n=n: np.clip(percent(b, n), 0, 1)
        TALIB[f"bb_upper_{n}"] = lambda b, n=n: (b.c - band(b, n, 0)) / b.atr
        TALIB[f"bb_lower_{n}"] = lambda b, n=n: (b.c - band(b, n, 2)) / b.atr
        TALIB[f"bb_squeeze_{n}"] = lambda b, n=n: flag(width(b, n) < talib.SMA(width(b, n), 50))
    for n in (10, 20, 50):
        TALIB[f"bb_width_{n}"] = lambda b, n=n: width(b, n)
        TALIB[f"sma{n}_distance"] = lambda b, n=n: (b.c - talib.SMA(b.c, n)) / b.atr
    for n in (5, 8, 9, 20, 26, 50, 200):
        TALIB[f"ema{n}_distance"] = lambda b, n=n: (b.c - talib.EMA(b.c, n)) / b.atr
    for a, n in ((9, 20), (5, 9)):
        TALIB[f"ema{a}_minus_ema{n}"] = lambda b, a=a, n=n: (talib.EMA(b.c, a) - talib.EMA(b.c, n)) / b.atr
    for at, name in enumerate(("line", "signal", "histogram")):
        TALIB[f"macd_{name}"] = lambda b, at=at: macd(b, at) / b.atr
    for n in (14, 20):
        TALIB[f"atr_{n}"] = lambda b, n=n: talib.ATR(b.h, b.l, b.c, n)


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
    "momentum_per_volatility": lambda b: np.clip(talib.MOM(b.c, 5) / b.atr / (10_000 * sigma(b.r, 5)), -20, 20),
    "volume_times_volatility": lambda b: b.v / talib.SMA(b.v, 5) * sigma(b.r, 5),
}


def floats_of(bars: np.ndarray) -> Bars:
    """Return BAR records as TA-Lib takes them."""
    return Bars(*(bars[name].astype(np.float64) for name in ("open", "high", "low", "close", "volume")))


def their_columns(bars: np.ndarray) -> dict[str, Values]:
    """Return every mapped column as TA-Lib has it; where the price stands still it divides by nothing."""
    floats = floats_of(bars)
    with np.errstate(divide="ignore", invalid="ignore"):
        return {name: column(floats) for name, column in TALIB.items()}


def our_columns(schema: FeatureSchema, bars: np.ndarray) -> dict[str, Values]:
    """Return every column of the catalogue after each bar, the bars taken as one long session."""
    session = np.zeros(1, dtype=SESSION)
    session["open_ns"], session["close_ns"] = 0, len(bars) * MINUTE
    state, seen, row = new_state(schema), [], np.empty(len(schema.columns), dtype=np.float32)
    begin_session(state, session[0])
    for k, record in enumerate(bars):
        bar = np.array([record], dtype=BAR)
        bar["ts_open_ns"], bar["ts_close_ns"] = k * MINUTE, (k + 1) * MINUTE
        update_bar(state, bar[0])
        snapshot(state, row)
        seen.append(state.scratch.copy())
    return {feature.name: values for feature, values in zip(CATALOGUE, np.array(seen).T, strict=True)}
