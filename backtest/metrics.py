"""The numbers a backtest or a paper run is judged by (signals.md §13.6)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from backtest.result import BacktestResult
from backtest.sharpe import daily_returns, deflated_sharpe, probabilistic_sharpe, sharpe
from backtest.trips import ROUND_TRIP, round_trips
from market.calendar import to_local
from market.errors import ConfigError

__all__ = [
    "MINIMUM_ROUND_TRIPS",
    "ROUND_TRIP",
    "Metrics",
    "Split",
    "Trials",
    "daily_returns",
    "deflated_sharpe",
    "exposure",
    "hit_rate",
    "max_drawdown",
    "per_hour",
    "per_regime",
    "probabilistic_sharpe",
    "profit_factor",
    "round_trips",
    "sharpe",
    "summarise",
    "summarise_account",
    "turnover",
]

MINIMUM_ROUND_TRIPS = 100


@dataclass(frozen=True)
class Trials:
    """Every trial ever run: how many, and the variance of their annualised Sharpe ratios."""

    count: int = 1
    variance: float = 0.0

    def __post_init__(self) -> None:
        """Refuse a count below one and a variance that is negative or not finite."""
        if self.count < 1 or not 0.0 <= self.variance < math.inf:
            raise ConfigError(
                f"trials: expected a count of at least 1 and a finite variance of at least 0, found {self.count} "
                f"and {self.variance}; count every trial, the chosen one included"
            )


@dataclass(frozen=True)
class Split:
    """The round trips that share a key: a row of the policy, or the local hour of the first fill."""

    key: int
    round_trips: int
    net: float  # R$
    average: float  # R$ per round trip
    hit_rate: float
    profit_factor: float  # NaN without a losing round trip


@dataclass(frozen=True)
class Metrics:
    """The result of a run in numbers. R$ are Brazilian reais; a number that cannot be told is NaN."""

    sessions: int
    round_trips: int
    fills: int
    sufficient: bool  # at least MINIMUM_ROUND_TRIPS round trips
    net: float  # R$ at the end of the equity curve
    gross: float  # R$ of completed round trips before fees
    fees: float  # R$ of all fills
    average: float  # net R$ per round trip
    sharpe: float  # annualised
    probabilistic_sharpe: float  # in [0, 1]
    deflated_sharpe: float  # in [0, 1]
    max_drawdown: float  # in [0, ...), fraction of capital plus peak profit
    hit_rate: float  # in [0, 1]
    profit_factor: float
    turnover: float  # traded value per session, in multiples of capital
    exposure: float  # share of bars closed with a position
    per_regime: tuple[Split, ...]
    per_hour: tuple[Split, ...]

    def as_dict(self) -> dict[str, float | int | bool | None]:
        """Return every number by name, without the splits; None stands where a number is not finite."""
        named = {f.name: getattr(self, f.name) for f in fields(self) if not f.name.startswith("per_")}
        return {name: value if math.isfinite(value) else None for name, value in named.items()}


def max_drawdown(equity: np.ndarray, capital: float) -> float:
    """Return the deepest fall from the running peak, as a fraction of capital plus peak, at least 0.

    Parameters
    ----------
    equity : np.ndarray
        R$ earned so far, without the capital; the peak starts at 0.
    capital : float
        R$ the account started with.
    """
    if len(equity) == 0:
        return 0.0
    peak = np.maximum(np.maximum.accumulate(equity), 0.0)
    return float(np.max((peak - equity) / (capital + peak)))


def hit_rate(trips: np.ndarray) -> float:
    """Return the share of round trips that earned after fees; NaN without round trips."""
    return float(np.mean(trips["net"] > 0.0)) if len(trips) else math.nan


def profit_factor(trips: np.ndarray) -> float:
    """Return R$ won over R$ lost, both after fees; NaN without a losing round trip."""
    lost = -float(trips["net"][trips["net"] < 0.0].sum())
    return float(trips["net"][trips["net"] > 0.0].sum()) / lost if lost > 0.0 else math.nan


def turnover(fills: np.ndarray, tick_value: float, capital: float, sessions: int) -> float:
    """Return the value bought and sold per session, in multiples of capital; NaN without sessions."""
    if sessions == 0:
        return math.nan
    traded = float(np.sum(fills["price"].astype(np.float64) * fills["quantity"])) * tick_value
    return traded / capital / sessions


def exposure(fills: np.ndarray, equity_ts_ns: np.ndarray) -> float:
    """Return the share of bar closes at which a position was open, in [0, 1]; NaN without bars."""
    return float(np.mean(_held(fills, equity_ts_ns))) if len(equity_ts_ns) else math.nan


def _held(fills: np.ndarray, ts_ns: np.ndarray) -> np.ndarray:
    """Tell at which times a position was open, bool [n]; the fills are of one instrument."""
    signed = fills["side"].astype(np.int64) * fills["quantity"]
    position = np.append(0, np.cumsum(signed))
    return np.asarray(position[np.searchsorted(fills["ts_ns"], ts_ns, side="right")] != 0)


def _split(trips: np.ndarray, keys: np.ndarray) -> tuple[Split, ...]:
    parts = ((int(key), trips[keys == key]) for key in np.unique(keys))
    return tuple(
        Split(
            key=key,
            round_trips=len(part),
            net=float(part["net"].sum()),
            average=float(part["net"].mean()),
            hit_rate=hit_rate(part),
            profit_factor=profit_factor(part),
        )
        for key, part in parts
    )


def per_regime(trips: np.ndarray) -> tuple[Split, ...]:
    """Split round trips by the row of the policy at their decision: its regime, or volatile over any of them."""
    return _split(trips, trips["strategy"])


def per_hour(trips: np.ndarray) -> tuple[Split, ...]:
    """Split round trips by the local hour (0 to 23) of their first fill."""
    hours: Sequence[int] = [to_local(ts_ns).hour for ts_ns in trips["open_ns"].tolist()]
    return _split(trips, np.array(hours, dtype=np.int64))


def summarise(result: BacktestResult, tick_value: float, capital: float, trials: Trials | None = None) -> Metrics:
    """Judge a run.

    Parameters
    ----------
    result : BacktestResult
        The run.
    tick_value : float
        R$ per tick and contract.
    capital : float
        R$ the account started with.
    trials : Trials, optional
        All trials run so far, for the deflated Sharpe ratio; without it that ratio is not told.
    """
    return summarise_account(result, [(result, tick_value)], capital, trials)


def summarise_account(
    account: BacktestResult,
    parts: Sequence[tuple[BacktestResult, float]],
    capital: float,
    trials: Trials | None = None,
) -> Metrics:
    """Judge what the desks of one account did together.

    Parameters
    ----------
    account : BacktestResult
        Of all desks, as `backtest.result.join_desks` joins them.
    parts : sequence of (BacktestResult, float)
        What each desk did, and R$ per tick and contract of what it trades.
    capital, trials
        As in `summarise`.
    """
    if not 0.0 < capital < math.inf:
        raise ConfigError(f"capital: expected a positive number of R$, found {capital}; set the account's capital")
    trips = np.concatenate([round_trips(part.fills, value, part.decisions) for part, value in parts])
    trips = trips[np.argsort(trips["close_ns"], kind="stable")]
    daily, sessions = daily_returns(account.session_pnl(), capital), len(account.sessions)
    held = np.any([_held(part.fills, account.equity_ts_ns) for part, _ in parts], axis=0)
    return Metrics(
        sessions=sessions,
        round_trips=len(trips),
        fills=len(account.fills),
        sufficient=len(trips) >= MINIMUM_ROUND_TRIPS,
        net=float(account.equity[-1]) if len(account.equity) else 0.0,
        gross=float(trips["gross"].sum()),
        fees=float(account.fills["fee"].sum()),
        average=float(trips["net"].mean()) if len(trips) else math.nan,
        sharpe=sharpe(daily),
        probabilistic_sharpe=probabilistic_sharpe(daily),
        deflated_sharpe=deflated_sharpe(daily, trials.count, trials.variance) if trials else math.nan,
        max_drawdown=max_drawdown(account.equity, capital),
        hit_rate=hit_rate(trips),
        profit_factor=profit_factor(trips),
        turnover=sum(turnover(part.fills, value, capital, sessions) for part, value in parts),
        exposure=float(np.mean(held)) if len(held) else math.nan,
        per_regime=per_regime(trips),
        per_hour=per_hour(trips),
    )
