"""Market data from a real C library's own thread, through the compiled callbacks, into the ring."""

from datetime import date
from typing import Any

import numpy as np
import pytest

from market.home import Home
from market.instruments import B3
from market.stream import with_clock
from market.types import EVENT, Kind
from tests.live.profitdll.vendor import answer_of, run_child

OPEN = """
from datetime import date
from live.profitdll.market import Market
from live.profitdll.table import Counter
from live.ring import Reader
connection = open_connection(home, library)
vendor, market = Vendor(library), Market(connection, date(2026, 11, 19))
events = Reader(connection.events, keeps=True)
def counters():
    return {one.name: connection.table[one] for one in Counter if connection.table[one]}
def told():
    found = events.take()
    return [[int(x) if not isinstance(x, float) else x for x in row] for row in found.tolist()]
"""


def rows(listed: list[list[int]]) -> np.ndarray:
    return np.array([tuple(one) for one in listed], dtype=EVENT)


def told(home: Home, body: str, **environment: str) -> Any:
    return answer_of(run_child(OPEN + body, home, **environment))


def test_trade_is_decoded_to_ticks_and_utc(home: Home) -> None:
    found = told(home, """
made = market.subscribe("WDOZ26")
vendor.play("trade WDOZ26 2026-11-19T10:00:01.250 71 5432.5 3 308 85 2 0")
vendor.play("trade WDOZ26 2026-11-19T10:00:01.251 72 5432.0 7 3 9 3 1")
print(json.dumps(told())); end()
""")  # fmt: skip
    first, second = rows(found)
    # 10:00:01.250 in São Paulo is 13:00:01.250 UTC (date -u -d 2026-11-19T13:00:01 +%s).
    assert first["ts_event_ns"] == 1_795_093_201_250_000_000
    assert (first["price"], first["quantity"], first["trade_number"]) == (10865, 3, 71)
    assert (first["buyer"], first["seller"], first["side"], first["trade_type"]) == (308, 85, 1, 2)
    assert (first["kind"], first["instrument"], first["sequence"], first["flags"]) == (Kind.TRADE, 1, 0, 0)
    assert abs(int(first["ts_recv_ns"]) - 1_795_093_201_000_000_000) < 10 * 365 * 86_400 * 1_000_000_000
    assert (second["kind"], second["side"], second["sequence"]) == (Kind.EDIT, -1, 1)


def test_what_is_no_trade_is_counted_and_what_cannot_be_read_leaves_a_gap(home: Home) -> None:
    found, counted = told(home, """
market.subscribe("WDOZ26")
at = "2026-11-19T10:00:01.250"
vendor.play(f"trade WDOZ26 {at} 1 0.0 3 1 2 2 0")  # sentinels: no price, no date
vendor.play(f"trade WDOZ26 {at} 2 -5.0 3 1 2 2 0")
vendor.play("trade WDOZ26 0-0-0T0:0:0.0 3 5432.5 3 1 2 2 0")
vendor.play("trade WDOZ26 2026-11-20T10:00:01.250 3 5432.5 3 1 2 2 0")  # of tomorrow, and of yesterday
vendor.play("trade WDOZ26 2026-11-18T17:59:59.999 3 5432.5 3 1 2 2 0")
vendor.play(f"trade WINZ26 {at} 4 120000 3 1 2 2 0")  # not asked for
vendor.play(f"trade WDOZ26LONGNAME {at} 5 5432.5 3 1 2 2 0")
vendor.play(f"trade WDOZ26 {at} 6 5432.5 3 1 2 3 0")  # the first that counts
vendor.play(f"trade WDOZ26 {at} 7 5432.3 3 1 2 2 0")  # between two ticks
vendor.play(f"trade WDOZ26 {at} 8 5432.5 7577984695221092352 1 2 2 0")  # a quantity read at a wrong place
vendor.play(f"translate -2147483636\\ntrade WDOZ26 {at} 9 5432.5 3 1 2 2 0\\ntranslate 0")
vendor.play(f"trade WDOZ26 {at} 10 5433.0 4 1 2 13 0")
print(json.dumps([told(), counters()])); end()
""")  # fmt: skip
    first, gap, last = rows(found)
    assert [first["kind"], gap["kind"], last["kind"]] == [Kind.TRADE, Kind.GAP, Kind.TRADE]
    assert gap["quantity"] == 3
    assert [first["sequence"], gap["sequence"], last["sequence"]] == [0, 1, 2]
    assert (last["trade_type"], last["side"], last["price"]) == (13, 0, 10866)
    assert counted == {
        "CALLS": 2, "UNKNOWN_TICKER": 2, "UNTRANSLATED": 1, "SENTINELS": 3, "OFF_GRID": 1, "OUT_OF_RANGE": 1,
        "OTHER_DAY": 2,
    }  # fmt: skip


def test_full_ring_counts_what_it_drops_and_marks_the_gap(home: Home) -> None:
    found, dropped, rest = told(home, """
market.subscribe("WDOZ26")
lines = [f"trade WDOZ26 2026-11-19T10:00:01.250 {n} 5432.5 1 1 2 2 0" for n in range(1, 5001)]
vendor.play("\\n".join(lines))
first = told()
dropped = connection.events.dropped
vendor.play("trade WDOZ26 2026-11-19T10:00:02.000 6000 5433.5 1 1 2 2 0")
print(json.dumps([first, dropped, told()])); end()
""")  # fmt: skip
    kept = rows(found)
    assert kept["trade_number"].tolist() == list(range(1, len(kept) + 1))
    assert len(kept) + dropped == 5000
    assert 4090 <= len(kept) <= 4096
    gap, trade = rows(rest)
    assert (gap["kind"], gap["quantity"], trade["trade_number"]) == (Kind.GAP, dropped, 6000)


def test_a_second_process_goes_on_with_sequence_and_clock_behind_a_gap(home: Home) -> None:
    """Nobody knows how much was missed, so the gap has no quantity; boundaries after the last event come at the end."""
    found = told(home, """
from market.instruments import B3
made, hours = market.prepare("WDOZ26"), B3.session("WDOZ26", date(2026, 11, 19))[0]
minute = 60 * 10**9
market.keep_clock("WDOZ26", hours, minute)
first = int(hours["close_ns"]) - 4 * minute
market.go_on("WDOZ26", 70, first)
market.ask(made)
stamp = np.datetime64(first - 3 * 3600 * 10**9 + 2 * minute, "ns").astype("<M8[ms]")
vendor.play(f"trade WDOZ26 {stamp} 900 5432.5 3 1 2 2 0")
market.end_clock("WDOZ26")
print(json.dumps([first, told()])); end()
""")  # fmt: skip
    first, heard = found[0], rows(found[1])
    kinds = [Kind.CLOCK, Kind.CLOCK, Kind.GAP, Kind.TRADE, Kind.CLOCK, Kind.CLOCK]
    assert heard["kind"].tolist() == kinds
    assert heard["sequence"].tolist() == [70, 70, 70, 71, 72, 72]
    assert [(int(ts) - first) // 60_000_000_000 for ts in heard["ts_event_ns"]] == [1, 2, 2, 2, 3, 4]
    assert int(heard["quantity"][2]) == 0


def test_clock_stands_before_the_first_event_at_its_boundary_as_in_a_replay(home: Home) -> None:
    found = told(home, """
from market.instruments import B3
session = B3.session("WDOZ26", date(2026, 11, 19))
market.subscribe("WDOZ26")
market.keep_clock("WDOZ26", session[0], 60 * 10**9)
opens = int(session["open_ns"][0]) - 3 * 3600 * 10**9
stamp = lambda ns: str(np.datetime64(opens + ns, "ns").astype("<M8[ms]"))
for number, after_s in enumerate((1, 59.999, 60, 61, 300), 1):
    vendor.play(f"trade WDOZ26 {stamp(int(after_s * 10**9))} {number} 5432.5 1 1 2 2 0")
print(json.dumps(told())); end()
""")  # fmt: skip

    live = rows(found)
    trades = live[live["kind"] == Kind.TRADE]
    expected = with_clock(trades, B3.session("WDOZ26", date(2026, 11, 19)), 60 * 10**9)
    expected = expected[: len(live)]  # a replay also knows the boundaries after the last event
    assert (live["kind"] == Kind.CLOCK).sum() == 5
    for name in ("ts_event_ns", "kind", "sequence", "instrument", "price"):
        assert live[name].tolist() == expected[name].tolist(), name


DEPTH = """
market.subscribe("WDOZ26", depth=True)
def level(side, at, price, quantity, flags=0): vendor.play(f"level {side} {at} {price} {quantity} {flags}")
def depth(side, at, kind): vendor.play(f"depth WDOZ26 {side} {at} {kind}")
for at in range(3):
    level(0, at, 5432.0 - at / 2, 10 + at); level(1, at, 5432.5 + at / 2, 20 + at)
vendor.play("levels 0 3\\nlevels 1 3")
depth(0, 0, 4); depth(1, 0, 4)
"""


def levels(found: np.ndarray) -> list[tuple[int, ...]]:
    return [tuple(int(one[name]) for name in ("kind", "side", "level", "price", "quantity")) for one in found]


def test_depth_is_read_from_the_library_and_told_by_what_changed(home: Home) -> None:
    book, edited, inserted, removed, asked = told(home, DEPTH + """
book = told()
level(0, 1, 5431.5, 99); level(1, 1, 5433.0, 98)
depth(0, 1, 1)  # an edit of that level alone
edited = told()
level(1, 0, 5432.5, 1); level(1, 1, 5433.0, 98); vendor.play("levels 1 3")
vendor.play("depth WDOZ26 1 0 5"); depth(1, 1, 1); depth(1, 0, 3); inside = told(); depth(1, 0, 6)  # one burst
inserted = told()
vendor.play("levels 0 1"); depth(0, 1, 8)
print(json.dumps([book, edited, inside + inserted, told(), vendor.said()])); end()
""")  # fmt: skip
    s, d = int(Kind.LEVEL_SET), int(Kind.LEVEL_DELETE)
    assert levels(rows(book)) == [
        (s, 1, 0, 10864, 10), (s, 1, 1, 10863, 11), (s, 1, 2, 10862, 12),
        (s, -1, 0, 10865, 20), (s, -1, 1, 10866, 21), (s, -1, 2, 10867, 22),
    ]  # fmt: skip
    assert levels(rows(edited)) == [(s, 1, 1, 10863, 99)]
    assert levels(rows(inserted)) == [(s, -1, 0, 10865, 1), (s, -1, 1, 10866, 98)]
    assert levels(rows(removed)) == [(d, 1, 1, 0, 0), (d, 1, 2, 0, 0)]
    assert asked[-2:] == ["SubscribeTicker WDOZ26 F", "SubscribePriceDepth v0 WDOZ26 F 0"]


def test_theoretical_level_is_no_level(home: Home) -> None:
    found, counted = told(home, DEPTH + """
told(); level(0, 0, float("-inf"), 5, 1)
depth(0, 0, 7); depth(0, 0, 0)
print(json.dumps([told(), counters()["NOT_FINITE"]])); end()
""")  # fmt: skip
    assert found == []
    assert counted == 2


def test_gap_lets_the_whole_depth_be_told_again(home: Home) -> None:
    found = told(home, DEPTH + """
told(); vendor.play("state 2 1\\nstate 2 2\\nstate 2 4")
depth(0, 2, 1)  # the notice speaks of one level, but after a gap nobody knows the others
print(json.dumps(told())); end()
""")  # fmt: skip
    told_again = rows(found)
    assert told_again[0]["kind"] == Kind.GAP
    assert [(one[2], one[3]) for one in levels(told_again)[1:]] == [(0, 10864), (1, 10863), (2, 10862)]


def test_quote_phase_and_daily_figures(home: Home) -> None:
    found, daily = told(home, """
from live.profitdll import table
made = market.subscribe("WDOZ26")
vendor.play("quote WDOZ26 5432.5 7 0\\nquote WDOZ26 5433 8 1\\nquote WDOZ26 0 0 1\\nphase WDOZ26 4\\nphase WDOZ26 0")
vendor.play("daily WDOZ26\\ntheoretical WDOZ26 5440.5 77")
words = made.block.view(np.float64)
print(json.dumps([told(), [
    words[table.SETTLEMENT // 8], words[table.DAILY_VOLUME // 8], made.word(table.DAILY_QUANTITY),
    made.word(table.DAILY_TRADES), words[table.THEORETICAL_PRICE // 8], made.word(table.THEORETICAL_QUANTITY),
]])); end()
""")  # fmt: skip
    q, s = int(Kind.QUOTE_SIDE), int(Kind.STATE)
    assert levels(rows(found)) == [
        (q, 1, 0, 10865, 7), (q, -1, 0, 10866, 8), (q, -1, 0, 0, 0), (s, 0, 4, 0, 0), (s, 0, 0, 0, 0)
    ]  # fmt: skip
    assert daily == [6.25, 5.5, 11, 12, 5440.5, 77]  # vendor.c numbers the figures 1 to 17


def test_silent_subscription_is_an_alarm_with_a_reason(home: Home) -> None:
    quiet, closed, alive, unknown, lost = told(home, """
now = [0.0]
market = Market(connection, date(2026, 11, 19), clock=lambda: now[0])
market.subscribe("WDOZ26"); market.subscribe("WINZ26")
now[0] = 31.0
quiet, closed = market.alarms(True), market.alarms(False)
vendor.play("trade WDOZ26 2026-11-19T10:00:01.250 1 5432.5 1 1 2 2 0")
alive = market.alarms(True)
vendor.play("invalid WINZ26"); market.hear(connection.reader.take())
unknown = market.alarms(False)
vendor.play("state 2 0"); market.hear(connection.reader.take())
market.subscribe("WDOF27"); now[0] = 62.0
print(json.dumps([quiet, closed, alive, unknown, market.alarms(True)])); end()
""")  # fmt: skip
    assert [one.split(":")[0] for one in quiet] == ["WDOZ26", "WINZ26"]
    assert "within 30 s of the subscription, found none; the vendor took the subscription: ask the broker" in quiet[0]
    assert closed == []
    assert [one.split(":")[0] for one in alive] == ["WINZ26"]
    assert unknown[0].endswith("the vendor knows no such ticker: name another contract")
    assert "market data are not connected" in lost[-1]


def test_reconnection_asks_again_for_everything(home: Home) -> None:
    said = told(home, """
market.subscribe("WDOZ26", depth=True); market.hear(connection.reader.take())
vendor.play("state 2 0\\nstate 2 1"); market.hear(connection.reader.take())
before = len(vendor.said())
vendor.play("state 2 2\\nstate 2 4"); market.hear(connection.reader.take())
market.hear(connection.reader.take())
print(json.dumps(vendor.said()[before:])); end()
""")  # fmt: skip
    assert said == ["SubscribeTicker WDOZ26 F", "SubscribePriceDepth v0 WDOZ26 F 0"]


@pytest.mark.parametrize("symbol", ["PETR4", "WIN$", "WDOX26 "])
def test_ticker_that_is_no_future_is_refused(home: Home, symbol: str) -> None:
    kind, said = told(home, f"""
from market.errors import PregaoError
market.subscribe("WDOX26")
try:
    market.subscribe({symbol!r}); kind = "none"
except PregaoError as error:
    kind = type(error).__name__
print(json.dumps([kind, vendor.said()[2:]])); end()
""")  # fmt: skip
    assert kind in ("UsageError", "UnknownSymbol")
    assert said == ["SubscribeTicker WDOX26 F"]


def test_a_subscription_refused_after_a_reconnection_is_an_alarm_and_asked_for_again(home: Home) -> None:
    refused, again = told(home, """
market.subscribe("WDOZ26")
vendor.play("answer SubscribeTicker -2147483604\\nstate 2 1\\nstate 2 4")
market.hear(connection.reader.take())
refused = market.alarms(False)
vendor.play("answer SubscribeTicker 0\\nstate 1 5")
market.hear(connection.reader.take())
print(json.dumps([refused, market.alarms(False)])); end()
""")  # fmt: skip
    assert len(refused) == 1
    assert refused[0].startswith("after a reconnection: SubscribeTicker: expected ")
    assert again == []
