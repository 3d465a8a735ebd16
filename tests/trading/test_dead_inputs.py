"""An input that stands still while the market moves stops decisions, from the bar counted on paper.

The volume of every bar is 100, so `relative_volume_5` is NaN for four bars and 1 from the fifth (row 4) on. Row 5 is
the first that repeats it while the price moves, so the 200th is row 204.
"""

from datetime import date, timedelta

import numpy as np

from features.monitor import DEAD_AFTER, NEVER, Band, open_band
from features.schema import FeatureSchema
from market.instruments import FUTURES
from tests.factories import MINUTE_NS, make_bar, make_constant_forest, make_model, make_session
from tests.features.test_feature_parity import ListFeed
from tests.trading.scenarios import COSTS, WARM, feed_trader, ladder
from trading.core import new_desk
from trading.paper import Trader, begin_session, new_trader, paper_bars, paper_begin, run_session
from trading.policy import RiskLimits, StrategyParams
from trading.records import HoldReason, OrderRole, decision_hash

SCHEMA = FeatureSchema("test", ("returns_1", "relative_volume_5"), MINUTE_NS, 0)
DEAD_FROM = 204
LENGTH = 230


def band_of(returns: int, volume: int) -> Band:
    return open_band(2)._replace(dead_after=np.array([returns, volume]))


def begun(band: Band, schema: FeatureSchema = SCHEMA) -> Trader:
    model = make_model(schema, make_constant_forest(2, 0.9), (), StrategyParams(require_agents=False, cooldown_bars=0))
    trader = new_trader(schema, model._replace(band=band), new_desk(RiskLimits(), FUTURES["WIN"], COSTS))
    trader.feed_kind = "bars"
    paper_begin(trader.core, trader.venue, make_session(540)[0], False)
    return trader


def bars_of(volumes: dict[int, int] | None = None) -> list[np.ndarray]:
    return [make_bar(k, ladder(k), (volumes or {}).get(k, 100)) for k in range(LENGTH)]


def dead_rows(trader: Trader) -> list[int]:
    return np.flatnonzero(trader.decisions["reason"] == HoldReason.DEAD_INPUT).tolist()


def test_decisions_stop_at_the_two_hundredth_repetition_and_not_before() -> None:
    trader, free = begun(band_of(DEAD_AFTER, DEAD_AFTER)), begun(band_of(NEVER, NEVER))
    for one in (trader, free):
        feed_trader(one, bars_of())
    assert dead_rows(trader) == list(range(DEAD_FROM, LENGTH))
    assert not dead_rows(free)
    assert trader.decisions[:DEAD_FROM].tobytes() == free.decisions[:DEAD_FROM].tobytes()
    assert (trader.decisions["reason"][WARM:DEAD_FROM] == HoldReason.SIGNAL).sum() > 2
    assert (free.decisions["reason"][DEAD_FROM:] == HoldReason.SIGNAL).any()
    assert not trader.decisions["side"][DEAD_FROM:].any()


def test_first_input_of_a_model_may_be_the_dead_one() -> None:
    turned = begun(band_of(DEAD_AFTER, NEVER), FeatureSchema("test", SCHEMA.columns[::-1], MINUTE_NS, 0))
    feed_trader(turned, bars_of())
    assert dead_rows(turned) == list(range(DEAD_FROM, LENGTH))


def test_a_single_input_that_is_not_warm_holds() -> None:
    """The ratio wants 200 bars; ATR and regime are known long before."""
    trader = begun(
        band_of(NEVER, NEVER), FeatureSchema("test", ("returns_1", "volatility_ratio_100_200"), MINUTE_NS, 0)
    )
    feed_trader(trader, bars_of())
    assert set(trader.decisions["reason"][:199].tolist()) == {HoldReason.NOT_WARM}
    assert trader.decisions["reason"][199] == HoldReason.SIGNAL


def test_open_position_is_still_managed() -> None:
    trader = begun(band_of(DEAD_AFTER, DEAD_AFTER))
    feed_trader(trader, bars_of())
    entries = (trader.fills["role"] == OrderRole.ENTRY).sum()
    assert len(trader.fills) == 2 * entries
    assert trader.account[0]["position"] == 0


def test_input_that_moves_again_lets_decisions_go_on() -> None:
    trader = begun(band_of(DEAD_AFTER, DEAD_AFTER))
    feed_trader(trader, bars_of({DEAD_FROM + 6: 300}))
    assert dead_rows(trader) == list(range(DEAD_FROM, DEAD_FROM + 6))


def test_what_stood_still_in_training_stops_nothing() -> None:
    trader = begun(band_of(DEAD_AFTER, NEVER))
    feed_trader(trader, bars_of())
    assert not dead_rows(trader)


def test_market_that_stands_still_itself_is_no_dead_input() -> None:
    trader = begun(band_of(DEAD_AFTER, DEAD_AFTER))
    feed_trader(trader, [make_bar(k, (10_000, 10_001, 9_999, 10_000)) for k in range(LENGTH)])
    assert not dead_rows(trader)


def test_one_compiled_loop_decides_the_same_bits() -> None:
    stepped, looped = begun(band_of(DEAD_AFTER, DEAD_AFTER)), begun(band_of(DEAD_AFTER, DEAD_AFTER))
    feed_trader(stepped, bars_of())
    paper_bars(looped.core, looped.venue, np.concatenate(bars_of()))
    assert dead_rows(looped)
    assert decision_hash(stepped.decisions) == decision_hash(looped.decisions)


class ShortSessions(ListFeed):
    """Sixty bars a session of one price each, of an instrument that does not expire; `range_pct` is always 0."""

    continuous = False
    root = "WIN"

    def is_last_session(self, _day: date) -> bool:
        return False

    def last_trade_session(self, _day: date) -> None:
        return None

    def blackouts(self, _day: date) -> np.ndarray:
        return np.zeros((0, 2), dtype=np.int64)


DAYS = [date(2026, 6, 1) + timedelta(days=k) for k in range(5)]
SHORT = FeatureSchema("test", ("returns_1", "range_pct"), MINUTE_NS, 3)
DEAD_IN_SESSION = DEAD_AFTER - 3 * 60  # row 0 of the preload is the first 0, row 1 repeats it


def short_sessions() -> ShortSessions:
    bars = [np.concatenate([make_bar(k, (10_000 + 60 * day + k,) * 4) for k in range(60)]) for day in range(5)]
    return ShortSessions(DAYS, [make_session(60)] * 5, bars, MINUTE_NS, "bars")


def short_trader() -> Trader:
    model = make_model(SHORT, make_constant_forest(2, 0.9), (), StrategyParams(require_agents=False))
    model = model._replace(band=band_of(DEAD_AFTER, DEAD_AFTER))
    return new_trader(SHORT, model, new_desk(RiskLimits(), FUTURES["WIN"]))


def test_sessions_of_sixty_bars_tell_a_dead_input_too() -> None:
    trader = short_trader()
    run_session(trader, short_sessions(), DAYS[3])
    assert dead_rows(trader) == list(range(DEAD_IN_SESSION, 60))


def test_a_session_depends_on_its_preload_and_itself_alone() -> None:
    """Whatever the monitor saw before: a runner started today decides the same."""
    seasoned, fresh = short_trader(), short_trader()
    for day in DAYS[1:]:
        run_session(seasoned, short_sessions(), day)
    begin_session(fresh, short_sessions(), DAYS[4])
    feed_trader(fresh, [bar[None] for bar in short_sessions().load(DAYS[4])])
    assert dead_rows(seasoned) == dead_rows(fresh) == list(range(DEAD_IN_SESSION, 60))
    assert decision_hash(seasoned.decisions) == decision_hash(fresh.decisions)
