"""From a score to a side, a bracket and a quantity (signals.md §9, §10). Distances are ticks."""

import math

import numpy as np

from market.kernel import kernel
from market.types import Regime, Side
from trading.budget import drawdown, session_wins
from trading.records import HoldReason, Strategy

HOUR_NS = 3_600_000_000_000
BEHIND_UTC = 3  # hours; São Paulo has kept them since 2019

_UP, _DOWN, _RANGE = int(Regime.TREND_UP), int(Regime.TREND_DOWN), int(Regime.RANGE)
_BUY, _SELL = int(Side.BUY), int(Side.SELL)
_SIGNAL, _BELOW, _AGAINST = int(HoldReason.SIGNAL), int(HoldReason.BELOW_THRESHOLD), int(HoldReason.AGAINST_REGIME)
_RANGE_OFF = int(HoldReason.RANGE_OFF)
_VOLATILE = int(Strategy.VOLATILE)
_WHOLE = 1e-9  # below a whole contract by less than this is rounding


@kernel
def choose_side(policy: np.void, regime: int, strategy: int, score: float) -> tuple[int, int]:
    """Return the side a score asks for and the HoldReason; the side counts only with SIGNAL.

    Parameters
    ----------
    policy : POLICY record
    regime, strategy : int
        Not UNDEFINED. The volatile row asks for the regime's theta and its own shift.
    score : float
        D, not NaN.
    """
    side = _BUY if score > 0.0 else _SELL
    theta = policy["theta"][regime - 1]
    if strategy == _VOLATILE:
        theta = min(max(theta + policy["volatile_shift"], 0.0), 1.0)
    if abs(score) < theta or score == 0.0:
        return side, _BELOW
    if regime == _RANGE and not policy["trade_range"]:
        return side, _RANGE_OFF
    against = (regime == _UP and side == _SELL) or (regime == _DOWN and side == _BUY)
    if against and policy["with_trend_only"]:
        return side, _AGAINST
    return side, _SIGNAL


@kernel
def bracket_distances(
    policy: np.void, strategy: int, atr: float, sure: float, now_ns: int, move: float
) -> tuple[int, int]:
    """Return stop and target distance in whole ticks, halves rounded up.

    The stop is at least `min_stop_ticks` away, the target 1 tick, `min_reward_risk` stop distances and the move.

    Parameters
    ----------
    policy : POLICY record
    strategy : int
        Strategy, not NONE.
    atr : float
        ATR14 in ticks, finite; the policy's tables of ticks need none.
    sure : float
        Confidence of the decision, by which the policy's ladder has its steps.
    now_ns : int
        By whose hour the distances are multiplied.
    move : float
        Ticks that the target is away at least; NaN for none.
    """
    stop, target = float(policy["stop_ticks"][strategy - 1]), float(policy["target_ticks"][strategy - 1])
    if policy["ladder_stop_ticks"][0] > 0:
        step = 0
        while step < policy["ladder_confidence"].size and sure < policy["ladder_confidence"][step]:
            step += 1
        stop, target = float(policy["ladder_stop_ticks"][step]), float(policy["ladder_target_ticks"][step])
    elif stop == 0.0:
        stop, target = policy["stop_atr"][strategy - 1] * atr, policy["target_atr"][strategy - 1] * atr
    factor = policy["hour_factor"][(now_ns // HOUR_NS - BEHIND_UTC) % 24]
    away = max(math.floor(factor * stop + 0.5), int(policy["min_stop_ticks"]))
    least = max(1, math.ceil(policy["min_reward_risk"] * away))
    if move > least:
        least = math.ceil(move)
    return int(away), int(max(math.floor(factor * target + 0.5), least))


@kernel
def size_position(limits: np.void, terms: np.void, stop_distance: int, share: float, cap: float) -> int:
    """Return the contracts whose stop loses at most a share of the risk per trade: whole lots, maybe 0.

    Parameters
    ----------
    limits, terms : LIMITS and TERMS records
    stop_distance : int
        Ticks, at least 1.
    share : float
        In (0, 1].
    cap : float
        Most that the stop may lose in any case, as a fraction of capital.
    """
    risk = share * (limits["capital_reais"] * limits["risk_per_trade"])
    risk = min(risk, cap * limits["capital_reais"])
    affordable = math.floor(risk / (stop_distance * terms["tick_value"]))
    quantity = min(int(affordable), int(limits["max_position"]), int(limits["max_order_quantity"]))
    return quantity - quantity % int(terms["lot"])


@kernel
def scale_quantity(policy: np.void, budget: np.void, capital_reais: float, lot: int, quantity: int) -> int:
    """Return what drawdown and a losing session leave of an entry's contracts: whole lots, maybe 0.

    Parameters
    ----------
    policy, budget : POLICY and BUDGET records
    capital_reais : float
    lot, quantity : int
        Contracts.
    """
    factor = 1.0
    if drawdown(budget, capital_reais) > policy["drawdown"]:
        factor *= policy["drawdown_multiplier"]
    wins, losses = session_wins(budget)
    if losses > wins + policy["losses_above_wins"]:
        factor *= policy["losses_multiplier"]
    left = math.floor(factor * quantity + _WHOLE)
    return int(left - left % lot)


@kernel
def nearest_target(limits: np.void, stop_distance: int) -> int:
    """Return the nearest target that pays for the risk of a stop, whole ticks."""
    return math.ceil(float(limits["min_reward_risk"]) * stop_distance)
