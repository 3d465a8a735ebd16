"""Holes made by hand in a session of minute bars or of trades, one situation each, and their cause."""

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.calendar import to_local, to_ns
from market.gaps import SessionContext, bar_gaps, event_gaps, interrupts, missing_sessions, session_context
from market.instruments import B3, Declaration, Instruments, declare
from market.lake_manifest import Cause, Gap, Partition, Provenance
from market.types import BAR, EVENT, Kind, Phase

MINUTE = 60_000_000_000
DAY = date(2020, 4, 2)  # 09:00 to 17:55 (WIN), to 18:00 (WDO)
ASH = date(2020, 2, 26)  # from 13:00
CLOSE = 14_000  # ticks, of the session before
Told = list[tuple[str, str, str]]


def context_of(
    symbol: str = "WINJ20", day: date = DAY, previous: int = CLOSE, first: bool = False, last: bool = False
) -> SessionContext:
    return session_context(B3, symbol, day, previous, first, last)


def at(clock: str, day: date = DAY) -> int:
    return to_ns(datetime.combine(day, time.fromisoformat(clock)))


def minutes(context: SessionContext, price: int = CLOSE, trades: int = 100) -> np.ndarray:
    """Return every minute bar of a session, one tick high, around one price."""
    starts = np.arange(context.open_ns, context.close_ns, MINUTE)
    bars = np.zeros(starts.size, dtype=BAR)
    bars["ts_open_ns"], bars["ts_close_ns"] = starts, starts + MINUTE
    bars["open"] = bars["low"] = bars["close"] = price
    bars["high"] = price + 1
    bars["trades"], bars["volume"] = trades, 5 * trades
    return bars


def without(bars: np.ndarray, first: str, last: str, day: date = DAY) -> np.ndarray:
    """Return the bars that do not open in [first, last)."""
    kept: np.ndarray = bars[(bars["ts_open_ns"] < at(first, day)) | (bars["ts_open_ns"] >= at(last, day))]
    return kept


def before(bars: np.ndarray, clock: str, price: int, locked: bool = False) -> np.ndarray:
    """Move the bars before a time to another price; a locked one does not move at all."""
    early = bars["ts_open_ns"] < at(clock)
    for name in ("open", "low", "close"):
        bars[name][early] = price
    bars["high"][early] = price + (0 if locked else 1)
    return bars


def told(gaps: tuple[Gap, ...]) -> Told:
    return [(f"{to_local(g.first_ns):%H:%M}", f"{to_local(g.last_ns):%H:%M}", str(g.cause)) for g in gaps]


def test_whole_session_has_no_gap() -> None:
    context = context_of(first=True, last=True)
    assert bar_gaps(minutes(context), context, MINUTE) == ()


def test_liquid_series_that_falls_silent_is_feed_loss() -> None:
    context = context_of()
    bars = without(minutes(context), "11:00", "11:20")
    assert told(bar_gaps(bars, context, MINUTE)) == [("11:00", "11:20", "feed loss")]


@pytest.mark.parametrize(
    ("trades", "last", "cause"),
    [
        (1, "11:10", "no trade"),  # ten minutes at one trade a minute: ten expected
        (1, "11:11", "feed loss"),  # eleven
        (2, "11:05", "no trade"),
        (2, "11:06", "feed loss"),
        (100, "11:01", "feed loss"),
    ],
)
def test_quiet_series_may_be_silent_as_long_as_its_pace_allows(trades: int, last: str, cause: str) -> None:
    context = context_of()
    bars = without(minutes(context, trades=trades), "11:00", last)
    assert told(bar_gaps(bars, context, MINUTE)) == [("11:00", last, cause)]


def test_contracts_stand_for_trades_that_are_not_told() -> None:
    context = context_of()
    bars = without(minutes(context), "11:00", "11:10")
    bars["trades"], bars["volume"] = 0, 1
    assert told(bar_gaps(bars, context, MINUTE)) == [("11:00", "11:10", "no trade")]
    full = context_of("DOLK20")  # every order is of five contracts or more
    bars = without(minutes(full), "11:00", "11:10")
    bars["trades"], bars["volume"] = 0, 5
    assert told(bar_gaps(bars, full, MINUTE)) == [("11:00", "11:10", "no trade")]


@pytest.mark.parametrize(("last", "cause"), [("09:03", "auction"), ("09:10", "auction"), ("09:11", "feed loss")])
def test_late_first_trade_is_the_opening_call_for_ten_minutes(last: str, cause: str) -> None:
    context = context_of()
    assert told(bar_gaps(without(minutes(context), "09:00", last), context, MINUTE)) == [("09:00", last, cause)]


def test_short_hole_in_a_fast_market_is_an_auction_of_the_tunnel() -> None:
    context = context_of()
    fast = without(before(minutes(context), "11:00", CLOSE - 80), "11:00", "11:03")  # 0.57 % across the hole
    assert told(bar_gaps(fast, context, MINUTE)) == [("11:00", "11:03", "auction")]
    slow = without(before(minutes(context), "11:00", CLOSE - 60), "11:00", "11:03")  # 0.43 %
    assert told(bar_gaps(slow, context, MINUTE)) == [("11:00", "11:03", "feed loss")]
    long = without(before(minutes(context), "11:00", CLOSE - 80), "11:00", "11:06")
    assert told(bar_gaps(long, context, MINUTE)) == [("11:00", "11:06", "feed loss")]


@pytest.mark.parametrize(
    ("symbol", "price", "locked", "cause"),
    [
        ("WINJ20", 12_739, False, "halt"),  # 9.01 % below the close: near the limit of 10 %
        ("WINJ20", 12_742, False, "feed loss"),  # 8.99 %
        ("WINJ20", 15_300, False, "halt"),  # the limit above
        ("WINJ20", 13_290, True, "halt"),  # 5.07 % and locked
        ("WINJ20", 13_310, True, "feed loss"),  # 4.9 %
        ("WDOK20", 13_230, False, "halt"),  # 5.5 %: near the limit of 6 %
        ("WDOK20", 13_260, False, "feed loss"),  # 5.3 %
    ],
)
def test_five_silent_minutes_at_a_daily_limit_are_a_halt(symbol: str, price: int, locked: bool, cause: str) -> None:
    context = context_of(symbol)
    bars = without(before(minutes(context), "18:00", price, locked), "11:00", "11:05")
    assert told(bar_gaps(bars, context, MINUTE)) == [("11:00", "11:05", cause)]
    shorter = without(before(minutes(context), "18:00", price, locked), "11:00", "11:04")
    assert told(bar_gaps(shorter, context, MINUTE))[0][2] != "halt"


@pytest.mark.parametrize(
    ("symbol", "price", "cause"),
    [
        ("WINJ20", 13_290, "halt"),  # 5.3 % over the hole, half the limit
        ("WINJ20", 13_400, "auction"),  # 4.5 %
        ("WDOK20", 13_580, "halt"),  # 3.1 %
        ("WDOK20", 13_650, "auction"),  # 2.6 %
    ],
)
def test_five_silent_minutes_after_a_run_of_half_a_limit_are_a_halt(symbol: str, price: int, cause: str) -> None:
    context = context_of(symbol)
    bars = without(before(minutes(context), "11:00", price), "11:00", "11:05")
    assert told(bar_gaps(bars, context, MINUTE)) == [("11:00", "11:05", cause)]


def test_distance_is_measured_from_the_days_open_where_no_close_is_known() -> None:
    context = context_of(previous=0)
    bars = minutes(context)
    late = (bars["ts_open_ns"] >= at("10:00")) & (bars["ts_open_ns"] < at("17:00"))
    for name in ("open", "high", "low", "close"):
        bars[name][late] = 12_600
    assert told(bar_gaps(without(bars, "11:00", "11:06"), context, MINUTE)) == [("11:00", "11:06", "halt")]


def test_short_silence_at_the_limit_is_a_market_with_one_side() -> None:
    context = context_of()
    bars = without(before(minutes(context), "18:00", 12_600, locked=True), "11:00", "11:04")
    assert told(bar_gaps(bars, context, MINUTE)) == [("11:00", "11:04", "no trade")]


def test_series_without_a_limit_knows_no_halt_by_price() -> None:
    instrument = B3.of("WINJ20")
    stock = type(instrument)("PETR4", 9, 0.01, 1.0, calendar="b3_stocks")
    futures = context_of()
    context = SessionContext(futures.session, futures.regular_ns, stock, CLOSE)
    bars = without(before(minutes(context), "11:00", 12_000), "11:00", "11:05")
    assert told(bar_gaps(bars, context, MINUTE)) == [("11:00", "11:05", "feed loss")]


@pytest.mark.parametrize(
    ("calendar", "first", "last", "cause"),
    [
        ("b3_stocks", "17:50", "17:55", "auction"),
        ("b3_stocks", "17:40", "17:55", "auction"),
        ("b3_stocks", "17:39", "17:55", "feed loss"),
        ("b3_stocks", "17:49", "17:54", "feed loss"),  # it does not reach to the close
        ("b3_index", "17:50", "17:55", "feed loss"),  # futures have no closing call
    ],
)
def test_closing_call_of_a_share_takes_up_to_a_quarter_of_an_hour(
    calendar: str, first: str, last: str, cause: str
) -> None:
    futures = context_of()
    traded = type(futures.instrument)("PETR4", 9, 0.01, 1.0, calendar=calendar)
    context = SessionContext(futures.session, futures.regular_ns, traded)
    assert told(bar_gaps(without(minutes(context), first, last), context, MINUTE)) == [(first, last, cause)]


def test_hours_in_which_a_broker_never_quotes_are_no_trade() -> None:
    futures = context_of()
    pair = type(futures.instrument)("USDBRL", 9, 0.0001, 1.0, calendar="forex")
    context = SessionContext(futures.session, futures.regular_ns, pair, quoted_ns=(at("10:00"), at("17:00")))
    bars = without(without(minutes(context), "09:00", "10:20"), "16:50", "17:55")
    assert told(bar_gaps(bars, context, MINUTE)) == [
        ("09:00", "10:00", "no trade"), ("10:00", "10:20", "feed loss"),
        ("16:50", "17:00", "feed loss"), ("17:00", "17:55", "no trade"),
    ]  # fmt: skip
    cut = replace(context, begins_export=True, ends_export=True)
    assert told(bar_gaps(bars, cut, MINUTE))[:2] == [
        ("09:00", "10:00", "no trade"),
        ("10:00", "10:20", "truncated export"),
    ]
    whole = without(without(minutes(futures), "09:00", "10:00"), "17:00", "17:55")
    assert [cause for *_, cause in told(bar_gaps(whole, cut, MINUTE))] == ["no trade", "no trade"]


def test_market_without_an_opening_call_has_none() -> None:
    futures = context_of()
    pair = type(futures.instrument)("EURUSD", 9, 0.00001, 1.0, calendar="forex")
    context = SessionContext(futures.session, futures.regular_ns, pair)
    bars = without(minutes(context), "09:00", "09:03")
    assert told(bar_gaps(bars, context, MINUTE)) == [("09:00", "09:03", "feed loss")]


def test_ash_wednesday_morning_is_holiday_and_its_open_an_opening() -> None:
    context = context_of(day=ASH)
    bars = without(minutes(context), "13:00", "13:04", ASH)
    assert told(bar_gaps(bars, context, MINUTE)) == [("09:00", "13:00", "holiday"), ("13:00", "13:04", "auction")]


def test_longer_session_than_regular_has_no_holiday() -> None:
    context = context_of("WDOF19", date(2018, 11, 30))  # to 18:30 for once
    assert bar_gaps(minutes(context), context, MINUTE) == ()


def test_early_close_is_holiday_to_the_regular_close() -> None:
    regular = context_of()
    session = regular.session.copy()
    session["close_ns"] = at("13:00")
    context = SessionContext(session, regular.regular_ns, regular.instrument)
    assert told(bar_gaps(minutes(context), context, MINUTE)) == [("13:00", "17:55", "holiday")]


def test_only_the_exports_own_ends_are_truncated() -> None:
    bars = without(without(minutes(context_of()), "09:00", "10:00"), "16:00", "17:55")
    ends = [("09:00", "10:00"), ("16:00", "17:55")]
    for first, last in ((True, True), (True, False), (False, False)):
        causes = ["truncated export" if cut else "feed loss" for cut in (first, last)]
        gaps = bar_gaps(bars, context_of(first=first, last=last), MINUTE)
        assert told(gaps) == [(*span, cause) for span, cause in zip(ends, causes, strict=True)]


@pytest.mark.parametrize(
    ("cause", "first", "interrupted"),
    [
        (Cause.NO_TRADE, 60, False),
        (Cause.HOLIDAY, 0, False),
        (Cause.AUCTION, 0, False),
        (Cause.AUCTION, 60, True),
        (Cause.HALT, 60, True),
        (Cause.FEED_LOSS, 0, True),
        (Cause.TRUNCATED, 0, True),
    ],
)
def test_bars_are_after_a_gap_where_the_price_may_have_moved_unseen(
    cause: Cause, first: int, interrupted: bool
) -> None:
    assert interrupts(Gap(first, 120, cause), open_ns=0) is interrupted


def tape(context: SessionContext, every_s: int = 10, price: int = CLOSE) -> np.ndarray:
    """Return trades at one price, from the open to the close."""
    times = np.arange(context.open_ns, context.close_ns, every_s * 1_000_000_000)
    events = np.zeros(times.size, dtype=EVENT)
    events["ts_event_ns"] = events["ts_recv_ns"] = times
    events["kind"], events["price"], events["quantity"] = Kind.TRADE, price, 1
    return events


def with_notes(events: np.ndarray, *notes: tuple[str, Kind, int]) -> np.ndarray:
    """Return the events with others among them, ordered by time: (clock, kind, level)."""
    more = np.zeros(len(notes), dtype=EVENT)
    for event, (clock, kind, level) in zip(more, notes, strict=True):
        event["ts_event_ns"], event["kind"], event["level"] = at(clock), kind, level
    merged = np.concatenate([events, more])
    merged = merged[np.argsort(merged["ts_event_ns"], kind="stable")]
    merged["sequence"] = np.arange(merged.size)
    return merged


def silent(events: np.ndarray, first: str, last: str) -> np.ndarray:
    """Return the events without those in (first, last)."""
    kept: np.ndarray = events[(events["ts_event_ns"] <= at(first)) | (events["ts_event_ns"] >= at(last))]
    return kept


STATE = Kind.STATE


@pytest.mark.parametrize(
    ("notes", "cause"),
    [
        ((), "feed loss"),
        ((("11:01", STATE, Phase.FROZEN), ("11:14", STATE, Phase.OPEN)), "halt"),
        ((("11:01", STATE, Phase.INHIBITED),), "halt"),
        ((("11:01", STATE, Phase.AUCTION), ("11:14", STATE, Phase.OPEN)), "auction"),
        ((("11:01", STATE, Phase.FROZEN), ("11:10", STATE, Phase.AUCTION)), "halt"),
        ((("11:01", STATE, Phase.FROZEN), ("11:05", Kind.GAP, 0)), "feed loss"),  # we were not there to see
        ((("10:59", STATE, Phase.AUCTION),), "auction"),  # in force when the hole began
        ((("10:00", STATE, Phase.AUCTION), ("10:01", STATE, Phase.OPEN)), "feed loss"),  # over long before
        ((("11:01", Kind.QUOTE_SIDE, 0),), "feed loss"),
    ],
)
def test_states_and_gaps_among_events_tell_the_cause(notes: tuple[tuple[str, Kind, int], ...], cause: str) -> None:
    context = context_of()
    events = with_notes(silent(tape(context), "11:00", "11:15"), *notes)
    assert told(event_gaps(events, context)) == [("11:00", "11:15", cause)]


def test_trades_of_a_thin_contract_are_far_apart_for_no_fault() -> None:
    context = context_of()
    gaps = event_gaps(tape(context, every_s=90), context)
    assert [gap.cause for gap in gaps] == [Cause.NO_TRADE] * 357  # 356 between 357 trades, and the last minute


def test_quotes_before_the_first_trade_do_not_hide_the_opening_call() -> None:
    context = context_of(first=True)
    events = tape(context)
    late = events[events["ts_event_ns"] >= at("09:03")]
    quoted = with_notes(late, ("08:56", Kind.QUOTE_SIDE, 0), ("09:01", Kind.QUOTE_SIDE, 0))
    assert told(event_gaps(quoted, context)) == [("09:00", "09:03", "auction")]


def test_export_that_ends_within_the_session_is_cut_at_its_last_event() -> None:
    context = context_of(last=True)
    events = tape(context)
    cut = with_notes(events[events["ts_event_ns"] < at("14:00")], ("14:00", Kind.QUOTE_SIDE, 0))
    assert told(event_gaps(cut, context)) == [("14:00", "17:55", "truncated export")]


def test_export_that_ends_in_the_call_is_cut_at_the_open() -> None:
    context = context_of(last=True)
    call = with_notes(tape(context)[:0], ("08:56", Kind.QUOTE_SIDE, 0))
    assert told(event_gaps(call, context)) == [("09:00", "17:55", "truncated export")]


def test_trade_that_arrives_late_with_an_early_time_makes_no_hole() -> None:
    context = context_of()
    events = tape(context)
    events["ts_event_ns"][100] -= 300_000_000_000  # in the order of sequence, five minutes back
    assert event_gaps(events, context) == ()


def test_session_of_quotes_alone_had_no_trade() -> None:
    context = context_of()
    events = with_notes(tape(context)[:0], ("10:00", Kind.QUOTE_SIDE, 0), ("17:50", Kind.QUOTE_SIDE, 0))
    assert told(event_gaps(events, context)) == [("09:00", "17:55", "no trade")]


def partition_of(day: date) -> Partition:
    provenance = Provenance("hand.csv", "0" * 64, "hand/1", False, "raw")
    return Partition("bars", "WIN", "WINFUT", "", day.isoformat(), 60, 1, 1, "", 0, 0, (), provenance)


def test_days_between_the_first_and_last_are_holidays_or_lost() -> None:
    held = [date(2020, 2, 20), date(2020, 2, 27)]  # carnival is on the 24th and 25th
    assert missing_sessions([partition_of(day) for day in reversed(held)], B3.calendar("WIN")) == [
        (date(2020, 2, 21), Cause.FEED_LOSS),
        (date(2020, 2, 24), Cause.HOLIDAY),
        (date(2020, 2, 25), Cause.HOLIDAY),
        (date(2020, 2, 26), Cause.FEED_LOSS),
    ]
    assert missing_sessions([], B3.calendar("WIN")) == []
    assert missing_sessions([partition_of(held[0])], B3.calendar("WIN")) == []


@pytest.mark.parametrize(
    ("currency", "calendar", "causes"),
    [
        ("BRL", "forex", [Cause.FEED_LOSS, Cause.HOLIDAY, Cause.HOLIDAY, Cause.FEED_LOSS]),
        ("USD", "forex", [Cause.FEED_LOSS] * 4),
        ("BRL", "always", [Cause.FEED_LOSS] * 6),  # a weekend too
    ],
)
def test_the_real_of_the_currency_market_rests_with_the_exchange(
    currency: str, calendar: str, causes: list[Cause]
) -> None:
    """Carnival is on the 24th and 25th."""
    own = Instruments({"PAIR": declare("PAIR", Declaration(0.0001, 1.0, 1.0, currency, calendar))})
    held = [partition_of(day) for day in (date(2020, 2, 20), date(2020, 2, 27))]
    found = missing_sessions(held, own.calendar("PAIR"), own.rests("PAIR"))
    assert [cause for _, cause in found] == causes


def test_futures_rest_by_their_own_calendar_alone() -> None:
    assert B3.rests("WDOZ26") is None


DAYS = st.sampled_from([DAY, ASH, date(2020, 2, 28), date(2026, 7, 31)])  # regular, late open, longer, another season


@given(day=DAYS, data=st.data(), ends=st.tuples(st.booleans(), st.booleans()), price=st.integers(11_000, 16_000))
def test_bars_and_gaps_cover_the_hours_once(
    day: date, data: st.DataObject, ends: tuple[bool, bool], price: int
) -> None:
    context = context_of("WINQ26" if day.year == 2026 else "WINJ20", day, price, *ends)
    whole = minutes(context)
    lost = data.draw(st.lists(st.tuples(st.integers(0, whole.size - 2), st.integers(1, 300)), max_size=6))
    kept = np.ones(whole.size, dtype=bool)
    for first, length in lost:
        kept[first : first + length] = False
    kept[data.draw(st.integers(0, whole.size - 1))] = True
    bars = whole[kept]
    gaps = bar_gaps(bars, context, MINUTE)
    spans = sorted([(g.first_ns, g.last_ns) for g in gaps] + [(b["ts_open_ns"], b["ts_close_ns"]) for b in bars])
    regular = context.regular_ns
    assert spans[0][0] == min(context.open_ns, regular[0])
    assert spans[-1][1] == max(context.close_ns, regular[1])
    assert all(this[1] == following[0] for this, following in pairwise(spans))
    assert list(gaps) == sorted(gaps, key=lambda gap: gap.first_ns)
    assert all(
        (g.first_ns >= context.open_ns and g.last_ns <= context.close_ns) != (g.cause == "holiday") for g in gaps
    )


@given(
    seconds=st.lists(st.integers(-300, 33_000), min_size=1, max_size=60),
    ends=st.tuples(st.booleans(), st.booleans()),
    kinds=st.lists(st.sampled_from([Kind.TRADE, Kind.TRADE, Kind.QUOTE_SIDE, Kind.STATE, Kind.GAP]), min_size=60),
)
def test_gaps_of_events_never_overlap_and_leave_no_long_silence(
    seconds: list[int], ends: tuple[bool, bool], kinds: list[Kind]
) -> None:
    context = context_of(first=ends[0], last=ends[1])
    events = np.zeros(len(seconds), dtype=EVENT)
    events["ts_event_ns"] = context.open_ns + np.array(sorted(seconds), dtype=np.int64) * 1_000_000_000
    events["kind"], events["price"] = kinds[: len(seconds)], CLOSE
    gaps = event_gaps(events, context)
    edges = [context.open_ns, *(edge for gap in gaps for edge in (gap.first_ns, gap.last_ns)), context.close_ns]
    assert edges == sorted(edges)
    trades = events["ts_event_ns"][events["kind"] == Kind.TRADE]
    assert not any(((trades > gap.first_ns) & (trades < gap.last_ns)).any() for gap in gaps)
    known = np.unique(np.concatenate([np.clip(trades, context.open_ns, context.close_ns), edges]))
    quiet = {(int(a), int(b)) for a, b in pairwise(known) if b - a >= MINUTE}
    assert quiet <= {(gap.first_ns, gap.last_ns) for gap in gaps}


def test_a_day_has_the_hours_of_its_season() -> None:
    span = B3.calendar("WDO").regular_span(ASH)
    assert [to_local(ns).time() for ns in span] == [time(9), time(18, 15)]
    assert span[1] - span[0] == timedelta(hours=9, minutes=15) // timedelta(microseconds=1) * 1_000
