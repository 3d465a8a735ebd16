"""From a score to a side, a bracket and a quantity (signals.md §9). Distances are ticks."""

import math

import numpy as np

from market.kernel import kernel
from market.types import Regime, Side
from trading.records import HoldReason

_UP, _DOWN, _RANGE = int(Regime.TREND_UP), int(Regime.TREND_DOWN), int(Regime.RANGE)
_BUY, _SELL = int(Side.BUY), int(Side.SELL)
_SIGNAL, _BELOW, _AGAINST = int(HoldReason.SIGNAL), int(HoldReason.BELOW_THRESHOLD), int(HoldReason.AGAINST_REGIME)
_RANGE_OFF = int(HoldReason.RANGE_OFF)


@kernel
def choose_side(policy: np.void, regime: int, score: float) -> tuple[int, int]:
    """Return the side a score asks for and the HoldReason; the side counts only with SIGNAL.

    Parameters
    ----------
    policy : POLICY record
    regime : int
        Not UNDEFINED.
    score : float
        D, not NaN.
    """
    side = _BUY if score > 0.0 else _SELL
    if abs(score) < policy["theta"][regime - 1] or score == 0.0:
        return side, _BELOW
    if regime == _RANGE and not policy["trade_range"]:
        return side, _RANGE_OFF
    against = (regime == _UP and side == _SELL) or (regime == _DOWN and side == _BUY)
    if against and policy["with_trend_only"]:
        return side, _AGAINST
    return side, _SIGNAL


@kernel
def bracket_distances(policy: np.void, regime: int, atr: float) -> tuple[int, int]:
    """Return stop and target distance in whole ticks, halves rounded up.

    The stop is at least `min_stop_ticks` away, the target 1 tick and `min_reward_risk` stop distances.

    Parameters
    ----------
    policy : POLICY record
    regime : int
        Not UNDEFINED.
    atr : float
        ATR14 in ticks, finite; the policy's table of ticks needs none.
    """
    stop, target = int(policy["stop_ticks"][regime - 1]), int(policy["target_ticks"][regime - 1])
    if stop == 0:
        stop = math.floor(policy["stop_atr"][regime - 1] * atr + 0.5)
        target = math.floor(policy["target_atr"][regime - 1] * atr + 0.5)
    stop = max(stop, int(policy["min_stop_ticks"]))
    return stop, max(target, 1, math.ceil(policy["min_reward_risk"] * stop))


@kernel
def size_position(limits: np.void, terms: np.void, stop_distance: int, share: float) -> int:
    """Return the contracts whose stop loses at most a share of the risk per trade: whole lots, maybe 0.

    Parameters
    ----------
    limits, terms : LIMITS and TERMS records
    stop_distance : int
        Ticks, at least 1.
    share : float
        In (0, 1].
    """
    risk = limits["capital_reais"] * limits["risk_per_trade"]
    affordable = math.floor(share * risk / (stop_distance * terms["tick_value"]))
    quantity = min(int(affordable), int(limits["max_position"]), int(limits["max_order_quantity"]))
    return quantity - quantity % int(terms["lot"])


@kernel
def nearest_target(limits: np.void, stop_distance: int) -> int:
    """Return the nearest target that pays for the risk of a stop, whole ticks."""
    return math.ceil(float(limits["min_reward_risk"]) * stop_distance)
