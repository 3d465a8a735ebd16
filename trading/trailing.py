"""The stop that follows the price (signals.md §10); what the text leaves open stands in docs/decisions/0006.

A distance is hundredths of a tick, and whatever takes a part of it leaves whole hundredths, rounded down.
"""

import numpy as np

from features.catalogue import index_of
from features.state import FeatureState
from market.kernel import kernel
from trading.agents import EXPANDING

TEN_MINUTES_NS = 600_000_000_000

_DEVIATIONS, _MOMENTUM = index_of("volatility_ratio_5_20"), index_of("momentum_5_20")


@kernel
def watch_moves(market: np.void, state: FeatureState) -> None:
    """Note whether the last bars deviate more or less than usual, and which way their momentum goes; 0 where unknown.

    Parameters
    ----------
    market : MARKET record
    state : FeatureState
        At a closed bar.
    """
    deviations, momentum = state.scratch[_DEVIATIONS], state.scratch[_MOMENTUM]
    market["volatility"] = int(deviations > EXPANDING) - int(deviations < 1.0 / EXPANDING)
    market["momentum"] = int(momentum > 0.0) - int(momentum < 0.0)


@kernel
def move_stop(exits: np.void, bracket: np.void, market: np.void, entry_price: int, mark: int) -> None:
    """Write where the stop should stand now: to the entry's price first, then behind the best price.

    It moves only in favour, by whole ticks, behind the market, and not more often than `step_ns`; behind the best
    price only at the moment when that is a new one, and not before the entry's price is due.
    """
    side, stop, now_ns = int(bracket["side"]), int(bracket["stop_price"]), int(market["now_ns"])
    fresh = side * (mark - bracket["extreme"]) > 0
    if fresh:
        bracket["extreme"] = mark
    profit = side * (bracket["extreme"] - entry_price)
    saves = bracket["levels"] >= 1 or (exits["breakeven"] > 0 and profit >= exits["breakeven"])
    best = stop
    if saves:
        even = entry_price + side * exits["cost"]
        if side * (mark - even) >= 1:
            best = side * max(side * best, side * even)
    if fresh and (saves or exits["breakeven"] == 0) and _follows(exits, bracket, profit):
        behind = _distance(exits, bracket, market, profit)
        best = side * max(side * best, side * (mark - side * behind))
        bracket["trail"] = max(100 * exits["trail_nearest"], bracket["trail"] * exits["trail_percent"] // 100)
    patient = bracket["moved_ns"] == 0 or now_ns - bracket["moved_ns"] >= exits["step_ns"]
    if patient and side * (best - stop) >= 1:
        bracket["stop_price"] = best
        bracket["moved_ns"] = now_ns


@kernel
def _follows(exits: np.void, bracket: np.void, profit: int) -> bool:
    """Tell whether the stop may follow: after two levels, or at the profit that is named."""
    reached = exits["trail_after"] > 0 and profit >= exits["trail_after"]
    return bool(exits["trail_distance"] > 0 and (bracket["levels"] >= 2 or reached))


@kernel
def _distance(exits: np.void, bracket: np.void, market: np.void, profit: int) -> int:
    """Return how many ticks the stop stands behind the best price now, halves rounded up."""
    nearest, farthest = int(exits["trail_nearest"]), int(exits["trail_farthest"])
    if 0 < exits["trail_tightest_after"] < profit:
        return nearest
    distance = int(bracket["trail"])
    if market["volatility"] > 0:
        distance = distance * exits["trail_high"] // 100
    elif market["volatility"] < 0:
        distance = distance * exits["trail_low"] // 100
    if int(bracket["side"]) * int(market["momentum"]) < 0:
        distance = distance * exits["trail_against"] // 100
    spans = (market["now_ns"] - bracket["opened_ns"]) // TEN_MINUTES_NS
    distance = distance * max(0, 100 - exits["trail_decay"] * spans) // 100
    return int(min(max((distance + 50) // 100, nearest), farthest))
