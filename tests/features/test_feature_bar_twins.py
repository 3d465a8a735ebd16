"""Every bar column against pandas on whole tables of bars, from the formulas of signals.md §1-§3 and §8."""

import math
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from features.catalogue import CATALOGUE, index_of
from features.catalogue_bars import BAR_FEATURES
from features.pipeline import begin_session, update_event
from features.state import new_state
from market.stream import with_clock
from market.types import EVENT, Kind, TradeType

MINUTE = 60_000_000_000
# The regime has a twin of its own, in test_feature_regime.py.
NAMES = [feature.name for feature in BAR_FEATURES if feature.name != "trend_strength"]
PRELOAD, MINUTES = 2, 75
BAR_ENDS = range(1, MINUTES + 1)

Twin = Callable[[pd.DataFrame], pd.Series]
TWINS: dict[str, tuple[int, Twin]] = {}  # warm-up in bars, the column


def twin(name: str, warm: int, value: Twin) -> None:
    TWINS[name] = (warm, value)


def over(top: pd.Series, bottom: pd.Series, zero: float = math.nan) -> pd.Series:
    return (top / bottom.where(bottom != 0)).where(bottom != 0, zero)


def mean(x: pd.Series, n: int) -> pd.Series:
    return x.rolling(n).apply(np.mean, raw=True)


def sigma(x: pd.Series, n: int) -> pd.Series:
    return x.rolling(n).apply(lambda w: 0.0 if np.ptp(w) == 0 else np.std(w), raw=True)


def log(x: pd.Series) -> pd.Series:
    return np.log(x)


def ago(x: pd.Series, n: int) -> pd.Series:
    return x.shift(n)


def ema(x: pd.Series, n: int) -> pd.Series:
    return x.ewm(span=n, adjust=False).mean()


def wilder(x: pd.Series, n: int = 14) -> pd.Series:
    return x.ewm(alpha=1 / n, adjust=False).mean()


def true_range(b: pd.DataFrame) -> pd.Series:
    before = ago(b.close, 1)
    whole = np.maximum(b.high, before) - np.minimum(b.low, before)
    return whole.where(~b["first"], b.high - b.low)


def atr(b: pd.DataFrame) -> pd.Series:
    return wilder(true_range(b))


def in_atr(b: pd.DataFrame, x: pd.Series) -> pd.Series:
    return over(x, atr(b))


def returns(b: pd.DataFrame) -> pd.Series:
    return log(b.close / ago(b.close, 1).where(~b["first"], b.open))


def known(b: pd.DataFrame, x: pd.Series) -> pd.Series:
    """Nothing is said of aggressors before the session has shown one."""
    return x.where((b.buy + b.sell).groupby(b.session).cumsum() > 0)


def im(b: pd.DataFrame) -> pd.Series:
    return over(b.buy - b.sell, b.buy + b.sell, 0.0)


def ib(b: pd.DataFrame) -> pd.Series:
    return over(b.buy, b.buy + b.sell, 0.5)


def it(b: pd.DataFrame) -> pd.Series:
    return over(b.buys - b.sells, b.buys + b.sells, 0.0)


def flag(x: pd.Series) -> pd.Series:
    return x.astype(float)


# --- §1 A, what was missing
twin("volatility_ratio_100_200", 200, lambda b: over(sigma(returns(b), 100), sigma(returns(b), 200), 1))
twin("volatility_ratio_5_20", 20, lambda b: over(sigma(returns(b), 5), sigma(returns(b), 20), 1))
for n in (60, 100):
    twin(f"returns_{n}", n + 1, lambda b, n=n: log(b.close) - log(ago(b.close, n)))
twin("volume_ratio_100", 100, lambda b: over(mean(b.volume, 10), mean(b.volume, 100), 1))


def z_prior(x: pd.Series, n: int, zero: float) -> pd.Series:
    return over(x - ago(mean(x, n), 1), ago(sigma(x, n), 1), zero)


def momentum_20_50(b: pd.DataFrame) -> pd.Series:
    now, middle, old = log(b.close), log(ago(b.close, 20)), log(ago(b.close, 50))
    return over((now - middle) / 20 - (middle - old) / 30, sigma(returns(b), 50), 0).clip(-10, 10)


twin("volume_zscore_100", 101, lambda b: z_prior(b.volume, 100, 0.0).clip(-10, 10))
twin("momentum_20_50", 51, momentum_20_50)
twin("sharpe_5", 5, lambda b: (over(mean(returns(b), 5), sigma(returns(b), 5), 0) * math.sqrt(5)).clip(-10, 10))

# --- §2 momentum
for n in (1, 5, 10, 20, 60):
    twin(f"mom_{n}", n + 84, lambda b, n=n: in_atr(b, b.close.diff(n)))


def vw_gap(b: pd.DataFrame, weight: pd.Series, n: int) -> pd.Series:
    moment, total = (b.close * weight).rolling(n).sum(), weight.rolling(n).sum()
    return over((b.close - moment / total).where(total > 0, 0.0), atr(b), 0.0)


for n in (5, 10, 20, 60):
    twin(f"vw_buy_{n}", n + 84, lambda b, n=n: known(b, vw_gap(b, b.buy, n)))
    twin(f"vw_sell_{n}", n + 84, lambda b, n=n: known(b, vw_gap(b, b.sell, n)))
    twin(f"vw_diff_{n}", n + 84, lambda b, n=n: known(b, vw_gap(b, b.sell, n) - vw_gap(b, b.buy, n)))


def acceleration(b: pd.DataFrame, n: int) -> pd.Series:
    steps = log(b.close).diff(n)
    return over(steps - ago(steps, n), sigma(returns(b), 2 * n), 0.0)


for n in (5, 10):
    twin(f"acceleration_{n}", 2 * n + 1, lambda b, n=n: acceleration(b, n))

# --- §2 volatility


def garman_klass(b: pd.DataFrame, n: int) -> pd.Series:
    terms = 0.5 * log(b.high / b.low) ** 2 - (2 * math.log(2) - 1) * log(b.close / b.open) ** 2
    return np.sqrt(mean(terms, n).clip(lower=0))


for n in (5, 10, 60):
    twin(f"parkinson_{n}", n, lambda b, n=n: np.sqrt(mean(log(b.high / b.low) ** 2, n) / (4 * math.log(2))))
    twin(f"garman_klass_{n}", n, lambda b, n=n: garman_klass(b, n))
for n in (5, 60):
    twin(f"volatility_{n}", n, lambda b, n=n: sigma(returns(b), n))


def imbalance_volatility(b: pd.DataFrame, n: int) -> pd.Series:
    usual = mean(im(b).abs(), n)
    return (sigma(returns(b), n) * im(b).abs() / usual).where(usual > 0, sigma(returns(b), n))


def semideviation(r: pd.Series, n: int) -> pd.Series:
    return np.sqrt(mean(r**2, n))


def up_down(b: pd.DataFrame, n: int) -> pd.Series:
    r = returns(b)
    return over(semideviation(r.clip(lower=0), n), semideviation(r.clip(upper=0), n), 1).clip(upper=10)


for n in (5, 10, 20):
    twin(f"imbalance_volatility_{n}", n, lambda b, n=n: known(b, imbalance_volatility(b, n)))
for n in (10, 20):
    twin(f"up_volatility_{n}", n, lambda b, n=n: semideviation(returns(b).clip(lower=0), n))
    twin(f"down_volatility_{n}", n, lambda b, n=n: semideviation(returns(b).clip(upper=0), n))
    twin(f"up_down_ratio_{n}", n, lambda b, n=n: up_down(b, n))

# --- §2 volume
for n in (5, 10, 20, 60):
    twin(f"relative_volume_{n}", n, lambda b, n=n: over(b.volume, mean(b.volume, n), 1))
    twin(f"volume_momentum_{n}", n + 1, lambda b, n=n: log(b.volume + 1) - log(ago(b.volume, n) + 1))


def trade_size_ratio(b: pd.DataFrame, n: int) -> pd.Series:
    size = over(b.volume, b.trades)  # NaN without trades, and then outside the mean
    return (size / size.rolling(n, min_periods=1).apply(np.nanmean, raw=True)).fillna(1.0)


for n in (5, 10, 20):
    twin(f"trade_size_ratio_{n}", n, lambda b, n=n: trade_size_ratio(b, n))
for n in (10, 20):
    twin(
        f"bar_concentration_{n}", n,
        lambda b, n=n: over((b.volume**2).rolling(n).sum(), b.volume.rolling(n).sum() ** 2),
    )  # fmt: skip

# --- §2 pressure
twin("buy_pressure", 1, lambda b: known(b, ib(b)))
twin("imbalance", 1, lambda b: known(b, im(b)))
twin("imbalance_size", 1, lambda b: known(b, im(b).abs()))
twin("trade_imbalance", 1, lambda b: known(b, it(b)))
twin("trade_imbalance_size", 1, lambda b: known(b, it(b).abs()))
for n in (5, 10, 20):
    twin(f"buy_pressure_mean_{n}", n, lambda b, n=n: known(b, mean(ib(b), n)))
    twin(f"buy_pressure_deviation_{n}", n, lambda b, n=n: known(b, ib(b) - mean(ib(b), n)))
    twin(f"imbalance_mean_{n}", n, lambda b, n=n: known(b, mean(im(b), n)))
    twin(f"imbalance_sigma_{n}", n, lambda b, n=n: known(b, sigma(im(b), n)))
    twin(f"imbalance_z_{n}", n + 1, lambda b, n=n: known(b, z_prior(im(b), n, math.nan)))
    twin(f"trade_imbalance_mean_{n}", n, lambda b, n=n: known(b, mean(it(b), n)))


def run_length(b: pd.DataFrame) -> pd.Series:
    signs = np.sign(b.buys - b.sells)
    place = signs.groupby((signs != ago(signs, 1)).cumsum()).cumcount() + 1
    return signs * place.clip(upper=20)


twin("run_length", 1, lambda b: known(b, run_length(b)))

# --- §2, §3 bands


def width(b: pd.DataFrame, n: int) -> pd.Series:
    return 4 * sigma(b.close, n) / mean(b.close, n)


def band_place(b: pd.DataFrame, n: int) -> pd.Series:
    lower = mean(b.close, n) - 2 * sigma(b.close, n)
    return over(b.close - lower, 4 * sigma(b.close, n), 0.5)


twin("bb_width_10", 10, lambda b: width(b, 10))
twin("bb_percent_20", 20, lambda b: band_place(b, 20))
for n in (20, 50):
    twin(f"bb_width_{n}", n, lambda b, n=n: width(b, n))
    twin(f"bb_clipped_{n}", n, lambda b, n=n: band_place(b, n).clip(0, 1))
    twin(f"bb_upper_{n}", 84, lambda b, n=n: in_atr(b, b.close - (mean(b.close, n) + 2 * sigma(b.close, n))))
    twin(f"bb_lower_{n}", 84, lambda b, n=n: in_atr(b, b.close - (mean(b.close, n) - 2 * sigma(b.close, n))))
    twin(f"bb_squeeze_{n}", n + 49, lambda b, n=n: flag(width(b, n) < mean(width(b, n), 50)))

# --- §2, §3 averages
for n, warm in ((5, 84), (8, 84), (26, 84), (200, 600)):
    twin(f"ema{n}_distance", warm, lambda b, n=n: in_atr(b, b.close - ema(b.close, n)))
for n in (10, 20, 50):
    twin(f"sma{n}_distance", 84, lambda b, n=n: in_atr(b, b.close - mean(b.close, n)))
for a, c in ((9, 20), (5, 9)):
    twin(f"ema{a}_minus_ema{c}", 84, lambda b, a=a, c=c: in_atr(b, ema(b.close, a) - ema(b.close, c)))


def alignment(b: pd.DataFrame) -> pd.Series:
    fast, middle, slow = (ema(b.close, n) for n in (9, 20, 50))
    return (flag(fast > middle) + flag(middle > slow) + flag(b.close > fast)) / 3


def macd(b: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    line = ema(b.close, 12) - ema(b.close, 26)
    return line, ema(line, 9)


def crossed(b: pd.DataFrame, side: int) -> pd.Series:
    line, signal = macd(b)
    histogram = side * (line - signal)
    return flag((ago(histogram.where(histogram != 0).ffill(), 1) < 0) & (histogram > 0))


twin("ema_alignment", 150, alignment)
twin("macd_line", 105, lambda b: in_atr(b, macd(b)[0]))
twin("macd_signal", 105, lambda b: in_atr(b, macd(b)[1]))
twin("macd_histogram", 105, lambda b: in_atr(b, macd(b)[0] - macd(b)[1]))
twin("macd_cross_up", 106, lambda b: crossed(b, 1))
twin("macd_cross_down", 106, lambda b: crossed(b, -1))

# --- §3, §8 oscillators


def moved(b: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Wilder averages of +DM and −DM; a session's first bar moved nowhere."""
    up, down = b.high.diff().clip(lower=0), -b.low.diff().clip(upper=0)
    plus = up.where((up > down) & ~b["first"], 0.0)
    minus = down.where((down > up) & ~b["first"], 0.0)
    return wilder(plus), wilder(minus)


def adx(b: pd.DataFrame) -> pd.Series:
    plus, minus = moved(b)
    return wilder(100 * over((plus - minus).abs(), plus + minus, 0.0))


def rsi(b: pd.DataFrame) -> pd.Series:
    change = b.close.diff().iloc[1:]
    up, down = wilder(change.clip(lower=0)), wilder(-change.clip(upper=0))
    index = 100 - 100 / (1 + up / down.where(down > 0))
    return index.where(down > 0, (up > 0) * 50.0 + 50.0).reindex(b.index)


def stochastic(b: pd.DataFrame) -> pd.Series:
    low, high = b.low.rolling(14).min(), b.high.rolling(14).max()
    return over(100 * (b.close - low), high - low, 50.0)


twin("plus_di", 84, lambda b: over(100 * moved(b)[0], atr(b), 0.0))
twin("minus_di", 84, lambda b: over(100 * moved(b)[1], atr(b), 0.0))
twin("di_sign", 84, lambda b: np.sign(moved(b)[0] - moved(b)[1]))
twin("adx_bin", 168, lambda b: np.floor(adx(b) / 25).clip(upper=3))
twin("rsi_oversold", 84, lambda b: flag(rsi(b) < 30))
twin("rsi_overbought", 84, lambda b: flag(rsi(b) > 70))
twin("stochastic_k", 14, stochastic)
twin("stochastic_d", 16, lambda b: mean(stochastic(b), 3))
twin("stochastic_slow", 18, lambda b: mean(mean(stochastic(b), 3), 3))
twin("stochastic_oversold", 14, lambda b: flag(stochastic(b) < 20))
twin("stochastic_overbought", 14, lambda b: flag(stochastic(b) > 80))
twin("atr_14", 84, atr)
twin("atr_20", 120, lambda b: wilder(true_range(b), 20))
twin("range_pct", 1, lambda b: 100 * (b.high - b.low) / b.close)
twin(
    "ichimoku_distance", 84,
    lambda b: in_atr(b, b.close - (b.high.rolling(9).max() + b.low.rolling(9).min()) / 2),
)  # fmt: skip
twin("change", 2, lambda b: b.close.diff())

# --- §2 interactions
twin(
    "momentum_per_volatility", 89,
    lambda b: over(in_atr(b, b.close.diff(5)), 10_000 * sigma(returns(b), 5), 0.0).clip(-20, 20),
)  # fmt: skip
twin("volume_times_volatility", 5, lambda b: over(b.volume, mean(b.volume, 5), 1) * sigma(returns(b), 5))
twin("pressure_times_return", 6, lambda b: known(b, ib(b) * log(b.close / ago(b.close, 5))))
twin("trend_times_imbalance", 168, lambda b: known(b, adx(b) / 100 * im(b)))

# --- §8.2 slope, R² and range


def fitted(b: pd.DataFrame) -> pd.DataFrame:
    """Slope and R² of ln C over 20 bars, by NumPy's fit and correlation."""

    def fit(window: np.ndarray) -> tuple[float, float]:
        if np.ptp(window) == 0:
            return 0.0, 0.0
        slope = np.polyfit(np.arange(20), np.log(window), 1)[0]
        return slope, np.corrcoef(np.arange(20), np.log(window))[0, 1] ** 2

    close = b.close.to_numpy()
    found = [(math.nan, math.nan)] * 19 + [fit(close[k - 19 : k + 1]) for k in range(19, len(close))]
    return pd.DataFrame(found, columns=["slope", "r2"], index=b.index)


def slope(b: pd.DataFrame) -> pd.Series:
    return over(fitted(b).slope * fitted(b).r2, sigma(returns(b), 20), 0.0)


def consistency(b: pd.DataFrame) -> pd.Series:
    up, down = (mean(flag(side), 20) for side in (returns(b) > 0, returns(b) < 0))
    sign = np.sign(fitted(b).slope)
    return up.where(sign > 0, down.where(sign < 0, 0.0))


def slope_trend(b: pd.DataFrame) -> pd.Series:
    return np.sign(fitted(b).slope).where((slope(b).abs() > 0.2) & (consistency(b) >= 0.6), 0.0)


def range_score(b: pd.DataFrame) -> pd.Series:
    found = [math.nan] * 49
    for k in range(49, len(b)):
        window = b.iloc[k - 49 : k + 1]
        low, high = window.low.min(), window.high.max()
        place = (window.close - low) / (high - low) if high > low else window.close * 0 + 0.5
        touches = ((place <= 0.05) | (place >= 0.95)).sum()
        found.append(0.5 * place.between(0.2, 0.8).mean() + 0.5 * min(touches / 10, 1))
    return pd.Series(found, index=b.index)


twin("slope_20", 20, slope)
twin("slope_consistency_20", 20, consistency)
twin("slope_trend", 20, slope_trend)
twin("range_score_50", 50, range_score)


def trades_of(day: int, start: int, level: int, rng: np.random.Generator) -> np.ndarray:
    """A session's trades: empty minutes, a quiet stretch at one price, blind first minutes, one blind session."""
    minutes = np.sort(rng.choice(MINUTES, 500 if day != 5 else 60))
    minutes = minutes[(minutes == 0) | (rng.permutation(MINUTES) > 6)[minutes]]
    minutes[0] = 0
    events = np.zeros(minutes.size, dtype=EVENT)
    events["ts_event_ns"] = start + minutes * MINUTE + np.sort(rng.integers(0, MINUTE, minutes.size))
    events["ts_event_ns"].sort()
    drift = rng.choice([-0.25, 0.0, 0.25], MINUTES // 15 + 1)[minutes // 15]
    events["price"] = level + np.round(np.cumsum(rng.normal(drift, 1.2))).astype(np.int64)
    if day == 3:  # longer than the longest window of a 0-rule
        events["price"][(minutes >= 5)] = level
        events["quantity"] = 1
    events["quantity"] = 1 if day == 3 else np.minimum(rng.geometric(0.12, minutes.size), 1500)
    events["side"] = rng.choice([-1, 0, 1], minutes.size, p=[0.4, 0.15, 0.45])
    events["side"][(minutes < 3) | (day == 6)] = 0
    if day == 7:  # buyers alone for longer than a run may count
        events["side"][(minutes > 20) & (minutes < 50)] = 1
    events["instrument"], events["kind"] = 1, Kind.TRADE
    events["trade_type"] = np.where(events["side"] > 0, TradeType.BUY_AGGRESSION, TradeType.SELL_AGGRESSION)
    events["trade_type"][events["side"] == 0] = TradeType.RLP
    return events


def bars_of(trades: np.ndarray, session: int, start: int) -> list[dict[str, float | bool]]:
    """The session's bars by plain loops."""
    bars: list[dict[str, float | bool]] = []
    for end in (start + k * MINUTE for k in BAR_ENDS):
        inside = trades[(trades["ts_event_ns"] >= end - MINUTE) & (trades["ts_event_ns"] < end)]
        price = inside["price"].astype(float) if len(inside) else np.array([bars[-1]["close"]])
        volume = {side: float(inside["quantity"][inside["side"] == side].sum()) for side in (-1, 0, 1)}
        bars.append(
            {
                "session": session, "first": not bars, "open": price[0], "high": price.max(), "low": price.min(),
                "close": price[-1], "volume": sum(volume.values()), "buy": volume[1], "sell": volume[-1],
                "trades": float(len(inside)), "buys": float((inside["side"] == 1).sum()),
                "sells": float((inside["side"] == -1).sum()),
            }
        )  # fmt: skip
    return bars


def run(schema, session_maker, sessions: list[Callable[[int], np.ndarray]]) -> tuple[pd.DataFrame, np.ndarray]:
    """Feed sessions of trades; return their bars and the kernels' values at each bar."""
    state, bars, seen = new_state(schema), [], []
    for day, make in enumerate(sessions):
        hours = session_maker(day, MINUTES)
        start = int(hours["open_ns"][0])
        trades = make(start)
        begin_session(state, hours[0])
        for event in with_clock(trades, hours, MINUTE):
            decided = update_event(state, event)
            seen += [state.scratch.copy()] * decided
        bars += bars_of(trades, day, start)
    return pd.DataFrame(bars), np.array(seen)


@pytest.fixture(scope="module")
def moving(full_schema, session_maker) -> tuple[pd.DataFrame, np.ndarray]:
    """Twelve sessions with gaps between them."""
    rng = np.random.default_rng(11)
    levels = 10_000 + np.cumsum(rng.integers(-40, 41, 12))
    days = [lambda start, d=d: trades_of(d, start, int(levels[d]), rng) for d in range(12)]
    return run(full_schema, session_maker, days)


@pytest.fixture(scope="module")
def constant(full_schema, session_maker) -> tuple[pd.DataFrame, np.ndarray]:
    """One price and one size for nine sessions, so that every denominator that can be 0 is."""

    def flat(start: int) -> np.ndarray:
        rng = np.random.default_rng(3)
        trades = trades_of(3, start, 10_000, rng)
        trades["price"] = 10_000
        return trades

    return run(full_schema, session_maker, [flat] * 9)


def compare(name: str, market: tuple[pd.DataFrame, np.ndarray]) -> np.ndarray:
    bars, seen = market
    assert len(bars) == len(seen)
    warm, value = TWINS[name]
    wanted = value(bars).to_numpy(dtype=float, copy=True)
    wanted[: warm - 1] = math.nan
    # In units of a range or σ that has all but vanished, the rounding of a difference near 0 shows.
    atol = {"ATR": 1e-9, "σ": 1e-10}.get(CATALOGUE[index_of(name)].unit, 1e-12)
    np.testing.assert_allclose(seen[:, index_of(name)], wanted, rtol=1e-9, atol=atol)
    return wanted


def test_every_bar_column_has_a_twin():
    assert sorted(TWINS) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_bar_kernel_equals_its_twin(name, moving):
    wanted = compare(name, moving)
    assert np.isfinite(wanted).sum() >= 100
    assert np.unique(wanted[np.isfinite(wanted)]).size > 1, "constant on a moving market"


@pytest.mark.parametrize("name", NAMES)
def test_bar_kernel_equals_its_twin_where_the_price_stands_still(name, constant):
    compare(name, constant)


@pytest.mark.parametrize("feature", BAR_FEATURES, ids=lambda feature: feature.name)
def test_bar_values_stay_in_the_range_of_the_catalogue(feature, moving, constant):
    for _, seen in (moving, constant):
        values = seen[:, index_of(feature.name)]
        values = values[np.isfinite(values)]
        assert np.all((values >= feature.low) & (values <= feature.high))


def test_no_bar_column_says_what_another_says(moving):
    _, seen = moving
    columns = {seen[620:, at].astype(np.float32).tobytes(): at for at in map(index_of, NAMES)}
    assert len(columns) == len(NAMES)
