"""The pre-check: one case per defect, slow twins on drawn streams, and what must not be reported."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.bars import bars_from_events
from market.errors import DataError
from market.instruments import B3
from market.precheck import check_bars, check_events
from market.precheck_defects import Defect
from market.synthetic import SyntheticMarket
from market.types import BAR, EVENT, Flag, Kind, Phase, Side, TradeType
from tests.factories import (
    MINUTE_NS,
    OPEN_NS,
    SECOND_NS,
    make_bar,
    make_book,
    make_event,
    make_session,
    make_trade,
    stack,
)

SESSION = make_session()
CLOSE_NS = int(SESSION["close_ns"][0])
HALF_HOUR = 1800  # seconds after the open: the opening call is over


def found(records: np.ndarray) -> dict[Defect, tuple[int, int, int]]:
    return {f.defect: (f.count, f.first, f.worst) for f in check_events(records, SESSION)}


def quiet_trades(count: int = 8) -> list[np.ndarray]:
    return [make_trade(HALF_HOUR + k, 26_000 + k % 2, trade_number=10 + k) for k in range(count)]


# One defect put into quiet trades, and what is to be told of it: count, first index, worst.
EVENT_CASES: dict[str, tuple[Callable[[np.ndarray], None], dict[Defect, tuple[int, int, int]]]] = {}


def case(name: str, **defects: tuple[int, int, int]) -> Callable[[Callable[[np.ndarray], None]], None]:
    def add(spoil: Callable[[np.ndarray], None]) -> None:
        EVENT_CASES[name] = (spoil, {Defect[key]: value for key, value in defects.items()})

    return add


def setting(index: int | slice, **fields: int) -> Callable[[np.ndarray], None]:
    def spoil(events: np.ndarray) -> None:
        for name, value in fields.items():
            events[name][index] = value

    return spoil


def both(first: Callable[[np.ndarray], None], second: Callable[[np.ndarray], None]) -> Callable[[np.ndarray], None]:
    def spoil(events: np.ndarray) -> None:
        first(events)
        second(events)

    return spoil


case("nothing wrong")(setting(0))
case("sequence repeated", SEQUENCE_BACK=(1, 4, 0))(setting(4, sequence=3))
case("time back", TIME_BACK=(1, 4, 2 * SECOND_NS))(
    setting(4, ts_event_ns=OPEN_NS + 1801 * SECOND_NS, ts_recv_ns=OPEN_NS + 1801 * SECOND_NS)
)
case("received 1.27 s early is two clocks")(setting(2, ts_recv_ns=OPEN_NS + 1802 * SECOND_NS - 1_270_000_000))
case("received early", RECEIVED_EARLY=(1, 2, 3 * SECOND_NS))(setting(2, ts_recv_ns=OPEN_NS + 1799 * SECOND_NS))
case("received late is a delay")(setting(2, ts_recv_ns=OPEN_NS + 9999 * SECOND_NS))
case("no price", NO_PRICE=(2, 3, -7))(both(setting(3, price=0), setting(5, price=-7)))
case("no quantity", NO_QUANTITY=(1, 3, -2))(setting(3, quantity=-2))
case("a block of four thousand happens")(setting(3, quantity=4_000))
case("huge quantity", HUGE_QUANTITY=(1, 3, 22_002_717))(setting(3, quantity=22_002_717))
case("unknown side", UNKNOWN_SIDE=(1, 6, 128))(setting(6, side=-128))
case("unlisted type", UNKNOWN_TRADE_TYPE=(1, 6, 77), UNTYPED_TRADES=(1, 6, 125))(setting(6, trade_type=77))
case("a type that says nothing", UNTYPED_TRADES=(2, 2, 250))(setting(slice(2, 4), trade_type=32))
case("a source that infers sides sends no types")(
    both(setting(slice(2, 4), trade_type=0), setting(5, flags=int(Flag.INFERRED_AGGRESSOR)))
)
case("a cross is a listed type")(setting(2, trade_type=int(TradeType.CROSS), side=0))
case("number back", TRADE_NUMBER_BACK=(1, 5, 13))(setting(5, trade_number=1))
case("number repeated at once", TRADE_NUMBER_REPEATED=(1, 5, 14))(setting(5, trade_number=14))
case("number repeated later", TRADE_NUMBER_BACK=(1, 7, 6), TRADE_NUMBER_REPEATED=(1, 7, 10))(
    setting(7, trade_number=10)
)
case("no numbers sent")(setting(slice(0, 8), trade_number=0))
case("spike of 1 %", PRICE_SPIKE=(1, 4, 259))(setting(4, price=26_260))
case("spike down", PRICE_SPIKE=(1, 4, 261))(setting(4, price=25_740))
case("half a percent is within the tunnel")(setting(4, price=26_130))
case("a jump that stays is a move")(setting(slice(4, 8), price=27_000))
case("a swing to the other side is no spike")(both(setting(4, price=26_400), setting(slice(5, 8), price=25_700)))
case("a cross may be far away")(setting(4, price=30_000, trade_type=int(TradeType.CROSS), side=0))
case("unknown kind", UNKNOWN_KIND=(1, 4, 200))(setting(4, kind=200))


@pytest.mark.parametrize("name", EVENT_CASES)
def test_tells_the_defect_where_it_is(name: str) -> None:
    spoil, expected = EVENT_CASES[name]
    events = stack(quiet_trades())
    spoil(events)
    assert found(events) == expected


@pytest.mark.parametrize(
    ("seconds", "trade", "quote"),
    [(-901, 901, 901), (-899, 899, 0), (-1, 1, 0), (0, 0, 0), (32_400 + 299, 0, 0), (32_400 + 300, 300, 300)],
)
def test_hours_end_five_minutes_late_and_begin_earlier_for_quotes(seconds: int, trade: int, quote: int) -> None:
    for event, late in ((make_trade(seconds, 26_000), trade), (make_book(seconds, 25_999, 26_000)[0], quote)):
        expected = {Defect.OUTSIDE_HOURS: (1, 0, late * SECOND_NS)} if late else {}
        assert found(event) == expected
    assert found(make_event(Kind.BOOK_CLEAR, -12_000)) == {}  # exports begin hours before the session with one


def test_a_crossed_and_a_locked_book_are_told_apart_once_their_instant_is_over() -> None:
    events = stack(
        [
            make_trade(HALF_HOUR, 26_000),
            *make_book(HALF_HOUR + 1, 25_999, 26_000),
            *make_book(HALF_HOUR + 2, 26_003, 26_004),  # the bid comes first: crossed within the instant only
            *make_book(HALF_HOUR + 3, 26_003, 26_003),
            *make_book(HALF_HOUR + 4, 26_009, 26_002),
            *make_book(HALF_HOUR + 5, 26_001, 26_002),
        ]
    )
    expected = {Defect.BOOK_CROSSED: (1, 8, 7), Defect.BOOK_LOCKED: (1, 6, 0)}
    assert found(events) == expected
    assert found(events[:-2]) == expected  # the last instant counts as over
    levels = events.copy()
    levels["kind"][1:] = Kind.LEVEL_SET
    assert found(levels) == expected
    levels["level"][1:] = 1
    assert found(levels) == {}  # deeper levels say nothing of the best


@pytest.mark.parametrize(
    "before",
    [
        make_event(Kind.STATE, HALF_HOUR - 1, level=Phase.AUCTION),
        make_event(Kind.STATE, HALF_HOUR - 1, level=Phase.FROZEN),
    ],
)
def test_a_book_may_be_crossed_while_the_market_is_not_open(before: np.ndarray) -> None:
    assert found(stack([before, *make_book(HALF_HOUR, 26_009, 26_002)])) == {}


def test_the_opening_call_may_be_crossed_until_its_first_trade() -> None:
    call = make_book(-200, 26_300, 26_000) + make_book(60, 26_100, 26_050)
    assert found(stack(call)) == {}
    assert found(stack([*call, make_trade(61, 26_060), *make_book(62, 26_059, 26_060)])) == {}
    assert found(stack([*call, make_trade(61, 26_060), *make_book(62, 26_062, 26_060)])) == {
        Defect.BOOK_CROSSED: (1, 6, 2)
    }
    assert found(stack(make_book(901, 26_062, 26_060))) == {Defect.BOOK_CROSSED: (1, 1, 2)}  # quotes without trades


@pytest.mark.parametrize(("seconds", "crossed"), [(32_400 - 901, 1), (32_400 - 900, 0), (32_400 + 10, 0)])
def test_a_closing_call_and_what_follows_the_close_may_be_crossed(seconds: int, crossed: int) -> None:
    events = stack([make_trade(HALF_HOUR, 26_000), *make_book(seconds, 26_009, 26_002)])
    assert len(check_events(events, SESSION, 900 * SECOND_NS)) == crossed
    future = stack([make_trade(HALF_HOUR, 26_000), *make_book(32_399, 26_009, 26_002)])
    assert found(future) == {Defect.BOOK_CROSSED: (1, 2, 7)}  # no call: up to the last second


@pytest.mark.parametrize("emptied", ["price 0", "level deleted", "book cleared", "gap"])
def test_an_empty_side_crosses_nothing(emptied: str) -> None:
    bid, ask = make_book(HALF_HOUR + 1, 26_009, 26_010)
    gone = {
        "price 0": make_event(Kind.QUOTE_SIDE, HALF_HOUR + 2, side=Side.SELL),
        "level deleted": make_event(Kind.LEVEL_DELETE, HALF_HOUR + 2, side=Side.SELL, price=26_010),
        "book cleared": make_event(Kind.BOOK_CLEAR, HALF_HOUR + 2),
        "gap": make_event(Kind.GAP, HALF_HOUR + 2),
    }[emptied]
    higher = make_book(HALF_HOUR + 3, 26_050, 26_060)[0]
    assert found(stack([bid, ask, gone, higher])) == {}
    assert found(stack([bid, ask, higher])) == {Defect.BOOK_CROSSED: (1, 2, 40)}


@pytest.mark.parametrize(
    ("phase", "trade_type", "told"),
    [
        (Phase.OPEN, TradeType.BUY_AGGRESSION, False),
        (Phase.AUCTION, TradeType.BUY_AGGRESSION, True),
        (Phase.AUCTION, TradeType.AUCTION, False),
        (Phase.PRE_OPENING, TradeType.AUCTION, False),
        (Phase.FROZEN, TradeType.AUCTION, True),
        (Phase.INHIBITED, TradeType.BUY_AGGRESSION, True),
        (Phase.CLOSED, TradeType.AUCTION, True),
    ],
)
def test_trades_while_the_market_is_not_open(phase: Phase, trade_type: TradeType, told: bool) -> None:
    events = stack([make_event(Kind.STATE, 10, level=phase), make_trade(11, 26_000, trade_type=trade_type)])
    assert found(events) == ({Defect.TRADE_IN_HALT: (1, 1, int(phase))} if told else {})


def test_untyped_trades_up_to_one_in_a_thousand_are_no_finding() -> None:
    events = stack([make_trade(1, 26_000)] * 2000)
    events["trade_type"][:2] = TradeType.UNKNOWN
    assert found(events) == {}
    events["trade_type"][2] = TradeType.UNKNOWN
    assert found(events) == {Defect.UNTYPED_TRADES: (3, 0, 1)}


def test_the_synthetic_market_has_no_defect() -> None:
    market = SyntheticMarket(sessions=2, trades_per_session=2000)
    for index, day in enumerate(market.days()):
        session, events = B3.session("WIN", day), market.session_events(index)
        assert check_events(events, session) == ()
        assert check_events(events[events["kind"] == Kind.QUOTE_SIDE], session) == ()
        assert check_bars(bars_from_events(events, session, MINUTE_NS), session) == ()


def test_no_records_have_no_defect() -> None:
    assert check_events(np.zeros(0, dtype=EVENT), SESSION) == ()
    assert check_bars(np.zeros(0, dtype=BAR), SESSION) == ()
    with pytest.raises(DataError, match="at least one session"):
        check_bars(make_bar(0, (1, 1, 1, 1)), SESSION[:0])


# --- the slow twin of events ---


def naive_events(events: np.ndarray) -> dict[Defect, tuple[int, int, int]]:
    """The same findings from lists: (index, value) of every defect, then count, first, worst."""
    rows = [{name: int(row[name]) for name in EVENT.names or ()} for row in events]
    told: dict[Defect, list[tuple[int, int]]] = {defect: [] for defect in Defect}
    opens = int(SESSION["open_ns"][0])
    known_types = {*range(19), 32, 33, 34, 35}
    for i, row in enumerate(rows):
        ts, kind = row["ts_event_ns"], row["kind"]
        if i and row["sequence"] <= rows[i - 1]["sequence"]:
            told[Defect.SEQUENCE_BACK].append((i, rows[i - 1]["sequence"] - row["sequence"]))
        if i and ts < rows[i - 1]["ts_event_ns"]:
            told[Defect.TIME_BACK].append((i, rows[i - 1]["ts_event_ns"] - ts))
        if ts - row["ts_recv_ns"] > 2 * SECOND_NS:
            told[Defect.RECEIVED_EARLY].append((i, ts - row["ts_recv_ns"]))
        if kind not in set(Kind):
            told[Defect.UNKNOWN_KIND].append((i, kind))
        early_ns = 0 if kind in (Kind.TRADE, Kind.EDIT) else 900 * SECOND_NS
        if kind in (Kind.TRADE, Kind.EDIT, Kind.QUOTE_SIDE, Kind.LEVEL_SET, Kind.LEVEL_DELETE):
            if ts < opens - early_ns:
                told[Defect.OUTSIDE_HOURS].append((i, opens - ts))
            if ts >= CLOSE_NS + 300 * SECOND_NS:
                told[Defect.OUTSIDE_HOURS].append((i, ts - CLOSE_NS))
        sides = {Kind.TRADE: (-1, 0, 1)}.get(kind, (-1, 1))  # type: ignore[call-overload]
        if kind in (Kind.TRADE, Kind.QUOTE_SIDE, Kind.LEVEL_SET, Kind.LEVEL_DELETE) and row["side"] not in sides:
            told[Defect.UNKNOWN_SIDE].append((i, abs(row["side"])))
        least = {Kind.TRADE: 1, Kind.LEVEL_SET: 1, Kind.QUOTE_SIDE: 0}.get(kind)  # type: ignore[call-overload]
        if least is not None and row["price"] < least:
            told[Defect.NO_PRICE].append((i, -row["price"]))
        if least is not None and row["quantity"] < least:
            told[Defect.NO_QUANTITY].append((i, -row["quantity"]))
        if kind == Kind.TRADE and row["quantity"] > 100_000:
            told[Defect.HUGE_QUANTITY].append((i, row["quantity"]))
        if kind == Kind.TRADE and row["trade_type"] not in known_types:
            told[Defect.UNKNOWN_TRADE_TYPE].append((i, row["trade_type"]))
    naive_halts(rows, told)
    naive_tape(rows, told, known_types)
    naive_books(rows, told)
    lowest = (Defect.NO_PRICE, Defect.NO_QUANTITY)
    return {
        defect: (len(list_), list_[0][0], max(v for _, v in list_) * (-1 if defect in lowest else 1))
        for defect, list_ in told.items()
        if list_
    }


def phase_at(rows: list[dict[str, int]], i: int) -> int:
    return next((row["level"] for row in reversed(rows[: i + 1]) if row["kind"] == Kind.STATE), int(Phase.OPEN))


def naive_halts(rows: list[dict[str, int]], told: dict[Defect, list[tuple[int, int]]]) -> None:
    for i, row in enumerate(rows):
        phase = phase_at(rows, i)
        printed = row["trade_type"] == TradeType.AUCTION and phase not in (
            Phase.FROZEN,
            Phase.INHIBITED,
            Phase.CLOSED,
        )
        if row["kind"] == Kind.TRADE and phase != Phase.OPEN and not printed:
            told[Defect.TRADE_IN_HALT].append((i, phase))


def naive_tape(rows: list[dict[str, int]], told: dict[Defect, list[tuple[int, int]]], known: set[int]) -> None:
    trades = [(i, row) for i, row in enumerate(rows) if row["kind"] == Kind.TRADE]
    untyped = [i for i, row in trades if row["trade_type"] in (0, 32) or row["trade_type"] not in known]
    inferred = any(row["flags"] & (Flag.INFERRED_AGGRESSOR | Flag.NO_AGGRESSOR) for _, row in trades)
    if not inferred and len(untyped) > 0.001 * len(trades):
        told[Defect.UNTYPED_TRADES] = [(i, len(untyped) * 1000 // len(trades)) for i in untyped]
    numbered = [(i, row["trade_number"]) for i, row in trades if row["trade_number"]]
    for k, (i, number) in enumerate(numbered):
        if k and number < numbered[k - 1][1]:
            told[Defect.TRADE_NUMBER_BACK].append((i, numbered[k - 1][1] - number))
        if number in [earlier for _, earlier in numbered[:k]]:
            told[Defect.TRADE_NUMBER_REPEATED].append((i, number))
    priced = [(i, row["price"]) for i, row in trades if row["trade_type"] in (0, 2, 3, 4, 13) and row["price"] > 0]
    for (_, before), (i, price), (_, after) in zip(priced, priced[1:], priced[2:], strict=False):
        far = max(20, before * 6 // 1000)
        beyond = min(price - before, price - after) > far or max(price - before, price - after) < -far
        if beyond and abs(after - before) <= far:
            told[Defect.PRICE_SPIKE].append((i, abs(price - before)))


def naive_books(rows: list[dict[str, int]], told: dict[Defect, list[tuple[int, int]]]) -> None:
    """The book after every instant in which it changed, rebuilt from the start each time."""
    for i, row in enumerate(rows):
        if i + 1 < len(rows) and rows[i + 1]["ts_event_ns"] == row["ts_event_ns"]:
            continue
        best, touched = {1: 0, -1: 0}, -1
        for k, earlier in enumerate(rows[: i + 1]):
            if k and earlier["ts_event_ns"] != rows[k - 1]["ts_event_ns"]:
                touched = -1
            if earlier["kind"] in (Kind.BOOK_CLEAR, Kind.GAP):
                best, touched = {1: 0, -1: 0}, -1
            top = earlier["kind"] in (Kind.LEVEL_SET, Kind.LEVEL_DELETE) and earlier["level"] == 0
            if earlier["kind"] == Kind.QUOTE_SIDE or top:
                price = 0 if earlier["kind"] == Kind.LEVEL_DELETE else earlier["price"]
                best[1 if earlier["side"] > 0 else -1], touched = price, k
        called = any(r["kind"] == Kind.TRADE for r in rows[: i + 1]) or row["ts_event_ns"] >= OPEN_NS + 900 * SECOND_NS
        if touched >= 0 and called and row["ts_event_ns"] < CLOSE_NS and phase_at(rows, i) == Phase.OPEN:
            if best[1] > best[-1] > 0:
                told[Defect.BOOK_CROSSED].append((touched, best[1] - best[-1]))
            elif best[1] == best[-1] > 0:
                told[Defect.BOOK_LOCKED].append((touched, 0))


usual = st.fixed_dictionaries(
    {
        "step_ns": st.sampled_from([0, 0, 1, SECOND_NS, 60 * SECOND_NS, -SECOND_NS]),
        "skew_ns": st.sampled_from([0, 0, SECOND_NS, -SECOND_NS, -2 * SECOND_NS, -3 * SECOND_NS]),
        "kind": st.sampled_from([1, 1, 1, 5, 5, 2, 3, 4, 6, 7, 8, 9, 99]),
        "side": st.sampled_from([-1, 1, 0, 5]),
        "price": st.sampled_from([0, -3, 990, 1000, 1001, 1002, 1005, 1100]),
        "quantity": st.sampled_from([0, -1, 1, 5, 100_000, 100_001]),
        "trade_type": st.sampled_from([2, 3, 4, 0, 1, 13, 32, 19, 200]),
        "trade_number": st.integers(0, 12),
        "level": st.sampled_from([0, 0, 1, 4, 13]),
        "flags": st.sampled_from([0] * 12 + [1, 16]),
        "sequence_step": st.sampled_from([1, 1, 1, 1, 2, 0, -1]),
    }
)


@given(st.lists(usual, max_size=30), st.sampled_from([-1000, -1, 0, 850, 5000, 32_400 - 10, 32_400 + 290]))
@settings(deadline=None, max_examples=300)
def test_equals_the_slow_twin(drawn: list[dict[str, int]], start: int) -> None:
    events = np.zeros(len(drawn), dtype=EVENT)
    ts, sequence = OPEN_NS + start * SECOND_NS, 0
    for event, row in zip(events, drawn, strict=True):
        ts, sequence = ts + row["step_ns"], sequence + row["sequence_step"]
        event["ts_event_ns"], event["ts_recv_ns"], event["sequence"] = ts, ts + row["skew_ns"], sequence
        for name in ("kind", "side", "price", "quantity", "trade_type", "trade_number", "level", "flags"):
            event[name] = row[name]
    assert found(events) == naive_events(events)
