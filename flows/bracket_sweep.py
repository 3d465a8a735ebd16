"""How stop and target change the result of following the trend, over a recorded series: research, not a strategy.

The rule: buy when the regime turns to TREND_UP, sell when it turns to TREND_DOWN, leave when it ends. Costs, entry and
flatten times are those of trading.
"""

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal

import numpy as np

from backtest.metrics import MINIMUM_ROUND_TRIPS, Trials, daily_returns, deflated_sharpe, sharpe
from backtest.sweep import Path, Signals, SweepTerms, equity, prepare, sweep, trades
from features.pipeline import SessionFeatures, compute_session
from features.schema import FeatureSchema
from flows.progress import steps
from flows.recorded import open_recorded, schema_of
from market.costs import CostParams, costs
from market.errors import UsageError
from market.home import Home
from market.stream import Feed
from market.types import Regime
from registry.installed import days_between
from trading.policy import RiskLimits, StrategyParams, VenueParams

MINUTE_NS = 60_000_000_000
FEATURES = "core10"  # any set: regime and ATR come with each of them
Unit = Literal["atr", "ticks"]


@dataclass(frozen=True)
class Request:
    """What to sweep.

    Parameters
    ----------
    contract : str
        The series.
    stops, targets : sequence of float
        Every stop is tried with every target.
    unit : str
        "atr" for multiples of ATR14 at the entry, "ticks" for distances.
    first, last : date, optional
        Sessions, both included; all by default.
    """

    contract: str
    stops: Sequence[float]
    targets: Sequence[float]
    unit: Unit = "atr"
    first: dt.date | None = None
    last: dt.date | None = None


@dataclass(frozen=True)
class Swept:
    """What came of it; `pairs` holds SWEEP records, the best net first, `sharpes` those of the same pairs.

    Parameters
    ----------
    deflated_sharpe : float
        Of the first pair, after the number of pairs of this sweep; NaN where it cannot be told.
    """

    contract: str
    days: list[dt.date]
    bars: int
    unit: Unit
    pairs: np.ndarray
    sharpes: np.ndarray
    deflated_sharpe: float

    def as_dict(self) -> dict[str, Any]:
        """Return what machines read, plain values only."""
        named = (dict(zip(self.pairs.dtype.names or (), pair, strict=True)) for pair in self.pairs.tolist())
        return {
            "contract": self.contract,
            "first": self.days[0].isoformat(),
            "last": self.days[-1].isoformat(),
            "sessions": len(self.days),
            "bars": self.bars,
            "unit": self.unit,
            "trials": self.pairs.size,
            "deflated_sharpe": _plain(self.deflated_sharpe),
            "pairs": [{**pair, "sharpe": _plain(one)} for pair, one in zip(named, self.sharpes.tolist(), strict=True)],
        }

    @property
    def sufficient(self) -> bool:
        """Whether the best pair has enough round trips to decide anything by."""
        return bool(self.pairs["round_trips"][0] >= MINIMUM_ROUND_TRIPS)


def run(home: Home, request: Request) -> Swept:
    """Try every stop with every target over the series.

    Raises
    ------
    UsageError
        If the series is not in the lake, or a stop or target is not above 0.
    NotEnoughData
        If the lake has no session of it in the span.
    """
    dataset = open_recorded(home, request.contract, None)
    feed, limits = dataset.feed, RiskLimits()
    days = days_between(feed, request.first, request.last)
    seen = _sessions(schema_of(dataset, FEATURES), feed, days)
    signals = signals_of([one for _, one in seen], [close_ns for close_ns, _ in seen], request.unit, limits)
    path = prepare(signals)
    terms = SweepTerms(
        feed.instrument.tick_value, costs(feed.instrument.root, days[0], CostParams()).per_side, limits.max_position,
        VenueParams().slippage_ticks, min_stop_ticks=StrategyParams().min_stop_ticks, capital=limits.capital_reais,
    )  # fmt: skip
    stops, targets = np.array(list(product(sorted(set(request.stops)), sorted(set(request.targets))))).T
    pairs = sweep(path, stops, targets, terms)
    pairs = pairs[np.argsort(-pairs["net"], kind="stable")]
    closes = np.cumsum([one.bars.size for _, one in seen])
    daily = [daily_returns(_per_session(path, pair, terms, closes), terms.capital) for pair in pairs]
    sharpes = np.array([sharpe(one) for one in daily])
    known = sharpes[np.isfinite(sharpes)]
    trials = Trials(pairs.size, float(np.var(known, ddof=1)) if known.size > 1 else 0.0)
    deflated = deflated_sharpe(daily[0], trials.count, trials.variance)
    return Swept(feed.contract, days, path.close.size, request.unit, pairs, sharpes, deflated)


def signals_of(sessions: Sequence[SessionFeatures], close_ns: Sequence[int], unit: Unit, limits: RiskLimits) -> Signals:
    """Return the sessions' bars with what the rule asks for at each close.

    Parameters
    ----------
    sessions : sequence of SessionFeatures
        In time order.
    close_ns : sequence of int
        When each session closes.
    unit : str
    limits : RiskLimits
        Its times of the last entry and of the flattening.
    """
    side, leave, ends = (np.concatenate(parts) for parts in zip(*map(_signals, sessions), strict=True))
    left = np.concatenate([close - one.ts_ns for close, one in zip(close_ns, sessions, strict=True)])
    side[left <= limits.last_entry_before_close_minutes * MINUTE_NS] = 0
    leave |= left <= limits.flatten_before_close_minutes * MINUTE_NS
    atr = np.concatenate([one.atr for one in sessions])
    bars = np.concatenate([one.bars for one in sessions])
    return Signals(bars, side, leave, ends, atr if unit == "atr" else np.ones(atr.size))


def _signals(seen: SessionFeatures) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return a session's side, leave and ends: a trend that begins is entered, one that ends is left."""
    trend = (seen.regime == Regime.TREND_UP).astype(np.int8) - (seen.regime == Regime.TREND_DOWN).astype(np.int8)
    before = np.append(np.zeros(1, dtype=np.int8), trend[:-1])
    turned, ends = trend != before, np.zeros(trend.size, dtype=np.bool_)
    ends[-1:] = True
    # The close that leaves one trend for the other enters nothing: the next one does.
    reversed_before = np.append(False, (turned & (before != 0) & (trend != 0))[:-1])
    begins = np.where(reversed_before, ~turned, turned & (before == 0))
    return np.where(begins, trend, 0).astype(np.int8), turned & (before != 0), ends


def _sessions(schema: FeatureSchema, feed: Feed, days: Sequence[dt.date]) -> list[tuple[int, SessionFeatures]]:
    """Return each session's close and what its bars saw; sessions without bars are left out."""
    computed = ((day, compute_session(schema, feed, day)) for day in steps(days, "sessions"))
    seen = [(int(feed.session(day)["close_ns"][0]), one) for day, one in computed if one.bars.size]
    if not seen:
        raise UsageError(f"{feed.contract}: expected bars, found none in {len(days)} sessions; name other days")
    return seen


def _per_session(path: Path, pair: np.void, terms: SweepTerms, closes: np.ndarray) -> np.ndarray:
    """Return R$ earned in each session."""
    made = trades(path, float(pair["stop"]), float(pair["target"]), terms)
    return np.diff(equity(path, made, terms)[closes - 1], prepend=0.0)


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None
