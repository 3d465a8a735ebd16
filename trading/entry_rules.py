"""What the policy asks of an entry besides its side (signals.md §7, §9), and the exit with the end of a trend."""

import numpy as np

from features.pipeline import atr_ticks
from features.state import FeatureState
from market.kernel import kernel
from market.types import Regime
from trading.bracket import flatten
from trading.consensus import concord
from trading.desk import ORDERS, Desk
from trading.records import HoldReason, OrderRole, OrderState
from trading.setups import near_average, range_distances
from trading.strategy import bracket_distances

_ENTRY, _REJECTED = int(OrderRole.ENTRY), int(OrderState.REJECTED)
_UP, _DOWN, _RANGE = int(Regime.TREND_UP), int(Regime.TREND_DOWN), int(Regime.RANGE)
_SIGNAL, _DISCORD, _UNSURE = int(HoldReason.SIGNAL), int(HoldReason.DISCORD), int(HoldReason.UNSURE)


@kernel
def hold_by_agreement(policy: np.void, decision: np.void) -> int:
    """Return why model and agents are not enough of one mind, or SIGNAL."""
    regime_now = int(decision["regime"])
    if decision["confidence"] < policy["least_confidence"][regime_now - 1]:
        return _UNSURE
    if policy["concordance"] and not concord(
        policy, regime_now, decision["model_score"], decision["agent_score"], decision["agents_sure"]
    ):
        return _DISCORD
    return _SIGNAL


@kernel
def entry_distances(state: FeatureState, policy: np.void, regime_now: int, side: int) -> tuple[int, int]:
    """Return stop and target distance, (0, 0) where the price is not where the policy enters this regime."""
    if regime_now == _RANGE and policy["range_levels"]:
        return range_distances(state, side)
    beyond = policy["trend_entry_atr"]
    if regime_now != _RANGE and beyond > 0.0 and not near_average(state, side, beyond):
        return 0, 0
    return bracket_distances(policy, regime_now, atr_ticks(state))


@kernel
def regime_entries(desk: Desk, regime_now: int) -> int:
    """Return how many entries of the session, refused ones aside, were decided in a regime."""
    count = 0
    for place in range(desk.counts[ORDERS]):
        order = desk.orders[place]
        if order["role"] == _ENTRY and order["state"] != _REJECTED:
            count += desk.decisions[order["decision"]]["regime"] == regime_now
    return count


@kernel
def exit_by_regime(desk: Desk, policy: np.void, regime_now: int) -> None:
    """Flatten a position of a trend that is no longer in force, where it shows profit enough."""
    account, least = desk.account[0], policy["regime_exit_ticks"]
    if account["position"] == 0 or least == 0:
        return
    entered = desk.decisions[account["entry_decision"]]["regime"]
    in_trend = entered in (_UP, _DOWN)
    side = 1 if account["position"] > 0 else -1
    if in_trend and regime_now != entered and side * (account["mark"] - account["entry_price"]) > least:
        flatten(desk)
