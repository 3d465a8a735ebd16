"""How a position is left: targets in parts, a stop that follows the price, and how long to wait for the venue.

Distances are ticks in the position's favour, counted from the entry's first fill (signals.md §10).
"""

import math
from dataclasses import dataclass

import numpy as np

from market.errors import ConfigError
from market.kernel import kernel
from trading.desk import LEVELS
from trading.strategy_options import TRAIL_BAND

EXITS = np.dtype(
    [
        ("protect_ns", "<i8"),  # a position without a confirmed stop is closed after this long
        ("answer_ns", "<i8"),  # a request is repeated after this long
        ("limit_ns", "<i8"),  # a price beyond the stop's limit is given this long to fill it
        ("step_ns", "<i8"),  # between two moves of the stop
        ("level_distance", "<i4", (LEVELS - 1,)),  # of the targets before the last, which the entry names
        ("level_percent", "<i4", (LEVELS - 1,)),  # their shares of the position; the last level has the rest
        ("limit_offset", "<i4"),  # of the stop's limit beyond its trigger; 0 for a stop at market
        ("cost", "<i4"),  # what a stop at the entry's price adds to it
        ("breakeven", "<i4"),  # profit at which the stop goes to the entry's price; 0 for never
        ("trail_after", "<i4"),  # profit at which the stop begins to follow; 0 for never
        ("trail_distance", "<i4"),  # behind the best price; 0 for a stop that does not follow
        ("trail_nearest", "<i4"),
        ("trail_farthest", "<i4"),
        ("trail_percent", "<i4"),  # of the distance that each new best price leaves of it
        ("trail_high", "<i4"),  # per cent of the distance while returns deviate more than usual
        ("trail_low", "<i4"),  # while they deviate less
        ("trail_against", "<i4"),  # while momentum is against the position
        ("trail_decay", "<i4"),  # per cent of the distance that each ten minutes take
        ("trail_tightest_after", "<i4"),  # profit beyond which it is the nearest; 0 for never
        ("repeats", "<i4"),  # of a request, after which the desk halts
    ]
)
MILLISECOND_NS = 1_000_000


@dataclass(frozen=True)
class ExitParams:
    """The exits of one regime, in ticks and milliseconds.

    Parameters
    ----------
    level_distance, level_percent : two ints
        Distance and share of the targets before the last one; 0 for none. The stop goes to the entry's price once one
        is done, and follows the price once two are.
    limit_offset : int
        Of the stop's limit beyond its trigger; 0 for a stop at market.
    cost : int
        What is added to the entry's price where the stop goes there.
    breakeven, trail_after : int
        Profit from which the stop stands at the entry's price, and follows; 0 for never.
    trail_distance, trail_nearest, trail_farthest : int
        How far behind the best price it follows (0 for not at all), and within what it stays whatever follows.
    trail_percent, trail_high, trail_low, trail_against, trail_decay : int
        Per cent of that distance: what each new best price leaves of it for good, what is left of it while returns
        deviate more or less than usual and while momentum is against the position, and what each ten minutes take.
    trail_tightest_after : int
        Profit beyond which the stop follows as near as it may; 0 for never.
    protect_ms, answer_ms, limit_ms, step_ms : int
        Patience with a position without confirmed stop, with a request without answer, with a stop whose limit the
        price has passed, and between two moves of the stop.
    repeats : int
        How often a request is repeated before the desk halts.
    """

    level_distance: tuple[int, int] = (0, 0)
    level_percent: tuple[int, int] = (0, 0)
    limit_offset: int = 0
    cost: int = 0
    breakeven: int = 0
    trail_after: int = 0
    trail_distance: int = 0
    trail_nearest: int = TRAIL_BAND[0]
    trail_farthest: int = TRAIL_BAND[1]
    trail_percent: int = 100
    trail_high: int = 100
    trail_low: int = 100
    trail_against: int = 100
    trail_decay: int = 0
    trail_tightest_after: int = 0
    protect_ms: int = 500
    answer_ms: int = 2000
    limit_ms: int = 100
    step_ms: int = 1000
    repeats: int = 3

    def __post_init__(self) -> None:
        """Raise ConfigError for a value out of range."""
        for name in (
            "limit_offset", "cost", "breakeven", "trail_after", "trail_distance", "trail_tightest_after", "protect_ms",
            "answer_ms", "limit_ms", "step_ms",
        ):  # fmt: skip
            _require(getattr(self, name) >= 0, name, "at least 0", getattr(self, name))
        _require(self.trail_nearest >= 1, "trail_nearest", "at least 1", self.trail_nearest)
        distance, nearest, farthest = self.trail_distance, self.trail_nearest, self.trail_farthest
        within = distance == 0 or nearest <= distance <= farthest
        _require(within, "trail_distance", f"0 or {nearest} to {farthest}", distance)
        _require(1 <= self.trail_percent <= 100, "trail_percent", "1 to 100", self.trail_percent)
        for name in ("trail_high", "trail_low", "trail_against"):
            _require(1 <= getattr(self, name) <= 1000, name, "1 to 1000", getattr(self, name))
        _require(0 <= self.trail_decay <= 100, "trail_decay", "0 to 100", self.trail_decay)
        _require(0 <= self.repeats <= 3, "repeats", "0 to 3", self.repeats)
        shares, distances = self.level_percent, self.level_distance
        _require(min(shares) >= 0 and sum(shares) <= 100, "level_percent", "shares that add to at most 100", shares)
        named = all(distance >= 1 or share == 0 for distance, share in zip(distances, shares, strict=True))
        _require(named, "level_distance", "at least 1 where the level has a share", distances)

    def record(self) -> np.ndarray:
        """Return the EXITS record, length 1, that the compiled path reads."""
        record = np.zeros(1, dtype=EXITS)
        for name in EXITS.names or ():
            if name.endswith("_ns"):
                record[name] = getattr(self, name.removesuffix("_ns") + "_ms") * MILLISECOND_NS
            else:
                record[name] = getattr(self, name)
        return record


def _require(holds: bool, key: str, expected: str, found: object) -> None:
    if not holds:
        raise ConfigError(f"{key}: expected {expected}, found {found}; correct this setting")


@kernel
def choose_exits(exits: np.void, policy: np.void, strategy: int, cost: int) -> None:
    """Set the stop's limit, targets in parts, breakeven and trailing as a row of the policy has them; zero for none.

    Parameters
    ----------
    exits : EXITS record
    policy : POLICY record
    strategy : int
        Strategy, not NONE.
    cost : int
        Ticks that a stop at the entry's price adds to it, at least 0.
    """
    place = strategy - 1
    for level in range(LEVELS - 1):
        exits["level_distance"][level] = policy["partial_ticks"][place, level]
        exits["level_percent"][level] = math.floor(100.0 * policy["partial_shares"][place, level] + 0.5)
    exits["breakeven"] = policy["breakeven_ticks"][place]
    exits["trail_after"] = policy["trail_activation_ticks"][place]
    exits["trail_distance"] = policy["trail_distance_ticks"][place]
    exits["trail_percent"] = _percent_of(policy["trail_tightening"][place])
    exits["trail_high"] = _percent_of(policy["trail_factors"][0])
    exits["trail_low"] = _percent_of(policy["trail_factors"][1])
    exits["trail_against"] = _percent_of(policy["trail_factors"][2])
    exits["trail_decay"] = math.floor(100.0 * policy["trail_decay"] + 0.5)
    exits["trail_tightest_after"] = policy["trail_tightest_ticks"]
    exits["limit_offset"] = policy["stop_limit_ticks"]
    exits["cost"] = cost


@kernel
def _percent_of(factor: float) -> int:
    """Return a factor in per cent, 100 for one that is not in force."""
    percent = math.floor(100.0 * factor + 0.5)
    return percent if percent > 0 else 100


@kernel
def plan_levels(exits: np.void, quantity: int, plan: np.ndarray) -> None:
    """Split a quantity over the target levels by largest remainder, the farther level first on a tie.

    Parameters
    ----------
    exits : EXITS record
    quantity : int
        At least 1; a single contract belongs to the last level.
    plan : ndarray of int32, shape (LEVELS,)
        Where the contracts of each level are written; they add to the quantity.
    """
    for level in range(LEVELS):
        plan[level] = 0
    if quantity == 1:
        plan[LEVELS - 1] = 1
        return
    rest = quantity
    for level in range(LEVELS):
        plan[level] = quantity * _percent(exits, level) // 100
        rest -= plan[level]
    # Fewer contracts than levels are left, one for each of the largest remainders.
    last = -1
    for _ in range(rest):
        best, largest = -1, -1
        for level in range(LEVELS - 1, -1, -1):
            remainder = quantity * _percent(exits, level) % 100
            if level != last and remainder > largest:
                best, largest = level, remainder
        plan[best] += 1
        last = best


@kernel
def _percent(exits: np.void, level: int) -> int:
    """Return the share of a level; the last one has what the others leave."""
    shares = exits["level_percent"]
    return int(shares[level]) if level < LEVELS - 1 else 100 - int(shares[0]) - int(shares[1])


@kernel
def level_price(exits: np.void, entry: np.void, entry_price: int, level: int) -> int:
    """Return where the target of a level stands; `entry` is the entry's ORDER record."""
    last = level == LEVELS - 1
    distance = int(entry["target_distance"]) if last else int(exits["level_distance"][level])
    return int(entry_price + int(entry["side"]) * distance)


@kernel
def limit_price(exits: np.void, side: int, stop_price: int) -> int:
    """Return the limit of the stop of a position on `side`; 0 where the stop is one at market."""
    return int(stop_price - side * exits["limit_offset"]) if exits["limit_offset"] > 0 else 0
