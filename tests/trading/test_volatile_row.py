"""The volatile row laid over a regime: what it changes, by hand, on bars of the ladder.

Its returns are all alike, so that σ of 30 of them is near 0: a percentile of 0 makes each minute volatile, and one of 1
none. The stop of the row is 3 ATR of 4 ticks, the target 9.
"""

import math

import numpy as np
import pytest

from features.bars import return_deviation
from features.layout import BARS_SEEN, CANDIDATE, REGIME
from market.types import Regime
from tests.factories import OPEN_NS, make_bar
from tests.trading.scenarios import WARM, build_trader, build_warm, feed_trader, ladder
from trading.desk import find_live
from trading.paper import Trader
from trading.policy import RiskLimits, StrategyParams
from trading.records import HoldReason, OrderRole, Strategy
from trading.strategy import choose_side
from trading.strategy_options import VolatileParams
from trading.strategy_params import ConcordanceParams, ManagedExits
from trading.usual import MINUTE_NS, MINUTES

ROW = VolatileParams(used=True, stop_atr=3.0, target_atr=9.0)
UP, RANGE, VOLATILE = int(Regime.TREND_UP), int(Regime.RANGE), int(Strategy.VOLATILE)


def _warm(row: VolatileParams = ROW, usual: float = 0.0, mirrored: bool = False, **settings: object) -> Trader:
    """Return a warm trader for whom so much deviation is usual at each minute."""
    limits = settings.pop("limits", None)
    strategy = StrategyParams(require_agents=False, volatile=row, **settings)  # type: ignore[arg-type]
    trader = build_warm(mirrored, strategy=strategy, limits=limits)
    trader.core.model.usual.sigma[:] = usual
    return trader


def _decide(trader: Trader, mirrored: bool = False, bars: int = 1) -> np.void:
    seen = len(trader.decisions)
    feed_trader(trader, [make_bar(seen + k, ladder(seen + k, mirrored)) for k in range(bars)])
    return trader.decisions[-1]  # type: ignore[no-any-return]


def _minute(number: int) -> int:
    """Return the minute of the day at which a bar of the session closes."""
    return (OPEN_NS // MINUTE_NS + number + 1) % MINUTES


def test_deviation_is_that_of_the_last_thirty_returns() -> None:
    trader = build_trader()
    for minute in range(29):
        feed_trader(trader, [make_bar(minute, ladder(minute))])
        assert math.isnan(return_deviation(trader.core.features.floats, trader.core.features.ints))
    feed_trader(trader, [make_bar(29, ladder(29)), make_bar(30, (10_100, 10_101, 10_099, 10_100))])
    closes = [10_000 + 2 * minute + 2 for minute in range(30)] + [10_100]
    returns = np.diff(np.log(closes))
    found = return_deviation(trader.core.features.floats, trader.core.features.ints)
    assert found == pytest.approx(returns.std(), rel=1e-9)
    assert len(returns) == 30


@pytest.mark.parametrize("mirrored", [False, True])
def test_volatile_minute_has_its_own_bracket_and_is_on_record(mirrored: bool) -> None:
    calm, wild = _decide(_warm(usual=1.0, mirrored=mirrored), mirrored), _decide(_warm(mirrored=mirrored), mirrored)
    assert calm["regime"] == wild["regime"] == (Regime.TREND_DOWN if mirrored else Regime.TREND_UP)
    assert (calm["strategy"], calm["stop_distance"], calm["target_distance"]) == (calm["regime"], 8, 12)
    assert (wild["strategy"], wild["stop_distance"], wild["target_distance"]) == (Strategy.VOLATILE, 12, 36)
    assert calm["reason"] == wild["reason"] == HoldReason.SIGNAL


@pytest.mark.parametrize(
    ("usual", "used", "strategy"),
    [(0.0, True, Strategy.VOLATILE), (0.0, False, Strategy.TREND_UP), (math.nan, True, Strategy.TREND_UP)],
)
def test_row_needs_to_be_used_and_its_percentile_known(usual: float, used: bool, strategy: Strategy) -> None:
    assert _decide(_warm(VolatileParams(used=used), usual))["strategy"] == strategy


def test_percentile_is_that_of_the_minute_of_the_decision() -> None:
    for minute, strategy in ((WARM, Strategy.VOLATILE), (WARM + 1, Strategy.TREND_UP)):
        trader = _warm(usual=1.0)
        trader.core.model.usual.sigma[_minute(minute)] = 0.0
        assert _decide(trader)["strategy"] == strategy


def test_no_regime_is_no_row() -> None:
    trader = _warm()
    assert not trader.decisions["strategy"][: WARM - 1].any()
    trader.core.features.ints[REGIME] = trader.core.features.ints[CANDIDATE] = Regime.UNDEFINED
    trader.core.features.ints[BARS_SEEN] = 100  # an ATR, but no regime yet
    decision = _decide(trader)
    assert (decision["strategy"], decision["reason"]) == (Strategy.NONE, HoldReason.REGIME_UNDEFINED)


@pytest.mark.parametrize(
    ("shift", "score", "reason"),
    [
        (0.10, 0.39, HoldReason.BELOW_THRESHOLD),
        (0.10, 0.41, HoldReason.SIGNAL),
        (-0.10, 0.21, HoldReason.SIGNAL),
        (-0.50, 0.01, HoldReason.SIGNAL),  # 0, not below
        (0.90, 0.99, HoldReason.BELOW_THRESHOLD),
        (0.90, 1.00, HoldReason.SIGNAL),  # 1, not beyond
    ],
)
def test_row_asks_for_the_threshold_of_the_regime_and_its_shift(shift: float, score: float, reason: HoldReason) -> None:
    policy = StrategyParams(theta=(0.3, 0.9, 0.9), volatile=VolatileParams(confidence_shift=shift)).record()[0]
    assert choose_side(policy, UP, VOLATILE, score) == (1, reason)
    assert choose_side(policy, UP, UP, 0.3) == (1, HoldReason.SIGNAL)


def test_row_keeps_to_what_the_regime_allows() -> None:
    policy = StrategyParams(theta=(0.1,) * 3, trade_range=False).record()[0]
    assert choose_side(policy, UP, VOLATILE, -0.9)[1] == HoldReason.AGAINST_REGIME
    assert choose_side(policy, RANGE, VOLATILE, 0.9)[1] == HoldReason.RANGE_OFF


@pytest.mark.parametrize(
    ("row", "settings", "reason"),
    [
        # The model alone is sure by 0.88 (test_entry_rules); 0.8 is the most that is asked for.
        (ROW, {"min_confidence": 0.78}, HoldReason.SIGNAL),
        (VolatileParams(used=True, trades_per_day=0), {}, HoldReason.REGIME_LIMIT),
        (ROW, {"trades_per_day": (0, 0, 0)}, HoldReason.SIGNAL),
        (VolatileParams(used=True, size_multiplier=1e-6), {}, HoldReason.SIZE_ZERO),
        (ROW, {"concordance": ConcordanceParams(required=True)}, HoldReason.DISCORD),
    ],
)
def test_row_asks_what_the_others_ask(row: VolatileParams, settings: dict[str, object], reason: HoldReason) -> None:
    assert _decide(_warm(row, **settings))["reason"] == reason


def test_unsure_decision_holds_in_a_volatile_minute_alone() -> None:
    # p = 0.7 is sure by 0.64; the row asks for 0.55 + 0.10, the trend for 0.55 - 0.05.
    for usual, reason in ((0.0, HoldReason.UNSURE), (1.0, HoldReason.SIGNAL)):
        trader = _warm(usual=usual, min_confidence=0.55, theta=(0.2, 0.2, 0.2))
        trader.core.model.calibration_p[:] = 0.7
        assert _decide(trader)["reason"] == reason


def test_size_of_the_row_is_a_share_of_the_risk() -> None:
    # R$ 40 of risk: a stop of 12 ticks at R$ 1 takes three contracts, half the risk one.
    limits = RiskLimits(
        risk_per_trade=0.0004, max_position=9, max_order_quantity=9, max_order_reais=1e6, max_exposure_reais=1e6
    )
    full = VolatileParams(used=True, stop_atr=3.0, target_atr=9.0, size_multiplier=1.0)
    assert _decide(_warm(full, limits=limits))["quantity"] == 3
    assert _decide(_warm(limits=limits))["quantity"] == 1


def test_each_row_counts_its_own_entries() -> None:
    row = VolatileParams(used=True, stop_atr=9.0, target_atr=20.0, trades_per_day=1)
    settings = {"cooldown_bars": 0, "max_hold_bars": 1, "stop_atr": (9.0,) * 3, "target_atr": (20.0,) * 3}
    trader = _warm(row, trades_per_day=(2, 10, 10), **settings)
    for minute in range(WARM + 6, WARM + 20):
        trader.core.model.usual.sigma[_minute(minute)] = 1.0  # the first six minutes alone are volatile
    _decide(trader, bars=20)
    entered = trader.decisions[trader.decisions["side"] != 0]["strategy"].tolist()
    assert entered == [Strategy.VOLATILE, Strategy.TREND_UP, Strategy.TREND_UP]


def test_position_is_managed_as_the_row_says() -> None:
    limits = RiskLimits(max_position=5, max_order_quantity=5, max_order_reais=1e6, max_exposure_reais=1e6)
    trader = _warm(limits=limits, exits=ManagedExits(managed=True))
    _decide(trader, bars=2)
    entry = int(trader.account[0]["entry_price"])
    targets = trader.orders[trader.orders["role"] == OrderRole.TARGET]
    found = sorted((int(one["price"]) - entry, int(one["quantity"])) for one in targets)
    assert found == [(20, 2), (36, 2), (60, 1)]  # five contracts at 40, 40 and 20 per cent
    names = ["breakeven", "trail_after", "trail_distance", "trail_percent"]
    assert trader.core.desk.exits[0][names].item() == (30, 10, 12, 100)


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize(
    ("before", "after", "leaves"), [(1.0, 0.0, True), (1.0, 1.0, False), (0.0, 0.0, False), (0.0, 1.0, False)]
)
def test_trade_of_a_trend_ends_where_it_turns_volatile(
    before: float, after: float, leaves: bool, mirrored: bool
) -> None:
    trader = _warm(usual=before, mirrored=mirrored, regime_exit_ticks=1)
    _decide(trader, mirrored, bars=2)
    trader.core.model.usual.sigma[:] = after
    side = -1 if mirrored else 1
    close = int(trader.account[0]["entry_price"]) + 3 * side
    feed_trader(trader, [make_bar(WARM + 2, (close, close, close, close))])
    assert trader.decisions["regime"][-1] == trader.decisions["regime"][-2]
    assert (find_live(trader.core.desk, OrderRole.FLATTEN, 0) >= 0) is leaves
