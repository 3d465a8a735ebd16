"""Several desks over one merged course of events: alone each of them, but for the budget that they share."""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.bars import bars_from_events
from market.errors import UsageError
from market.instruments import B3, FUTURES
from market.lake import Lake
from market.stream import Feed
from market.synthetic import SyntheticMarket, provenance_of, write_market
from market.types import BAR, EVENT, Side
from tests.factories import (
    MINUTE_NS,
    OPEN_NS,
    SECOND_NS,
    make_bar,
    make_book,
    make_clock,
    make_model,
    make_session,
    make_stump,
    make_trade,
)
from tests.homes import SCHEMA, STRATEGY
from tests.trading.desks import WIDE
from tests.trading.scenarios import (
    COSTS,
    START,
    WARM,
    build_warm,
    feed_trader,
    ladder,
    ladder_events,
    warm_original,
)
from trading.budget import new_budget
from trading.core import new_desk
from trading.desk import REQUESTS
from trading.desks import Day, Seat, begin_day, merge_day, merge_order, run_day
from trading.paper import SessionResult, Trader, new_trader, paper_begin, run_session, session_result
from trading.policy import RiskLimits, VenueParams
from trading.records import HoldReason, OrderRole, OrderState, RefusalReason, TradingState
from trading.requests import RequestKind

RESULTS = ("decisions", "orders", "fills", "equity", "ts_ns", "account")
SIGNAL_AT = 60 * (WARM + 1)  # seconds after the open
ENTRY, FLATTEN = OrderRole.ENTRY, OrderRole.FLATTEN


def test_earliest_record_comes_first_and_of_equal_times_that_of_the_desk_named_first() -> None:
    times = [np.array([10, 20, 20, 40]), np.array([5, 20, 30]), np.array([], dtype=np.int64), np.array([20, 40])]
    #         5  10  20 20 20 20  30  40 40
    assert merge_order(times).tolist() == [1, 0, 0, 0, 1, 3, 1, 0, 3]


# ---- desks that never reach a limit, over sessions of the synthetic market

INDEX = SyntheticMarket("WINQ26", sessions=3, seed=11, trades_per_session=600)
DOLLAR = SyntheticMarket("WDOQ26", date(2026, 6, 2), 3, seed=5, trades_per_session=900, opening_points=5_300.0)


@pytest.fixture(scope="module")
def feeds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Feed]:
    """Index from 1 June, dollar from 2 June, which closes five minutes later."""
    lake = Lake(Path(tmp_path_factory.mktemp("lake")))
    for market in (INDEX, DOLLAR):
        write_market(lake, market)
    return {name: Feed(lake, name, MINUTE_NS, "events") for name in ("WINQ26", "WDOQ26")}


@pytest.fixture(scope="module")
def feeds_of_each_kind(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Feed]:
    """Both contracts as ticks with a book of three levels and as bars of a minute, by root and kind."""
    lake, writes = Lake(Path(tmp_path_factory.mktemp("kinds"))), []
    for market in (replace(INDEX, levels=3), replace(DOLLAR, levels=3)):
        write_market(lake, market)
        for k, day in enumerate(market.days()):
            bars = bars_from_events(market.session_events(k), B3.session(market.symbol, day), MINUTE_NS)
            writes.append((lake.draft("bars", market.symbol, day, provenance_of(market), 60), bars))
    lake.commit(writes)
    contracts = {"WIN": INDEX.symbol, "WDO": DOLLAR.symbol}
    return {(r, k): Feed(lake, contracts[r], MINUTE_NS, k) for r in contracts for k in ("events", "bars")}


def follower(root: str, budget: np.ndarray | None = None) -> Trader:
    """Return a trader that follows the last minute, under limits that it never reaches."""
    model = make_model(SCHEMA, make_stump(2, 0, 0.0, 0.1, 0.9), (), STRATEGY)
    return new_trader(SCHEMA, model, new_desk(WIDE, FUTURES[root], budget=budget))


def second_alone(root: str) -> Trader:
    """Return a trader with an account of its own that numbers its orders as the second desk of one does."""
    trader = follower(root)
    trader.account["last_order_id"] = 1_000_000_000
    return trader


def assert_equal(found: SessionResult, expected: SessionResult) -> None:
    for name in RESULTS:
        assert getattr(found, name).tobytes() == getattr(expected, name).tobytes(), name


def test_one_desk_in_the_merged_loop_gives_the_bytes_of_the_single_one(feeds: dict[str, Feed]) -> None:
    feed, merged = feeds["WINQ26"], follower("WIN")
    day = feed.sessions()[1]
    expected = run_session(follower("WIN"), feed, day)
    begin_day([Seat(merged, feed)], day).run()
    assert len(expected.fills) >= 10
    assert_equal(session_result(merged), expected)


def test_desks_that_reach_no_limit_do_each_what_they_do_alone(feeds: dict[str, Feed]) -> None:
    budget = new_budget()
    seats = [Seat(follower(name[:3], budget), feed) for name, feed in feeds.items()]
    alone = [follower("WIN"), second_alone("WDO")]
    fills, last = [0, 0], np.zeros(2)
    days = sorted({day for feed in feeds.values() for day in feed.sessions()})
    assert [len(seat.feed.sessions()) for seat in seats] == [3, 3]
    assert len(days) == 4
    for day in days:
        for place, found in enumerate(run_day(seats, day)):
            feed = seats[place].feed
            assert (found is not None) == (day in feed.sessions())
            if found is not None:
                assert_equal(found, run_session(alone[place], feed, day))
                fills[place] += len(found.fills)
                last[place] = found.equity[-1]
    assert min(fills) >= 10
    assert budget["equity"][0] == pytest.approx(last.sum())
    assert budget["desk_equity"][0, :2].tolist() == last.tolist()
    assert budget["desk_exposure"][0].tolist() == [0.0] * 8


def test_no_two_orders_of_an_account_have_one_id(feeds: dict[str, Feed]) -> None:
    budget = new_budget()
    seats = [Seat(follower(name[:3], budget), feed) for name, feed in feeds.items()]
    days = [date(2026, 6, 2), date(2026, 6, 3)]
    made = [found.orders["id"] for day in days for found in run_day(seats, day) if found is not None]
    ids = np.concatenate(made).tolist()
    assert min(len(own) for own in made) >= 10
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("stepped", [False, True])
@pytest.mark.parametrize(
    "kinds",
    [
        [("WIN", "events"), ("WDO", "bars")],
        [("WDO", "bars"), ("WIN", "events")],
        [("WIN", "bars"), ("WDO", "events")],
        [("WIN", "events"), ("WIN", "bars")],
    ],
    ids=lambda kinds: " ".join(f"{root}-{kind}" for root, kind in kinds),
)
def test_desks_of_ticks_and_of_bars_do_each_what_they_do_alone(
    feeds_of_each_kind: dict[tuple[str, str], Feed], kinds: list[tuple[str, str]], stepped: bool
) -> None:
    budget, used = new_budget(), [feeds_of_each_kind[one] for one in kinds]
    seats = [Seat(follower(feed.root, budget), feed) for feed in used]
    alone, fills = [follower(used[0].root), second_alone(used[1].root)], [0, 0]
    for day in DOLLAR.days()[:2]:  # the index has both of them too
        begun = begin_day(seats, day)
        assert {records.dtype for records in begun.records} == {BAR, EVENT}
        play(begun, stepped)
        for place, feed in enumerate(used):
            found = session_result(seats[place].trader)
            assert_equal(found, run_session(alone[place], feed, day))
            fills[place] += len(found.fills)
    assert min(fills) >= 10
    assert budget["desk_equity"][0, :2].tolist() == [float(one.account["equity"][0]) for one in alone]


def test_stepping_from_python_gives_the_bytes_of_the_compiled_loop(feeds: dict[str, Feed]) -> None:
    day, found = date(2026, 6, 3), []
    for stepped in (False, True):
        budget = new_budget()
        seats = [Seat(follower(name[:3], budget), feed) for name, feed in feeds.items()]
        begun = begin_day(seats, day)
        if stepped:
            for place in begun.course.order.tolist():
                begun.step(place)
        else:
            begun.run()
        found.append((*(session_result(seat.trader) for seat in seats), budget))
    for one, other in zip(found[0][:2], found[1][:2], strict=True):
        assert_equal(other, one)
    assert found[0][2].tobytes() == found[1][2].tobytes()


def test_feed_that_stops_does_not_hold_up_the_other(feeds: dict[str, Feed]) -> None:
    day, budget = date(2026, 6, 3), new_budget()
    seats = [Seat(follower(name[:3], budget), feed) for name, feed in feeds.items()]
    begun = begin_day(seats, day)
    cut = len(begun.records[0]) // 3
    short = merge_day(seats, [begun.records[0][:cut], begun.records[1]])
    short.run()
    assert_equal(session_result(seats[1].trader), run_session(second_alone("WDO"), feeds["WDOQ26"], day))
    stopped = session_result(seats[0].trader)
    assert 0 < len(stopped.decisions) < 300
    assert stopped.account["position"][0] == 0


def test_desks_of_different_budgets_are_no_account(feeds: dict[str, Feed]) -> None:
    seats = [Seat(follower(name[:3]), feed) for name, feed in feeds.items()]
    with pytest.raises(UsageError, match="expected desks of one budget"):
        run_day(seats, date(2026, 6, 3))


# ---- one desk loses, the other feels it


def seat_beside(other: Trader) -> Trader:
    """Return a trader of the dollar in the same account, R$ 5 a tick, in a session that has begun."""
    model = make_model(SCHEMA, make_stump(2, 0, 0.0, 0.1, 0.9), (), STRATEGY)
    trader = new_trader(SCHEMA, model, new_desk(RiskLimits(), FUTURES["WDO"], COSTS, budget=other.budget))
    trader.feed_kind = "events"
    paper_begin(trader.core, trader.venue, make_session()[0], True)
    return trader


def hold(trader: Trader, price: int) -> None:
    """Let a trader hold one contract bought at a price, without a stop at the venue."""
    account, bracket = trader.account, trader.core.desk.bracket
    account["position"], account["cash_ticks"], account["mark"] = 1, -price, price
    account["entry_order"], account["entry_price"], bracket["side"] = account["first_order_id"], price, 1


def merged(traders: Sequence[Trader], records: Sequence[Sequence[np.ndarray]]) -> Day:
    """Merge what traders are fed; feeds are not asked for anything any more."""
    seats = [Seat(trader, None) for trader in traders]  # type: ignore[arg-type]
    return merge_day(seats, [np.concatenate(parts) for parts in records])


def play(day: Day, stepped: bool) -> None:
    if not stepped:
        day.run()
        return
    for place in day.course.order.tolist():
        day.step(place)


def losing(trader: Trader, at_ns: int) -> list[np.ndarray]:
    """Return a trade that loses R$ 2,000, the limit of a day, at a moment after the open."""
    hold(trader, START)
    trade = make_trade(0, START - 400, side=Side.SELL)
    trade["ts_event_ns"] = OPEN_NS + at_ns
    return [trade]


@pytest.mark.parametrize("stepped", [False, True])
@pytest.mark.parametrize(
    ("late_ns", "first", "entered"),
    [(-1, False, False), (0, True, False), (0, False, True), (1, True, True)],
)
def test_loss_of_one_stops_the_entries_of_the_other_at_the_very_event(
    late_ns: int, first: bool, entered: bool, stepped: bool
) -> None:
    """The other's signal comes with the clock: before it no entry, after it one that is cancelled; at once by place."""
    index = deepcopy(warm_original(True))
    dollar = seat_beside(index)
    lost, bar = losing(dollar, SIGNAL_AT * SECOND_NS + late_ns), ladder_events(WARM)
    traders, records = ((dollar, index), (lost, bar)) if first else ((index, dollar), (bar, lost))
    play(merged(traders, records), stepped)
    entries = index.orders[index.orders["role"] == ENTRY]
    assert index.decisions["reason"][-1] == (HoldReason.SIGNAL if entered else HoldReason.TRADING_STATE)
    assert entries.size == int(entered)
    assert index.budget["halt_reason"][0] == RefusalReason.DAILY_LOSS
    if entered:
        asked = index.core.desk.requests[: index.core.desk.counts[REQUESTS]]
        cancels = asked[(asked["order"] == entries["id"][0]) & (asked["kind"] == RequestKind.CANCEL)]
        assert cancels["ts_ns"].tolist() == [OPEN_NS + SIGNAL_AT * SECOND_NS + late_ns]
        assert index.fills.size == 0


@pytest.mark.parametrize("stepped", [False, True])
def test_other_desk_flattens_at_the_event_though_its_own_feed_is_silent(stepped: bool) -> None:
    index = deepcopy(warm_original(True))
    feed_trader(index, [*ladder_events(WARM), *make_book(SIGNAL_AT + 0.001, 10_339, 10_340)])
    feed_trader(index, make_book(SIGNAL_AT + 1, 10_337, 10_338))  # bought at 10 340, and quiet from here on
    dollar = seat_beside(index)
    lost = losing(dollar, (SIGNAL_AT + 2) * SECOND_NS)
    play(merged((index, dollar), ([make_trade(SIGNAL_AT + 60, 10_300)], lost)), stepped)
    closing = asked_to_flatten(index)
    assert closing["ts_ns"].tolist() == [OPEN_NS + (SIGNAL_AT + 2) * SECOND_NS]
    # It meets the book that stood then, not the trade a minute later.
    assert index.fills["price"].tolist() == [10_340, 10_337]
    assert index.fills["ts_ns"][-1] == closing["ts_ns"][0] + 15_000_000


def asked_to_flatten(trader: Trader) -> np.ndarray:
    asked = trader.core.desk.requests[: trader.core.desk.counts[REQUESTS]]
    return asked[asked["role"] == FLATTEN]


def bought_on_bars() -> Trader:
    """Return a trader of bars that bought at the open of the second minute after the warm ones."""
    index = build_warm()
    feed_trader(index, [make_bar(WARM, ladder(WARM)), make_bar(WARM + 1, (10_342,) * 4)])
    assert index.account["position"][0] == 1
    return index


@pytest.mark.parametrize("stepped", [False, True])
@pytest.mark.parametrize(("seconds", "asked_at", "price"), [(-30, 0, 10_341), (0, 0, 10_341), (30, 60, 10_344)])
def test_desk_of_bars_flattens_at_the_close_of_the_bar_it_is_in(
    seconds: int, asked_at: int, price: int, stepped: bool
) -> None:
    """A loss within or at the end of a bar: the close is asked for at the bar's end, and fills at the next open."""
    index, ends = bought_on_bars(), SIGNAL_AT + 120
    dollar = seat_beside(index)
    bars = [make_bar(WARM + 2 + k, (level,) * 4) for k, level in enumerate((10_343, 10_341, 10_344))]
    lost = losing(dollar, (ends + seconds) * SECOND_NS)
    play(merged((dollar, index), (lost, bars)), stepped)
    assert asked_to_flatten(index)["ts_ns"].tolist() == [OPEN_NS + (ends + asked_at) * SECOND_NS]
    assert index.fills["price"][-1] == price - VenueParams().slippage_ticks


def test_desk_between_two_bars_flattens_at_once() -> None:
    index = bought_on_bars()
    dollar = seat_beside(index)
    lost = losing(dollar, (SIGNAL_AT + 90) * SECOND_NS)
    bars = [make_bar(WARM + 3, (10_341,) * 4), make_bar(WARM + 4, (10_344,) * 4)]  # the minute before is missing
    merged((dollar, index), (lost, bars)).run()
    assert asked_to_flatten(index)["ts_ns"].tolist() == [OPEN_NS + (SIGNAL_AT + 90) * SECOND_NS]
    assert index.fills["price"][-1] == 10_341 - VenueParams().slippage_ticks


# ---- an oracle of the budget in plain Python, over any two markets


@dataclass
class Oracle:
    """The account by its fills and the prices seen, and what its limits say of it."""

    limits: np.void
    marks: list[int]
    tick_values: tuple[float, ...] = (1.0, 5.0)
    peak: float = 0.0
    reason: RefusalReason = RefusalReason.NONE
    entries: list[int] = field(default_factory=list)

    def judge(self, traders: Sequence[Trader]) -> float:
        """Take the state after an event; return the account's equity."""
        equity = sum(self._worth(place, trader) for place, trader in enumerate(traders))
        self.peak = max(self.peak, equity)
        capital = float(self.limits["capital_reais"])
        if (self.peak - equity) / (capital + self.peak) >= self.limits["drawdown_stop"]:
            self.reason = RefusalReason.DRAWDOWN
        elif -equity >= self.limits["daily_loss_fraction"] * capital and self.reason is RefusalReason.NONE:
            self.reason = RefusalReason.DAILY_LOSS
        return equity

    def _worth(self, place: int, trader: Trader) -> float:
        ticks = contracts = position = 0
        for fill in trader.fills:
            signed = int(fill["side"]) * int(fill["quantity"])
            ticks -= signed * int(fill["price"])
            position += signed
            contracts += abs(signed)
        return (ticks + position * self.marks[place]) * self.tick_values[place] - 0.25 * contracts


def two_warm(**limits: float) -> tuple[Trader, Trader]:
    """Return traders of index and dollar with one budget, both one bar before a signal to buy three contracts."""
    index, dollar = deepcopy(warm_original(True)), deepcopy(warm_original(True))
    desk = dollar.core.desk._replace(budget=index.budget)
    desk.terms["place"], desk.terms["tick_value"], desk.terms["instrument"] = 1, 5.0, FUTURES["WDO"].id
    index.budget["desks"] = 2
    dollar.core = dollar.core._replace(desk=desk)
    for trader in (index, dollar):
        for name, value in limits.items():
            trader.core.desk.limits[name] = value
    return index, dollar


Tick = tuple[int, bool, int, int]  # milliseconds since the last, a trade or a quote, move, quantity
ticks = st.lists(st.tuples(st.integers(1, 9000), st.booleans(), st.integers(-9, 9), st.integers(1, 9)), max_size=80)
bounds = st.fixed_dictionaries(
    {
        "daily_loss_fraction": st.sampled_from([0.0005, 0.002, 0.02]),
        "drawdown_stop": st.sampled_from([0.001, 0.1]),
        # Either desk alone fits into the lower one, both together do not at any price that comes.
        "max_exposure_reais": st.sampled_from([170_000.0, 1e9]),
        "max_order_reais": st.just(1e9),
        "max_trades_per_day": st.sampled_from([1, 3, 1000]),
    }
)


def market_of(stream: list[Tick], offset_ms: int) -> list[np.ndarray]:
    """Return the bar that brings the signal, then the stream's trades and books, with the clock of each minute."""
    parts, now, price, clock = list(ladder_events(WARM)), SIGNAL_AT * 1000 + offset_ms, 10_340, SIGNAL_AT
    for wait, traded, move, quantity in stream:
        now, price = now + wait, min(max(price + move, 10_310), 10_370)
        while now >= (clock + 60) * 1000:
            clock += 60
            parts.append(make_clock(clock))
        seconds = now / 1000
        parts += [make_trade(seconds, price, quantity)] if traded else make_book(seconds, price - 1, price, quantity)
    return parts


def steps_of(day: Day) -> Iterator[tuple[int, np.void | None]]:
    """Take the day step by step: whose turn it was, and what came, None at its end."""
    at = [0, 0]
    for place in day.course.order.tolist():
        records = day.records[place]
        day.step(place)
        yield place, records[at[place]] if at[place] < len(records) else None
        at[place] += 1


@settings(deadline=None, max_examples=40)
@given(ticks, ticks, bounds)
def test_budget_is_what_plain_sums_over_the_merged_events_say(
    one: list[Tick], other: list[Tick], limits: dict[str, float]
) -> None:
    traders = two_warm(**limits)
    budget, bound = traders[0].budget[0], traders[0].core.desk.limits[0]
    oracle = Oracle(bound, [int(trader.account["mark"][0]) for trader in traders])
    day = merged(traders, (market_of(one, 0), market_of(other, 7)))
    was_halted, sent_before = False, 0
    for place, record in steps_of(day):
        if record is not None and record["kind"] == 1 and record["price"] > 0:
            oracle.marks[place] = int(record["price"])
        equity = oracle.judge(traders)
        assert budget["equity"] == pytest.approx(equity, abs=1e-6)
        assert budget["peak"] == pytest.approx(oracle.peak, abs=1e-6)
        assert budget["halt_reason"] == oracle.reason
        halted = oracle.reason is not RefusalReason.NONE
        assert (budget["trading_state"] == TradingState.HALTED) == halted
        open_now = [bool(trader.account["position"][0] or trader.account["pending"][0]) for trader in traders]
        assert sum(open_now) <= (1 if limits["max_exposure_reais"] < 1e9 else 2)
        assert all(abs(int(trader.account["position"][0])) <= 3 for trader in traders)
        sent = sum(int((trader.orders["role"] == ENTRY).sum()) - refused(trader) for trader in traders)
        assert sent <= limits["max_trades_per_day"]
        assert sent == budget["trades_today"]
        assert not (was_halted and sent > sent_before)
        if halted and not was_halted:
            assert all(t.core.desk.bracket["closing"][0] for t in traders if t.account["position"][0])
        was_halted, sent_before = halted, sent
    assert all(trader.account["position"][0] == 0 for trader in traders)


def refused(trader: Trader) -> int:
    """Return how many entries the gate let not pass."""
    entries = trader.orders[trader.orders["role"] == ENTRY]
    return int(((entries["state"] == OrderState.REJECTED) & (entries["reason"] > 0)).sum())
