"""How stop and target change the result of following the trend, over a recorded series: research, not a strategy.

The rule: buy when the regime turns to TREND_UP, sell when it turns to TREND_DOWN, leave when it ends. Costs, entry and
flatten times are those of trading. Every pair is a trial, counted where those of training are.
"""

import datetime as dt
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path as FilePath
from typing import Any, Literal, NamedTuple

import numpy as np

from backtest.metrics import MINIMUM_ROUND_TRIPS, Trials, daily_returns, deflated_sharpe, sharpe
from backtest.sweep import Path, Signals, SweepTerms, equity, prepare, sweep, trades
from backtest.sweep_page import write_page
from features.batch import compute_sessions
from features.pipeline import SessionFeatures
from features.schema import FeatureSchema
from flows.progress import steps
from flows.recorded import open_recorded, schema_of
from flows.registration import experiment_of
from market.costs import CostParams, costs
from market.errors import UsageError
from market.home import Home
from market.stream import Feed
from market.types import Regime
from registry.installed import days_between
from registry.server import tracking_server
from registry.tracking import log_trials
from trading.policy import RiskLimits, StrategyParams, VenueParams

MINUTE_NS = 60_000_000_000
PAGES = "sweep"
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
    costs : CostParams
        What the account pays; the fees are those in force on each session.
    """

    contract: str
    stops: Sequence[float]
    targets: Sequence[float]
    unit: Unit = "atr"
    first: dt.date | None = None
    last: dt.date | None = None
    costs: CostParams = field(default_factory=CostParams)


@dataclass(frozen=True)
class Swept:
    """What came of it; `pairs` holds SWEEP records, the best net first, `sharpes` those of the same pairs.

    Parameters
    ----------
    trials_ever : int
        Everything ever tried on the instrument, these pairs included: what the gates count.
    deflated_sharpe : float
        Of the first pair, after all of them; NaN where it cannot be told.
    synthetic : bool
        Whether any of the sessions is simulated.
    page : Path
        The heat map.
    """

    contract: str
    days: list[dt.date]
    bars: int
    unit: Unit
    pairs: np.ndarray
    sharpes: np.ndarray
    trials_ever: int
    deflated_sharpe: float
    synthetic: bool
    page: FilePath

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
            "trials_ever": self.trials_ever,
            "deflated_sharpe": _plain(self.deflated_sharpe),
            "pairs": [{**pair, "sharpe": _plain(one)} for pair, one in zip(named, self.sharpes.tolist(), strict=True)],
            "page": str(self.page),
        }

    @property
    def sufficient(self) -> bool:
        """Whether the best pair has enough round trips to decide anything by."""
        return bool(self.pairs["round_trips"][0] >= MINIMUM_ROUND_TRIPS)


class _Session(NamedTuple):
    """A session with bars: its close, what one contract pays a side, and what its bars saw."""

    close_ns: int
    fee: float
    seen: SessionFeatures


def run(home: Home, request: Request) -> Swept:
    """Try every stop with every target over the series, count the trials, and draw the heat map.

    Raises
    ------
    UsageError
        If the series is not in the lake, or a stop or target is not above 0.
    NotEnoughData
        If the lake has no session of it in the span.
    DataError
        If there are no costs for the instrument and a day.
    RegistryError
        If the trials cannot be counted.
    """
    dataset = open_recorded(home, request.contract, None)
    feed, limits = dataset.feed, RiskLimits()
    days = days_between(feed, request.first, request.last)
    sessions = _sessions(schema_of(dataset, FEATURES), feed, days, request.costs)
    seen = [one.seen for one in sessions]
    path = prepare(signals_of(seen, [one.close_ns for one in sessions], request.unit, limits))
    terms = SweepTerms(
        feed.instrument.tick_value, np.repeat([one.fee for one in sessions], [one.bars.size for one in seen]),
        limits.max_position, VenueParams().slippage_ticks, min_stop_ticks=StrategyParams().min_stop_ticks,
        capital=limits.capital_reais,
    )  # fmt: skip
    stops, targets = np.array(list(product(sorted(set(request.stops)), sorted(set(request.targets))))).T
    pairs = sweep(path, stops, targets, terms)
    pairs = pairs[np.argsort(-pairs["net"], kind="stable")]
    closes = np.cumsum([one.bars.size for one in seen])
    daily = [daily_returns(_per_session(path, pair, terms, closes), terms.capital) for pair in pairs]
    sharpes = np.array([sharpe(one) for one in daily])
    known = sharpes[np.isfinite(sharpes)]
    ever = _count(home, feed, days, request, pairs.size)
    trials = Trials(ever, float(np.var(known, ddof=1)) if known.size > 1 else 0.0)
    deflated = deflated_sharpe(daily[0], trials.count, trials.variance)
    page = home.artifacts / PAGES / f"{feed.contract}.html"
    done = Swept(
        feed.contract, days, path.close.size, request.unit, pairs, sharpes, ever, deflated, dataset.synthetic, page
    )
    write_page(page, done)
    return done


def _count(home: Home, feed: Feed, days: Sequence[dt.date], request: Request, pairs: int) -> int:
    """Count the pairs where the gates count trials; return all that were ever tried on the instrument."""
    told = {
        "contract": feed.contract, "first": days[0], "last": days[-1], "sessions": len(days), "unit": request.unit,
        "stops": sorted(set(request.stops)), "targets": sorted(set(request.targets)),
    }  # fmt: skip
    with tracking_server(home.root, os.environ.get("MLFLOW_TRACKING_URI")) as uri:
        return log_trials(uri, experiment_of(feed.instrument.root), "sweep", pairs, told)


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


def _sessions(schema: FeatureSchema, feed: Feed, days: Sequence[dt.date], params: CostParams) -> list[_Session]:
    """Return the sessions that have bars."""
    root = feed.instrument.root
    computed = zip(steps(days, "sessions"), compute_sessions(schema, feed, days), strict=True)
    found = [
        _Session(int(feed.session(day)["close_ns"][0]), costs(root, day, params).per_side, one)
        for day, one in computed
        if one.bars.size
    ]
    if not found:
        raise UsageError(f"{feed.contract}: expected bars, found none in {len(days)} sessions; name other days")
    return found


def _per_session(path: Path, pair: np.void, terms: SweepTerms, closes: np.ndarray) -> np.ndarray:
    """Return R$ earned in each session."""
    made = trades(path, float(pair["stop"]), float(pair["target"]), terms)
    return np.diff(equity(path, made, terms)[closes - 1], prepend=0.0)


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None
