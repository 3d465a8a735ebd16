"""Parts of the strategy that are off as shipped: the volatile row, the ladder, and sizes that follow the account.

Signals.md §9 and §10; what was completed stands in docs/decisions/0006.
"""

import math
from dataclasses import dataclass

from trading.checks import positive, require, shares

MOST_KELLY = 0.25  # of the fraction that Kelly's formula names
TRAIL_BAND = (3, 15)  # ticks between the best price and a stop that follows it
TRAIL_TICKS = f"ticks in {TRAIL_BAND[0]} to {TRAIL_BAND[1]}"


@dataclass(frozen=True)
class VolatileParams:
    """The row of a minute whose deviation is beyond the 95th percentile of training, whatever the regime.

    Parameters
    ----------
    used : bool
        False leaves every minute to its regime's row.
    confidence_shift : float
        Added to the regime's threshold of |D|, held within 0 to 1, and to the least confidence, as in the other rows.
    combined : float
        Least combined confidence of the concordance filter.
    stop_atr, target_atr, stop_ticks, target_ticks, size_multiplier, trades_per_day
        As in the other rows.
    partial_ticks, partial_shares, trail_activation_ticks, trail_distance_ticks, trail_tightening, breakeven_ticks
        The same, where exits are managed.
    """

    used: bool = False
    confidence_shift: float = 0.10
    combined: float = 0.70
    stop_atr: float = 2.0
    target_atr: float = 4.0
    stop_ticks: int = 30
    target_ticks: int = 60
    size_multiplier: float = 0.5
    trades_per_day: int = 5
    partial_ticks: tuple[int, int, int] = (20, 36, 60)
    partial_shares: tuple[float, float, float] = (0.4, 0.4, 0.2)
    trail_activation_ticks: int = 10
    trail_distance_ticks: int = 12
    trail_tightening: float = 1.0
    breakeven_ticks: int = 30

    def __post_init__(self) -> None:
        """Raise ConfigError for a value out of range."""
        shift = self.confidence_shift
        require(-1 <= shift <= 1, "volatile.confidence_shift", "a value in [-1, 1]", shift)
        require(shares((self.combined,)), "volatile.combined", "a value in [0, 1]", self.combined)
        for name in (
            "stop_atr", "target_atr", "stop_ticks", "target_ticks", "size_multiplier", "trail_activation_ticks",
        ):  # fmt: skip
            require(positive((getattr(self, name),)), f"volatile.{name}", "a positive value", getattr(self, name))
        for name in ("trades_per_day", "breakeven_ticks"):
            require(getattr(self, name) >= 0, f"volatile.{name}", "at least 0", getattr(self, name))
        distance = self.trail_distance_ticks
        require(in_trail_band((distance,)), "volatile.trail_distance_ticks", TRAIL_TICKS, distance)
        tightening = self.trail_tightening
        require(0.01 <= tightening <= 1, "volatile.trail_tightening", "a factor in 0.01 to 1", tightening)
        ticks, parts = self.partial_ticks, self.partial_shares
        require(rising(ticks), "volatile.partial_ticks", "distances that rise from above 0", ticks)
        require(whole(parts), "volatile.partial_shares", "shares that add to 1", parts)


@dataclass(frozen=True)
class LadderParams:
    """Stop and target by the decision's confidence, where `distances` is "confidence".

    Parameters
    ----------
    confidence : three floats
        The steps, falling: the first entry of the tables holds from the first step up, the last one below them all.
    stop_ticks, target_ticks : four ints
    """

    confidence: tuple[float, float, float] = (0.80, 0.70, 0.60)
    stop_ticks: tuple[int, int, int, int] = (10, 12, 14, 16)
    target_ticks: tuple[int, int, int, int] = (30, 24, 20, 16)

    def __post_init__(self) -> None:
        """Raise ConfigError for a value out of range."""
        first, second, third = steps = self.confidence
        require(1 >= first > second > third >= 0, "ladder.confidence", "steps that fall within 1 to 0", steps)
        for name in ("stop_ticks", "target_ticks"):
            require(positive(getattr(self, name)), f"ladder.{name}", "ticks above 0", getattr(self, name))


@dataclass(frozen=True)
class SizingParams:
    """How an entry's contracts follow the account and what the model has proven; 1, 1 and 0 leave them alone.

    Parameters
    ----------
    drawdown, drawdown_multiplier : float
        Fall from the peak, as the drawdown limit counts it, beyond which contracts are multiplied, and by what.
    losses_above_wins : int
        How many more of the session's trades than this must have lost than won for the next factor.
    losses_multiplier : float
    kelly_fraction : float
        A stop may lose at most so much of `edge`, as a fraction of capital; up to a quarter.
    """

    drawdown: float = 0.05
    drawdown_multiplier: float = 1.0
    losses_above_wins: int = 2
    losses_multiplier: float = 1.0
    kelly_fraction: float = 0.0

    def __post_init__(self) -> None:
        """Raise ConfigError for a value out of range."""
        for name in ("drawdown", "drawdown_multiplier", "losses_multiplier"):
            require(shares((getattr(self, name),)), f"sizing.{name}", "a value in [0, 1]", getattr(self, name))
        require(self.losses_above_wins >= 0, "sizing.losses_above_wins", "at least 0", self.losses_above_wins)
        fraction, expected = self.kelly_fraction, f"a value in [0, {MOST_KELLY}]"
        require(0 <= fraction <= MOST_KELLY, "sizing.kelly_fraction", expected, fraction)


def in_trail_band(ticks: tuple[int, ...]) -> bool:
    """Tell whether a stop may follow at these distances."""
    return all(TRAIL_BAND[0] <= one <= TRAIL_BAND[1] for one in ticks)


def rising(ticks: tuple[int, int, int]) -> bool:
    """Tell whether the distances of partial exits rise from above 0."""
    return 0 < ticks[0] < ticks[1] < ticks[2]


def whole(parts: tuple[float, float, float]) -> bool:
    """Tell whether the shares of partial exits add to 1."""
    return shares(parts) and math.isclose(sum(parts), 1, rel_tol=0, abs_tol=1e-9)


def check_hours(factors: tuple[tuple[int, int, float], ...]) -> None:
    """Raise ConfigError unless spans of hours lie within the day, apart from each other, with positive factors."""
    taken: set[int] = set()
    for first, after, factor in factors:
        found = (first, after, factor)
        within = 0 <= first < after <= 24 and taken.isdisjoint(range(first, after))
        require(within, "hour_factors", "spans of hours within 0 to 24 that do not overlap", found)
        require(positive((factor,)), "hour_factors", "factors above 0", found)
        taken |= set(range(first, after))
