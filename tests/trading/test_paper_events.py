"""The whole path on a feed of events, and whole sessions from a lake."""

from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.catalogue import Need
from features.pipeline import compute_session
from features.schema import FeatureSchema, build_schema
from market.errors import BundleRefused, UsageError
from market.instruments import FUTURES
from market.lake import Lake
from market.stream import Feed
from market.synthetic import SyntheticMarket, write_market
from market.types import Kind, Phase, Side
from tests.factories import (
    MINUTE_NS,
    OPEN_NS,
    make_book,
    make_clock,
    make_constant_forest,
    make_event,
    make_model,
    make_quote,
    make_stump,
    make_trade,
    stack,
)
from tests.trading.scenarios import COSTS, SCHEMA, WARM, build_warm, feed_trader, ladder_events, warm_original
from trading.agent_inputs import available_agents
from trading.core import new_desk
from trading.desk import REQUESTS, find_live
from trading.fills.venue import is_quiet
from trading.paper import Trader, begin_session, end_session, new_trader, paper_events, run_session, step
from trading.policy import RiskLimits, StrategyParams, VenueParams
from trading.records import BracketState, HoldReason, OrderRole, OrderState, RefusalReason, TradingState
from trading.requests import RequestKind

ENTRY, STOP, TARGET, FLATTEN = OrderRole
SIGNAL_AT = 60 * (WARM + 1)  # seconds: the close of the bar that brings the first signal
FILLED_AT = 10_340
both_ways = pytest.mark.parametrize("mirrored", [False, True])


def _pass_time(seconds: float) -> np.ndarray:
    """Return an event that only says that time has passed."""
    return make_event(Kind.EDIT, seconds)


def _signalled(mirrored: bool = False, **settings: object) -> Trader:
    trader = build_warm(mirrored, events=True, **settings)
    feed_trader(trader, ladder_events(WARM, mirrored))
    assert trader.decisions["reason"][-1] == HoldReason.SIGNAL
    return trader


def _entered(**settings: object) -> Trader:
    """Return a trader that bought one at FILLED_AT."""
    trader = _signalled(**settings)
    feed_trader(trader, [*make_book(SIGNAL_AT + 0.001, 10_339, FILLED_AT), _pass_time(SIGNAL_AT + 0.02)])
    assert trader.fills["price"].tolist() == [FILLED_AT]
    return trader


def _closing(trader: Trader) -> float:
    """Return R$ after the last fill."""
    return float(trader.account["equity"][0])


@both_ways
def test_trend_wins_its_target_on_trades_and_quotes_by_hand(mirrored: bool) -> None:
    trader = _signalled(mirrored)
    for minute in range(170, 177):
        feed_trader(trader, ladder_events(minute, mirrored))
    # In at the ask of 10 340; the first trade beyond 10 352 is the high of minute 175.
    prices = [FILLED_AT, FILLED_AT + 12]
    assert trader.fills["price"].tolist() == ([20_000 - price for price in prices] if mirrored else prices)
    assert trader.fills["role"].tolist() == [ENTRY, TARGET]
    assert trader.equity[-1] == 12.0 - 0.50
    assert trader.fills["ts_ns"][1] == OPEN_NS + (60 * 175 + 45) * 10**9


def test_entry_meets_the_venue_after_the_latency_and_its_legs_once_more_after_it() -> None:
    trader = _signalled()
    early = [*make_book(SIGNAL_AT + 0.001, 10_339, FILLED_AT), _pass_time(SIGNAL_AT + 0.0149)]
    feed_trader(trader, early)
    assert trader.fills.size == 0
    feed_trader(trader, [_pass_time(SIGNAL_AT + 0.015)])
    assert trader.fills["ts_ns"].tolist() == [OPEN_NS + SIGNAL_AT * 10**9 + 15_000_000]
    feed_trader(trader, [make_trade(SIGNAL_AT + 0.029, 10_353)])
    assert trader.fills.size == 1
    feed_trader(trader, [make_trade(SIGNAL_AT + 0.030, 10_353)])
    assert trader.fills["role"].tolist() == [ENTRY, TARGET]
    assert trader.fills["price"][1] == 10_352


def test_stop_that_comes_too_late_is_refused_and_the_position_closed_at_market() -> None:
    trader = _signalled()
    quotes = make_book(SIGNAL_AT + 0.001, 10_339, FILLED_AT)
    late = [make_trade(SIGNAL_AT + 0.029, 10_332, side=Side.SELL), *make_book(SIGNAL_AT + 0.0295, 10_331, 10_332)]
    feed_trader(trader, [*quotes, *late, _pass_time(SIGNAL_AT + 0.1)])
    assert trader.orders["state"][trader.orders["role"] == STOP].tolist() == [OrderState.REJECTED]
    assert trader.fills["role"].tolist() == [ENTRY, FLATTEN]
    assert trader.fills["price"].tolist() == [FILLED_AT, 10_331]
    # The entry fills 15 ms after the signal, the stop is refused 15 ms later, and the close takes 15 ms more.
    assert trader.fills["ts_ns"][1] == OPEN_NS + SIGNAL_AT * 10**9 + 45_000_000


def test_order_meets_the_book_that_stood_before_the_event_at_hand() -> None:
    trader = _signalled()
    feed_trader(trader, make_book(SIGNAL_AT + 0.001, 10_339, FILLED_AT))
    feed_trader(trader, [make_quote(SIGNAL_AT + 1, Side.SELL, 10_345)])
    assert trader.fills["price"].tolist() == [FILLED_AT]


def test_quiet_market_delays_neither_the_entry_nor_its_stop() -> None:
    trader = _signalled()
    quotes = make_book(SIGNAL_AT + 0.001, 10_339, FILLED_AT)
    feed_trader(trader, [*quotes, make_trade(SIGNAL_AT + 30, 10_320, side=Side.SELL)])
    assert trader.fills["role"].tolist() == [ENTRY, STOP]
    assert trader.fills["price"].tolist() == [FILLED_AT, 10_320]
    assert (trader.fills["ts_ns"] - OPEN_NS - SIGNAL_AT * 10**9).tolist() == [15_000_000, 30 * 10**9]
    assert trader.orders["ts_ns"][1] == trader.fills["ts_ns"][0]


def _asked(trader: Trader) -> list[tuple[str, str, int]]:
    """Return kind, role and milliseconds after the signal of each request."""
    requests, start = trader.core.desk.requests[: trader.core.desk.counts[REQUESTS]], OPEN_NS + SIGNAL_AT * 10**9
    return [
        (RequestKind(one["kind"]).name, OrderRole(one["role"]).name, (int(one["ts_ns"]) - start) // 10**6)
        for one in requests
    ]


def test_quiet_feed_closes_an_unconfirmed_position_half_a_second_after_its_fill() -> None:
    trader = _signalled(venue=VenueParams(latency_ms=800))
    feed_trader(trader, [*make_book(SIGNAL_AT + 0.5, 10_339, FILLED_AT), _pass_time(SIGNAL_AT + 9)])
    # Filled at 0.8 s; the stop would be confirmed at 1.6 s, so at 1.3 s the close leaves.
    assert _asked(trader) == [
        ("NEW", "ENTRY", 0), ("NEW", "STOP", 800), ("NEW", "TARGET", 800), ("NEW", "FLATTEN", 1300),
        ("CANCEL", "STOP", 2100), ("CANCEL", "TARGET", 2100),
    ]  # fmt: skip
    assert trader.account["position"][0] == 0


def test_quiet_feed_asks_again_for_a_cancel_two_seconds_later_each_time() -> None:
    trader = _signalled(venue=VenueParams(latency_ms=11_000))
    feed_trader(trader, [_pass_time(SIGNAL_AT + 10.999)])
    # No word of the entry for two seconds; its cancel leaves then, and thrice more.
    assert _asked(trader) == [("NEW", "ENTRY", 0), *(("CANCEL", "ENTRY", 2000 * k) for k in (1, 2, 3, 4))]
    assert trader.core.desk.bracket["fault"][0] == RefusalReason.UNANSWERED


def test_flatten_meets_the_book_before_a_later_trade_can_trigger_the_stop() -> None:
    trader = _entered(strategy=StrategyParams(require_agents=False, max_hold_bars=1))
    closing = SIGNAL_AT + 60
    quotes = make_book(closing - 0.5, 10_341, 10_342)
    feed_trader(trader, [make_trade(closing - 1, 10_341), *quotes, make_clock(closing)])
    feed_trader(trader, [make_trade(closing + 5, 10_300, side=Side.SELL)])
    assert trader.fills["role"].tolist() == [ENTRY, FLATTEN]
    assert trader.fills["price"].tolist() == [FILLED_AT, 10_341]


def test_gap_through_the_stop_fills_at_the_trade() -> None:
    trader = _entered()
    feed_trader(trader, [make_trade(SIGNAL_AT + 5, 10_300)])
    assert trader.fills["price"].tolist() == [FILLED_AT, 10_300]
    assert _closing(trader) == -40.0 - 0.50


def test_stop_that_fills_while_the_flatten_is_under_way_leaves_nothing_to_flatten() -> None:
    trader = _entered(strategy=StrategyParams(require_agents=False, max_hold_bars=1))
    closing = SIGNAL_AT + 60
    feed_trader(trader, [make_trade(closing - 1, 10_341), make_clock(closing)])
    assert trader.orders["role"].tolist() == [ENTRY, STOP, TARGET, FLATTEN]
    feed_trader(trader, [make_trade(closing + 0.005, 10_331, side=Side.SELL), _pass_time(closing + 0.02)])
    assert trader.orders["state"].tolist() == [
        OrderState.FILLED, OrderState.FILLED, OrderState.CANCELED, OrderState.CANCELED,
    ]  # fmt: skip
    feed_trader(trader, [*make_book(closing + 1, 10_330, 10_331), make_trade(closing + 2, 10_300)])
    assert trader.fills["role"].tolist() == [ENTRY, STOP]
    assert trader.account["position"][0] == 0


def test_flatten_that_fills_first_takes_the_legs_away() -> None:
    trader = _entered(strategy=StrategyParams(require_agents=False, max_hold_bars=1))
    closing = SIGNAL_AT + 60
    quotes = make_book(closing - 0.5, 10_341, 10_342)
    feed_trader(trader, [make_trade(closing - 1, 10_341), *quotes, make_clock(closing)])
    feed_trader(trader, [_pass_time(closing + 0.015), make_trade(closing + 1, 10_300), make_trade(closing + 2, 10_400)])
    assert trader.fills["role"].tolist() == [ENTRY, FLATTEN]
    assert trader.fills["price"].tolist() == [FILLED_AT, 10_341]


def test_loss_limit_is_watched_at_every_trade_not_only_at_the_bar() -> None:
    limits = RiskLimits(capital_reais=1000.0, daily_loss_fraction=0.006)  # R$ 6, nearer than the stop of 8 ticks
    trader = _entered(limits=limits)
    feed_trader(trader, [make_trade(SIGNAL_AT + 1, 10_335)])
    assert trader.budget["trading_state"][0] == TradingState.ACTIVE  # 5 ticks and one fee
    feed_trader(trader, [make_trade(SIGNAL_AT + 2, 10_334)])
    assert trader.budget["halt_reason"][0] == RefusalReason.DAILY_LOSS
    assert trader.orders["role"][-1] == FLATTEN
    feed_trader(trader, [*make_book(SIGNAL_AT + 2.1, 10_334, 10_335), _pass_time(SIGNAL_AT + 2.2)])
    assert trader.account["position"][0] == 0
    assert _closing(trader) == -6.0 - 0.50


def test_session_tells_what_halted_it_and_not_what_an_earlier_one_told() -> None:
    trader = _entered(limits=RiskLimits(capital_reais=1000.0, daily_loss_fraction=0.006))
    trader.account["halt_reason"] = RefusalReason.UNANSWERED
    trader.halts_at_open = trader.halts
    feed_trader(trader, [make_trade(SIGNAL_AT + 2, 10_334)])
    result = end_session(trader)
    assert (result.desk_halt, result.account_halt) == (RefusalReason.NONE, RefusalReason.DAILY_LOSS)


def test_order_larger_than_the_book_fills_in_parts_under_one_bracket() -> None:
    trader = _signalled(limits=RiskLimits(max_position=3))
    feed_trader(trader, [*make_book(SIGNAL_AT + 0.001, 10_339, FILLED_AT, 2), _pass_time(SIGNAL_AT + 0.02)])
    assert trader.fills["price"].tolist() == [FILLED_AT, FILLED_AT + 1]
    assert trader.fills["quantity"].tolist() == [2, 1]
    assert trader.orders["quantity"].tolist() == [3, 2, 2]
    feed_trader(trader, [_pass_time(SIGNAL_AT + 0.05)])  # the legs are there, and have heard of the third contract
    assert trader.orders["quantity"].tolist() == [3, 3, 3]
    assert trader.orders["stop_price"][1] == FILLED_AT - 8
    feed_trader(trader, [make_trade(SIGNAL_AT + 1, FILLED_AT + 13)])
    assert trader.account["position"][0] == 0
    assert _closing(trader) == 12.0 * 3 - 1 - 6 * 0.25


@pytest.mark.parametrize(
    ("quote_at", "bid", "reason"),
    [(57.9, 10_337, RefusalReason.STALE_FEED), (59.5, 10_341, RefusalReason.CROSSED_BOOK)],
)
def test_signal_on_a_stale_feed_or_a_crossed_book_is_refused(quote_at: float, bid: int, reason: RefusalReason) -> None:
    trader = build_warm(events=True)
    start = 60 * WARM
    trades = [make_trade(start + 1, 10_338), make_trade(start + 2, 10_340)]
    feed_trader(trader, [*trades, *make_book(start + quote_at, bid, 10_341), make_clock(SIGNAL_AT)])
    assert trader.decisions["reason"][-1] == HoldReason.SIGNAL
    assert trader.decisions["refusal"][-1] == reason
    assert trader.orders.size == 0


@pytest.mark.parametrize(("quoted_at", "refusal"), [(57.999, RefusalReason.STALE_FEED), (58.0, RefusalReason.NONE)])
def test_trades_do_not_keep_a_dead_quote_alive(quoted_at: float, refusal: RefusalReason) -> None:
    trader = build_warm(events=True)
    start = 60 * WARM
    trades = [make_trade(start + second, 10_338) for second in (1, 2)] + [make_trade(start + 59, 10_340)]
    feed_trader(trader, [*trades[:2], *make_book(start + quoted_at, 10_339, 10_340), trades[2], make_clock(SIGNAL_AT)])
    assert trader.decisions["reason"][-1] == HoldReason.SIGNAL
    assert trader.decisions["refusal"][-1] == refusal


def test_quotes_that_stop_end_the_entries_though_trades_go_on_for_hours() -> None:
    strategy = StrategyParams(require_agents=False, cooldown_bars=0, cooldown_seconds=0)
    trader = build_warm(events=True, strategy=strategy)
    for minute in range(WARM, WARM + 120):
        told = ladder_events(minute)
        feed_trader(trader, [one for one in told if one["kind"][0] != Kind.QUOTE_SIDE])
    signals = trader.decisions[trader.decisions["reason"] == HoldReason.SIGNAL]
    assert len(signals) > 100
    # Once the price has gone far enough, the dead quote is outside the collar, which is asked first.
    assert set(signals["refusal"].tolist()) == {RefusalReason.STALE_FEED, RefusalReason.COLLAR}
    assert trader.orders.size == 0


def test_entry_the_venue_rejects_counts_and_starts_the_cooldown_as_a_filled_one() -> None:
    strategy = StrategyParams(require_agents=False, cooldown_bars=3, cooldown_seconds=0)
    trader = _signalled(strategy=strategy)
    feed_trader(
        trader, [make_event(Kind.STATE, SIGNAL_AT + 0.001, level=Phase.INHIBITED), _pass_time(SIGNAL_AT + 0.02)]
    )
    assert trader.orders["state"].tolist() == [OrderState.REJECTED]
    assert trader.budget["trades_today"][0] == 1
    feed_trader(trader, [make_event(Kind.STATE, SIGNAL_AT + 0.03, level=Phase.OPEN)])
    for minute in range(170, 174):
        feed_trader(trader, ladder_events(minute))
    reasons = [HoldReason(code) for code in trader.decisions["reason"][-5:]]
    assert reasons == [
        HoldReason.SIGNAL,
        HoldReason.COOLDOWN,
        HoldReason.COOLDOWN,
        HoldReason.COOLDOWN,
        HoldReason.SIGNAL,
    ]


kinds = st.sampled_from(["trade", "book", "empty"])
ticks = st.lists(st.tuples(st.integers(1, 4000), kinds, st.integers(-9, 10), st.integers(1, 3)), max_size=150)


@settings(deadline=None, max_examples=40)
@given(ticks)
def test_no_stream_of_events_breaks_the_limits_or_the_books(stream: list[tuple[int, str, int, int]]) -> None:
    trader = deepcopy(warm_original(True))
    feed_trader(trader, ladder_events(WARM))
    milliseconds, price, clock = SIGNAL_AT * 1000, 10_340, SIGNAL_AT
    for wait, kind, move, quantity in stream:
        milliseconds, price = milliseconds + wait, price + move
        while milliseconds >= (clock + 60) * 1000:
            clock += 60
            feed_trader(trader, [make_clock(clock)])
        now = milliseconds / 1000
        book = make_book(now, 0 if kind == "empty" else price - 1, price, quantity)
        feed_trader(trader, [make_trade(now, price, quantity)] if kind == "trade" else book)
        position = int(trader.account["position"][0])
        signed = trader.fills["side"].astype(int) * trader.fills["quantity"]
        assert signed.sum() == position
        assert abs(position) <= 3
        desk = trader.core.desk
        settled = is_quiet(trader.venue.state[0], desk.counts[REQUESTS])
        if settled and desk.bracket["state"][0] in (BracketState.FLAT, BracketState.PROTECTED):
            for role in (STOP, TARGET):
                place = find_live(desk, int(role), 0)
                leaves = trader.orders["quantity"][place] - trader.orders["filled"][place] if place >= 0 else 0
                assert leaves == abs(position)
    result = end_session(trader)
    held = np.cumsum(result.fills["side"].astype(int) * result.fills["quantity"])
    assert result.account["position"][0] == 0
    # Two exits may fill before the first one's news is there; that is put right and halts.
    assert ((held[1:] * held[:-1]) >= 0).all() or trader.account["halt_reason"][0] == RefusalReason.OVERCLOSED
    ticks_won = -int((result.fills["side"].astype(np.int64) * result.fills["quantity"] * result.fills["price"]).sum())
    assert result.account["equity"][0] == pytest.approx(ticks_won * 1.0 - result.fills["fee"].sum())


# ---- sessions of the synthetic market, through the lake


@pytest.fixture(scope="module")
def feed(tmp_path_factory: pytest.TempPathFactory) -> Feed:
    lake = Lake(Path(tmp_path_factory.mktemp("lake")))
    write_market(lake, SyntheticMarket(sessions=4, trades_per_session=3000))
    return Feed(lake, "WINQ26", MINUTE_NS, "events")


@pytest.fixture(scope="module")
def schema() -> FeatureSchema:
    return build_schema("full", frozenset(Need) - {Need.IDS, Need.BOOK_DEPTH}, MINUTE_NS, 2)


def _trader(schema: FeatureSchema, feed: Feed) -> Trader:
    column = schema.columns.index("order_flow_imbalance_50")
    strategy = StrategyParams(theta=(0.15, 0.15, 0.15), cooldown_bars=2)
    model = make_model(
        schema, make_stump(len(schema.columns), column, 0.0, 0.1, 0.9), available_agents(schema.columns), strategy
    )
    return new_trader(schema, model, new_desk(RiskLimits(), FUTURES["WIN"]))


def test_stepping_from_python_gives_the_bytes_of_the_compiled_loop(feed: Feed, schema: FeatureSchema) -> None:
    day = feed.sessions()[2]
    looped, stepped = _trader(schema, feed), _trader(schema, feed)
    expected = run_session(looped, feed, day)
    begin_session(stepped, feed, day)
    made = sum(step(stepped, event) for event in feed.load(day))
    found = end_session(stepped)
    assert made == len(expected.decisions) > 500
    assert len(expected.fills) >= 10
    for name in ("decisions", "orders", "fills", "equity", "ts_ns", "account"):
        assert getattr(found, name).tobytes() == getattr(expected, name).tobytes(), name


def test_decisions_stand_where_the_features_stage_puts_its_rows(feed: Feed, schema: FeatureSchema) -> None:
    day = feed.sessions()[2]
    trader = _trader(schema, feed)
    decisions, rows = run_session(trader, feed, day).decisions, compute_session(schema, feed, day)
    assert decisions["ts_ns"].tolist() == rows.ts_ns.tolist()
    assert decisions["reference"].tolist() == rows.close.tolist()
    assert decisions["regime"].tolist() == rows.regime.tolist()
    assert trader.core.row.tobytes() == rows.rows[-1].tobytes()
    warm = np.isfinite(rows.rows).all(axis=1) & np.isfinite(rows.atr)
    assert ((decisions["reason"] == HoldReason.NOT_WARM) == ~warm).all()
    decided = warm & (rows.regime > 0)
    flow = rows.rows[decided, schema.columns.index("order_flow_imbalance_50")]
    assert decisions["probability"][decided] == pytest.approx(np.where(flow <= 0.0, 0.1, 0.9))
    assert np.isnan(decisions["probability"][~decided]).all()


def test_account_lives_on_and_everything_else_starts_afresh(feed: Feed, schema: FeatureSchema) -> None:
    days = feed.sessions()[1:4]
    one = _trader(schema, feed)
    results = [run_session(one, feed, day) for day in days]
    alone = run_session(_trader(schema, feed), feed, days[2])
    assert results[2].decisions["probability"].tobytes() == alone.decisions["probability"].tobytes()
    assert results[2].decisions["score"].tobytes() == alone.decisions["score"].tobytes()
    before, after = results[1].account[0], results[2].account[0]
    assert one.budget["session_equity"][0] == before["equity"] == results[1].equity[-1]
    assert results[2].orders["id"][0] == before["last_order_id"] + 1
    everything = np.concatenate([result.fills for result in results])
    ticks_won = -int((everything["side"].astype(np.int64) * everything["quantity"] * everything["price"]).sum())
    assert after["equity"] == pytest.approx(ticks_won * 1.0 - everything["fee"].sum())


def test_session_can_be_cut_short_and_its_decisions_stay_the_same(feed: Feed, schema: FeatureSchema) -> None:
    day = feed.sessions()[2]
    whole = run_session(_trader(schema, feed), feed, day)
    trader, events = _trader(schema, feed), feed.load(day)
    begin_session(trader, feed, day)
    made = paper_events(trader.core, trader.venue, events[: len(events) // 2])
    assert 0 < made < len(whole.decisions)
    assert trader.decisions.tobytes() == whole.decisions[:made].tobytes()
    assert end_session(trader).account["position"][0] == 0


def test_session_that_was_not_ended_flat_or_has_other_bars_is_not_begun(feed: Feed) -> None:
    trader = _entered()
    with pytest.raises(UsageError, match=r"expected a flat account, found \+1"):
        begin_session(trader, feed, feed.sessions()[0])
    end_session(trader)
    with pytest.raises(UsageError, match="expected bars of 60000000000 ns, found 300000000000"):
        begin_session(trader, Feed(feed.lake, feed.contract, 5 * MINUTE_NS, "events"), feed.sessions()[0])


def test_model_of_another_schema_is_refused() -> None:
    model = make_model(SCHEMA, make_constant_forest(2, 0.5))
    with pytest.raises(BundleRefused, match="of 1 features in its seat, found"):
        new_trader(SCHEMA, model, new_desk(RiskLimits(), FUTURES["WIN"], COSTS))


def test_stacked_events_are_numbered() -> None:
    events = stack([make_trade(1, 10_000), make_clock(2), make_trade(3, 10_001)])
    assert events["sequence"].tolist() == [0, 1, 2]
