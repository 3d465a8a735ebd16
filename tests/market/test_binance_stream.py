"""Recordings of Binance's streams, written by hand, against the events they say."""

import gzip
import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from market.book import apply_all, best, levels, new_book
from market.errors import FileRefused, UnknownSymbol
from market.importer import ImportResult, import_file
from market.instruments import Declaration, declare
from market.lake import Lake
from market.lake_manifest import Cause
from market.readers import binance_stream
from market.types import PRICE_KEYED, Kind, TradeType

DAY = date(2024, 8, 8)
MS = 1_000_000
NOON_MS = 1_723_118_400_000  # 2024-08-08 12:00 UTC
MIDNIGHT_MS = NOON_MS + 12 * 3_600_000
Pairs = list[tuple[str, str]]
BEHIND_MS = 1_200  # the recorder's clock


def line(time_ms: int, message: dict[str, Any], behind_ms: int = BEHIND_MS) -> str:
    return f"{(time_ms - behind_ms) * MS + 7} {json.dumps(message)}"


def trade(time_ms: int, number: int, price: str, quantity: str, buyer_rests: bool, **more: Any) -> str:
    data = {"e": "trade", "E": time_ms, "T": time_ms, "s": "BTCUSDT", "t": number, "p": price, "q": quantity}
    return line(time_ms, {"stream": "btcusdt@trade", "data": {**data, "X": "MARKET", "m": buyer_rests, **more}})


def quotes(time_ms: int, update: int, bid: tuple[str, str], ask: tuple[str, str]) -> str:
    data = {"e": "bookTicker", "u": update, "s": "BTCUSDT", "T": time_ms, "E": time_ms}
    told = {"b": bid[0], "B": bid[1], "a": ask[0], "A": ask[1]}
    return line(time_ms, {"stream": "btcusdt@bookTicker", "data": {**data, **told}})


def change(time_ms: int, previous: int, update: int, bids: Pairs, asks: Pairs, behind_ms: int = BEHIND_MS) -> str:
    data = {"e": "depthUpdate", "E": time_ms + 1, "T": time_ms, "s": "BTCUSDT", "U": previous + 1, "u": update}
    message = {"stream": "btcusdt@depth@0ms", "data": {**data, "pu": previous, "b": bids, "a": asks}}
    return line(time_ms, message, behind_ms)


def snapshot(time_ms: int, update: int, bids: Pairs, asks: Pairs) -> str:
    return line(time_ms, {"lastUpdateId": update, "E": time_ms + 8, "T": time_ms, "bids": bids, "asks": asks})


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    bitcoin = declare("BTCUSDT", Declaration(0.1, 0.001, 1.0, "USDT", "always", "UTC"))
    return Lake(tmp_path / "lake", {"BTCUSDT": bitcoin})


Import = Callable[..., ImportResult]


@pytest.fixture
def imported(lake: Lake, tmp_path: Path) -> Import:
    def run(*lines: str) -> ImportResult:
        path = tmp_path / "btcusdt_20240808.gz"
        path.write_bytes(gzip.compress("".join(f"{one}\n" for one in lines).encode()))
        return import_file(lake, path)

    return run


def told(records: np.ndarray) -> list[tuple[str, int, int, int]]:
    return [(Kind(int(e["kind"])).name, int(e["side"]), int(e["price"]), int(e["quantity"])) for e in records]


def filler(count: int, first: int = 1_000) -> list[str]:
    """Enough good lines for a few bad ones to be set aside."""
    return [trade(NOON_MS, first + k, "61800.10", "0.001", True) for k in range(count)]


def test_trades_keep_both_clocks_the_number_and_the_aggressor(lake: Lake, imported: Import) -> None:
    result = imported(
        trade(NOON_MS, 41, "61800.30", "0.006", False),
        trade(NOON_MS + 1, 42, "61800.20", "12.000", True),
    )
    assert (result.format, result.contracts, result.rows, result.sessions) == ("binance_stream", ("BTCUSDT",), 2, 1)
    records = lake.read_events("BTCUSDT", DAY)
    assert told(records) == [("TRADE", 1, 618_003, 6), ("TRADE", -1, 618_002, 12_000)]
    assert list(records["trade_number"]) == [41, 42]
    assert list(records["trade_type"]) == [TradeType.BUY_AGGRESSION, TradeType.SELL_AGGRESSION]
    assert list(records["ts_event_ns"]) == [NOON_MS * MS, (NOON_MS + 1) * MS]
    assert list(records["ts_recv_ns"]) == [(NOON_MS - 1_200) * MS + 7, (NOON_MS - 1_199) * MS + 7]
    assert "received -1.200 to -1.200 s after" in result.reason


def test_the_order_is_that_of_arrival_though_exchange_times_step_back(lake: Lake, imported: Import) -> None:
    imported(
        quotes(NOON_MS + 5, 1, ("61800.20", "1.5"), ("61800.30", "0.5")),
        trade(NOON_MS, 1, "61800.30", "0.001", False),
        snapshot(NOON_MS + 2, 10, [("61800.20", "1.500")], [("61800.30", "0.499")]),
    )
    records = lake.read_events("BTCUSDT", DAY)
    assert list(records["sequence"]) == list(range(6))
    assert told(records) == [
        ("QUOTE_SIDE", 1, 618_002, 1_500),
        ("QUOTE_SIDE", -1, 618_003, 500),
        ("TRADE", 1, 618_003, 1),
        ("BOOK_CLEAR", 0, 0, 0),
        ("LEVEL_SET", 1, 618_002, 1_500),
        ("LEVEL_SET", -1, 618_003, 499),
    ]
    assert [int(ms) for ms in (records["ts_event_ns"] // MS - NOON_MS)] == [5, 5, 0, 2, 2, 2]
    assert {p.kind: p.rows for p in lake.partitions()} == {"trades": 1, "quotes": 2, "book": 3}


def test_a_late_snapshot_drops_what_it_holds_and_keeps_what_it_does_not(lake: Lake, imported: Import) -> None:
    result = imported(
        change(NOON_MS, 90, 100, [("61799.0", "9")], []),
        change(NOON_MS + 50, 100, 110, [("61800.2", "2"), ("61799.9", "7")], []),  # straddles the snapshot
        change(NOON_MS + 100, 110, 120, [("61800.2", "3")], [("61800.4", "0.000")]),
        snapshot(NOON_MS + 40, 105, [("61800.2", "1"), ("61800.1", "4")], [("61800.3", "5"), ("61800.4", "6")]),
        change(NOON_MS + 150, 120, 130, [("61800.1", "0")], []),
    )
    records = lake.read_events("BTCUSDT", DAY)
    assert told(records) == [
        ("BOOK_CLEAR", 0, 0, 0),
        ("LEVEL_SET", 1, 618_002, 1_000),
        ("LEVEL_SET", 1, 618_001, 4_000),
        ("LEVEL_SET", -1, 618_003, 5_000),
        ("LEVEL_SET", -1, 618_004, 6_000),
        ("LEVEL_SET", 1, 618_002, 2_000),
        ("LEVEL_SET", 1, 617_999, 7_000),
        ("LEVEL_SET", 1, 618_002, 3_000),
        ("LEVEL_DELETE", -1, 618_004, 0),
        ("LEVEL_DELETE", 1, 618_001, 0),
    ]
    assert set(records["level"][1:]) == {PRICE_KEYED}
    assert (result.rows, result.rejected) == (4, 0)
    assert "1 row of depth the book held already left out" in result.reason


def test_a_missing_change_is_a_gap_until_the_next_snapshot(lake: Lake, imported: Import) -> None:
    result = imported(
        snapshot(NOON_MS, 100, [("61800.2", "1")], [("61800.3", "5")]),
        change(NOON_MS + 50, 100, 110, [("61800.2", "2")], []),
        change(NOON_MS + 150, 120, 130, [("61800.2", "3")], []),  # 110 to 120 is missing
        change(NOON_MS + 200, 130, 140, [("61800.1", "4")], []),
        snapshot(NOON_MS + 180, 135, [("61800.2", "8")], [("61800.3", "9")]),
        change(NOON_MS + 250, 140, 150, [("61800.0", "5")], []),
    )
    records = lake.read_events("BTCUSDT", DAY)
    assert told(records)[3:] == [
        ("LEVEL_SET", 1, 618_002, 2_000),
        ("GAP", 0, 0, 0),
        ("BOOK_CLEAR", 0, 0, 0),
        ("LEVEL_SET", 1, 618_002, 8_000),
        ("LEVEL_SET", -1, 618_003, 9_000),
        ("LEVEL_SET", 1, 618_001, 4_000),
        ("LEVEL_SET", 1, 618_000, 5_000),
    ]
    losses = [gap for gap in lake.partitions("book")[0].gaps if gap.cause == Cause.FEED_LOSS]
    assert [(gap.first_ns // MS - NOON_MS, gap.last_ns // MS - NOON_MS) for gap in losses] == [(50, 180)]
    assert result.rows == 5


def test_a_break_no_snapshot_mends_reaches_to_the_end(lake: Lake, imported: Import) -> None:
    result = imported(
        snapshot(NOON_MS, 100, [("61800.2", "1")], [("61800.3", "5")]),
        change(NOON_MS + 150, 120, 130, [("61800.2", "3")], []),
        change(NOON_MS + 200, 130, 140, [("61800.2", "4")], []),
        trade(NOON_MS + 900, 7, "61800.3", "0.001", False),
    )
    losses = [gap for gap in lake.partitions("book")[0].gaps if gap.cause == Cause.FEED_LOSS]
    assert [(gap.first_ns // MS - NOON_MS, gap.last_ns // MS - NOON_MS) for gap in losses] == [(0, 900)]
    assert not any(gap.cause == Cause.FEED_LOSS for gap in lake.partitions("trades")[0].gaps)
    assert "2 rows of depth no snapshot reaches left out" in result.reason
    book = new_book()
    apply_all(book, lake.read_events("BTCUSDT", DAY))
    assert best(book, 1) == (0, 0)


def test_a_snapshot_older_than_the_book_changes_nothing(lake: Lake, imported: Import) -> None:
    imported(
        snapshot(NOON_MS, 100, [("61800.2", "1")], [("61800.3", "5")]),
        change(NOON_MS + 50, 100, 110, [("61800.2", "2")], []),
        snapshot(NOON_MS + 40, 105, [("61800.2", "1")], [("61800.3", "5")]),
        change(NOON_MS + 50, 100, 110, [("61800.2", "2")], []),  # sent again
    )
    assert [row[0] for row in told(lake.read_events("BTCUSDT", DAY))].count("BOOK_CLEAR") == 1
    assert lake.partitions("book")[0].rows == 4


def test_what_is_sent_again_is_left_out(lake: Lake, imported: Import) -> None:
    one, two = trade(NOON_MS, 1, "61800.3", "0.001", False), quotes(NOON_MS, 9, ("61800.2", "1"), ("61800.3", "1"))
    result = imported(one, two, one, two)
    assert len(lake.read_events("BTCUSDT", DAY)) == 3
    assert "1 row of trade sent again left out, 1 row of bookTicker sent again left out" in result.reason


def test_other_streams_and_trades_outside_the_book_are_left_out(lake: Lake, imported: Import) -> None:
    other = line(NOON_MS, {"stream": "ethusdt@trade", "data": {"E": NOON_MS, "T": NOON_MS, "t": 1}})
    mark = line(NOON_MS, {"stream": "btcusdt@markPrice", "data": {"E": NOON_MS, "T": MIDNIGHT_MS + 8 * 3_600_000}})
    fund = trade(NOON_MS, 2, "0", "0", False, X="INSURANCE_FUND")
    result = imported(trade(NOON_MS, 1, "61800.3", "0.001", False), other, mark, fund)
    assert (result.rows, result.rejected) == (1, 0)
    for left in ("stream ethusdt@trade", "stream btcusdt@markPrice", "trades of type INSURANCE_FUND"):
        assert f"1 row of {left}" in result.reason


def test_an_empty_side_of_the_quotes_has_no_price(lake: Lake, imported: Import) -> None:
    imported(quotes(NOON_MS, 9, ("61800.2", "1"), ("0.00", "0.000")))
    assert told(lake.read_events("BTCUSDT", DAY)) == [("QUOTE_SIDE", 1, 618_002, 1_000), ("QUOTE_SIDE", -1, 0, 0)]


def test_messages_without_the_engines_time_carry_that_of_sending(lake: Lake, imported: Import) -> None:
    imported(trade(NOON_MS, 1, "61800.3", "0.001", False).replace('"T": ', '"W": '))
    assert lake.read_events("BTCUSDT", DAY)["ts_event_ns"][0] == NOON_MS * MS


def test_prices_are_exact_whether_quoted_or_bare(lake: Lake, imported: Import) -> None:
    prices = ["0.3", "61800.7", "214748364.7", "0.1000"]  # 0.3 / 0.1 is 2.9999999999999996 in floats
    imported(
        *(trade(NOON_MS, k + 1, price, "0.001", True) for k, price in enumerate(prices)),
        trade(NOON_MS, 9, "61800.7", "0.001", True).replace('"61800.7"', "61800.7"),
    )
    expected = [3, 618_007, 2_147_483_647, 1, 618_007]
    assert list(lake.read_events("BTCUSDT", DAY)["price"]) == expected


GOOD = trade(NOON_MS, 1, "61800.30", "0.006", False)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (GOOD[:-9], "malformed JSON"),
        (GOOD.partition(" ")[2], "no receive time in nanoseconds"),
        (GOOD.replace("61800.30", "61800.35"), "a price off the grid of 0.1"),
        (GOOD.replace("0.006", "0.0061"), "a quantity off the grid of 0.001"),
        (GOOD.replace("61800.30", "Infinity"), "a price that is not a number"),
        (GOOD.replace("61800.30", "NaN"), "a price that is not a number"),
        (GOOD.replace("61800.30", "-1.0"), "a price below zero or beyond any market"),
        (GOOD.replace("61800.30", "0.00"), "a trade without a price or a quantity"),
        (GOOD.replace('"q"', '"z"'), "a message without 'q'"),
        (GOOD.replace("false", "0"), "a trade that does not tell who was there first"),
        (GOOD.replace('"t": 1', '"t": "1"'), "a field 't' that is not a whole number"),
        (trade(NOON_MS + 400_000, 1, "61800.3", "0.001", True).replace("1723118798800", GOOD[:13]), "five minutes"),
        (GOOD[:20] + "[1, 2]", "a message of another shape"),
        (GOOD[:20] + '{"result": null, "id": 1}', "a message without 'T'"),
    ],
)
def test_sets_aside_a_line_that_cannot_be_used(lake: Lake, imported: Import, bad: str, reason: str) -> None:
    result = imported(*filler(60), bad, *filler(60, 2_000))
    assert (result.rows, result.rejected) == (120, 1)
    assert reason in result.reason
    assert next((lake.folder / "quarantine").iterdir()).read_text().splitlines()[1].startswith("61,")


def test_a_depth_line_set_aside_breaks_the_chain(lake: Lake, imported: Import) -> None:
    imported(
        *filler(120),
        snapshot(NOON_MS, 100, [("61800.2", "1")], [("61800.3", "5")]),
        change(NOON_MS + 50, 100, 110, [("61800.25", "2")], []),
        change(NOON_MS + 99, 110, 120, [("61800.2", "3")], []),
    )
    assert [row[0] for row in told(lake.read_events("BTCUSDT", DAY))][-1] == "GAP"


def test_a_file_of_mostly_unusable_lines_is_refused(imported: Import) -> None:
    with pytest.raises(FileRefused, match="malformed JSON"):
        imported(*filler(50), GOOD[:-9])


def test_refuses_depth_that_stands_on_nothing(lake: Lake, imported: Import) -> None:
    with pytest.raises(FileRefused, match="none in 2 lines"):
        imported(change(NOON_MS, 90, 100, [("61799.0", "9")], []), change(NOON_MS, 100, 110, [("61799.0", "8")], []))
    assert lake.partitions() == []


def test_midnight_of_the_recorder_ends_a_session_and_the_next_begins_with_its_book(
    lake: Lake, imported: Import
) -> None:
    result = imported(
        snapshot(MIDNIGHT_MS - 900, 100, [("61800.2", "1"), ("61800.1", "2")], [("61800.3", "5")]),
        change(MIDNIGHT_MS + 100, 100, 110, [("61800.2", "0")], [("61800.4", "7")]),  # received before midnight
        trade(MIDNIGHT_MS + 1_200, 1, "61800.3", "0.001", False),
        change(MIDNIGHT_MS + 1_300, 110, 120, [("61800.0", "9")], []),
    )
    assert lake.sessions("BTCUSDT") == [DAY, date(2024, 8, 9)]
    assert "2 events carry exchange times after their session's close" in result.reason
    records = lake.read_events("BTCUSDT", date(2024, 8, 9))
    assert list(records["sequence"]) == list(range(6))
    assert told(records) == [
        ("BOOK_CLEAR", 0, 0, 0),
        ("LEVEL_SET", 1, 618_001, 2_000),
        ("LEVEL_SET", -1, 618_003, 5_000),
        ("LEVEL_SET", -1, 618_004, 7_000),
        ("TRADE", 1, 618_003, 1),
        ("LEVEL_SET", 1, 618_000, 9_000),
    ]
    out = np.zeros((3, 2), dtype=np.int64)
    book = new_book(8)
    apply_all(book, records)
    assert levels(book, 1, out) == 2
    assert out[:2].tolist() == [[618_001, 2_000], [618_000, 9_000]]


def test_a_break_goes_on_over_midnight(lake: Lake, imported: Import) -> None:
    imported(
        snapshot(MIDNIGHT_MS - 1_000, 100, [("61800.2", "1")], [("61800.3", "5")]),
        change(MIDNIGHT_MS - 500, 110, 120, [], []),
        trade(MIDNIGHT_MS - 100, 1, "61800.3", "0.001", False),
        trade(MIDNIGHT_MS + 1_500, 2, "61800.3", "0.001", False),
        snapshot(MIDNIGHT_MS + 2_000, 130, [("61800.2", "1")], [("61800.3", "5")]),
    )
    losses = [
        [
            (gap.first_ns // MS - MIDNIGHT_MS, gap.last_ns // MS - MIDNIGHT_MS)
            for gap in p.gaps
            if gap.cause == "feed loss"
        ]
        for p in lake.partitions("book")
    ]
    assert losses == [[(-1_000, -100)], [(1_500, 2_000)]]


def test_reads_plain_text_and_passes_over_blank_lines(lake: Lake, tmp_path: Path) -> None:
    path = tmp_path / "btcusdt.txt"
    path.write_text("\n\n".join(filler(20)) + "\n")
    assert import_file(lake, path).rows == 20
    assert list(lake.read_events("BTCUSDT", DAY)["trade_number"]) == list(range(1_000, 1_020))


def test_an_undeclared_symbol_is_named(tmp_path: Path) -> None:
    path = tmp_path / "recording.gz"
    path.write_bytes(gzip.compress(f"{GOOD}\n".encode()))
    with pytest.raises(UnknownSymbol, match=r"\[instruments.BTCUSDT\]"):
        import_file(Lake(tmp_path / "lake"), path)


def test_states_its_clocks_and_price_basis() -> None:
    assert "UTC" in binance_stream.FORMAT.clock
    assert binance_stream.FORMAT.price_basis.startswith("raw")
