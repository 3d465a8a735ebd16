"""What the policy asks of an entry besides its side (signals.md §7, §9), and the exit with the end of a trend."""

import math

import numpy as np

from features.bars import return_deviation
from features.layout import NOW_NS
from features.pipeline import atr_ticks, last_close, regime
from features.state import FeatureState
from market.kernel import kernel
from market.types import Regime
from trading.bracket import flatten
from trading.consensus import concord
from trading.desk import ORDERS, Desk
from trading.records import HoldReason, OrderRole, OrderState, Strategy
from trading.setups import near_average, range_distances
from trading.strategy import bracket_distances
from trading.usual import Usual, is_volatile

_ENTRY, _REJECTED = int(OrderRole.ENTRY), int(OrderState.REJECTED)
_UP, _DOWN, _RANGE = int(Regime.TREND_UP), int(Regime.TREND_DOWN), int(Regime.RANGE)
_UNDEFINED, _VOLATILE = int(Regime.UNDEFINED), int(Strategy.VOLATILE)
_SIGNAL, _DISCORD, _UNSURE = int(HoldReason.SIGNAL), int(HoldReason.DISCORD), int(HoldReason.UNSURE)
_AMBIGUOUS = int(HoldReason.AMBIGUOUS)


@kernel
def find_strategy(policy: np.void, usual: Usual, state: FeatureState) -> int:
    """Return the row of the policy that applies: the regime's, or the volatile one over any regime but UNDEFINED."""
    found = regime(state)
    if found != _UNDEFINED and policy["volatile"]:
        deviation = return_deviation(state.floats, state.ints)
        return _VOLATILE if is_volatile(usual, deviation, state.ints[NOW_NS]) else found
    return found


@kernel
def hold_by_agreement(policy: np.void, decision: np.void) -> int:
    """Return why the model is of two minds, or model and agents are, or SIGNAL."""
    regime_now, strategy = int(decision["regime"]), int(decision["strategy"])
    if abs(decision["model_score"]) < policy["least_lean"][regime_now - 1]:
        return _AMBIGUOUS
    if decision["confidence"] < policy["least_confidence"][strategy - 1]:
        return _UNSURE
    if policy["concordance"] and not concord(
        policy, regime_now, strategy, decision["model_score"], decision["agent_score"], decision["agents_sure"]
    ):
        return _DISCORD
    return _SIGNAL


@kernel
def entry_distances(
    state: FeatureState, policy: np.void, decision: np.void, side: int, least_reward: float
) -> tuple[int, int]:
    """Return stop and target distance, (0, 0) where the price is not where the policy enters this regime.

    Where a regime is entered does not change with the volatile row, and levels of a range are no distances of a row.

    Parameters
    ----------
    state : FeatureState
    policy, decision : POLICY and DECISION records
    side : int
    least_reward : float
        Target over stop that the limits ask for.
    """
    regime_now, strategy = int(decision["regime"]), int(decision["strategy"])
    if regime_now == _RANGE and policy["range_levels"]:
        return range_distances(state, side, least_reward)
    beyond = policy["trend_entry_atr"]
    if regime_now != _RANGE and beyond > 0.0 and not near_average(state, side, beyond):
        return 0, 0
    move = policy["min_target_sigma"] * expected_move(state, policy)
    return bracket_distances(policy, strategy, atr_ticks(state), decision["confidence"], decision["ts_ns"], move)


@kernel
def expected_move(state: FeatureState, policy: np.void) -> float:
    """Return one deviation of the price over the bars a position may be held, ticks; NaN where it is not known.

    Returns of bars are taken as apart from each other: the deviation of their sum grows by the root of their number.
    """
    bars = math.sqrt(float(policy["max_hold_bars"]))
    return return_deviation(state.floats, state.ints) * bars * last_close(state)


@kernel
def entries_of(desk: Desk, strategy: int) -> int:
    """Return how many entries of the session, refused ones aside, were decided in a row of the policy."""
    count = 0
    for place in range(desk.counts[ORDERS]):
        order = desk.orders[place]
        if order["role"] == _ENTRY and order["state"] != _REJECTED:
            count += desk.decisions[order["decision"]]["strategy"] == strategy
    return count


@kernel
def exit_by_regime(desk: Desk, policy: np.void, regime_now: int, strategy: int) -> None:
    """Flatten a position of a trend that has ended or turned volatile since, where it shows profit enough."""
    account, least = desk.account[0], policy["regime_exit_ticks"]
    if account["position"] == 0 or least == 0:
        return
    entered = desk.decisions[account["entry_decision"]]
    in_trend = entered["regime"] in (_UP, _DOWN)
    over = regime_now != entered["regime"] or (strategy == _VOLATILE and entered["strategy"] != _VOLATILE)
    side = 1 if account["position"] > 0 else -1
    if in_trend and over and side * (account["mark"] - account["entry_price"]) > least:
        flatten(desk)
