"""Real books: a polled one of B3, and a Binance recording whose book is rebuilt and held against its own quotes."""

import csv
import gzip
import json
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from market.book import DROPPED, apply_all, best, levels, new_book
from market.importer import ImportResult, import_file
from market.instruments import Declaration, declare
from market.lake import Lake
from market.types import Kind

POLLED = "b3/book/book_data_processed_sample.csv"
RECORDED = "crypto/binance_usdm_ws/btcusdt_20240808.gz"
DAY = date(2024, 8, 8)
Top = tuple[tuple[int, int], tuple[int, int]]


@pytest.fixture(scope="module")
def lake(realdata: Path, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    bitcoin = declare("BTCUSDT", Declaration(0.1, 0.001, 1.0, "USDT", "always", "UTC"))
    return Lake(tmp_path_factory.mktemp("books") / "lake", {"BTCUSDT": bitcoin})


@pytest.fixture(scope="module")
def polled(realdata: Path, lake: Lake) -> ImportResult:
    return import_file(lake, realdata / POLLED)


@pytest.fixture(scope="module")
def recorded(realdata: Path, lake: Lake) -> ImportResult:
    return import_file(lake, realdata / RECORDED)


@pytest.fixture(scope="module")
def lines(realdata: Path) -> list[dict[str, Any]]:
    """The recording's messages, parsed by themselves."""
    with gzip.open(realdata / RECORDED) as file:
        return [json.loads(line.partition(b" ")[2]) for line in file]


def in_steps(text: str, places: int) -> int:
    """Return a decimal text in tenths (places 1) or thousandths (3), by its digits alone."""
    whole, _, fraction = text.partition(".")
    assert set(fraction[places:]) <= {"0"}
    return int(whole) * 10**places + int(fraction[:places].ljust(places, "0"))


def test_the_polled_book_says_what_its_rows_say(realdata: Path, lake: Lake, polled: ImportResult) -> None:
    with (realdata / POLLED).open() as file:
        rows = list(csv.DictReader(file))
    assert (len(rows), polled.rows, polled.rejected) == (7_000, 7_000, 0)
    expected, last = [], {}
    for row in rows:
        for side, name in ((1, "bid"), (-1, "ask")):
            state = round(float(row[f"{name}_price_1"]) * 2), int(row[f"{name}_vol_1"])
            if last.get(side) != state:
                expected.append((side, *state))
                last[side] = state
    records = lake.read_events("WDOU25", date(2025, 8, 11))
    assert [(int(e["side"]), int(e["price"]), int(e["quantity"])) for e in records] == expected
    assert set(records["kind"]) == {Kind.QUOTE_SIDE}
    locked = sum(row["bid_price_1"] == row["ask_price_1"] for row in rows)
    assert f"{locked} rows are locked" in polled.reason
    assert "6155 of 7000 rows repeat" in polled.reason  # 88 %, as the README says
    assert [p.kind for p in lake.partitions(contract="WDOU25")] == ["quotes"]


def test_the_recording_is_read_to_the_last_line(
    lake: Lake, recorded: ImportResult, lines: list[dict[str, Any]]
) -> None:
    counts = Counter(message.get("stream", "snapshot") for message in lines)
    assert counts == {"btcusdt@depth@0ms": 6_551, "btcusdt@bookTicker": 66_089, "btcusdt@trade": 21_313, "snapshot": 1}
    snapshot = next(message for message in lines if "lastUpdateId" in message)
    changes = [message["data"] for message in lines if "depth" in message.get("stream", "")]
    known = sum(data["u"] <= snapshot["lastUpdateId"] for data in changes)
    in_changes = sum(len(data["b"]) + len(data["a"]) for data in changes if data["u"] > snapshot["lastUpdateId"])
    assert (recorded.rows, recorded.rejected) == (93_954 - known, 0)
    assert {p.kind: (p.contract, p.session, p.rows) for p in lake.partitions(contract="BTCUSDT")} == {
        "trades": ("BTCUSDT", "2024-08-08", 21_313),
        "quotes": ("BTCUSDT", "2024-08-08", 2 * 66_089),
        "book": ("BTCUSDT", "2024-08-08", 1 + 2_000 + in_changes),
    }
    records = lake.read_events("BTCUSDT", DAY)
    assert np.array_equal(records["sequence"], np.arange(records.size))
    assert not (records["kind"] == Kind.GAP).any()


def test_trades_are_the_recordings_own(lake: Lake, recorded: ImportResult, lines: list[dict[str, Any]]) -> None:
    told = [message["data"] for message in lines if message.get("stream") == "btcusdt@trade"]
    records = lake.read(lake.partitions("trades", "BTCUSDT")[0])
    expected = [
        (data["t"], in_steps(data["p"], 1), in_steps(data["q"], 3), -1 if data["m"] else 1, data["T"] * 1_000_000)
        for data in told
    ]
    names = ["trade_number", "price", "quantity", "side", "ts_event_ns"]
    assert [tuple(int(record[name]) for name in names) for record in records] == expected


def test_the_clocks_are_those_of_the_file(lake: Lake, recorded: ImportResult) -> None:
    records = lake.read_events("BTCUSDT", DAY)
    delay = (records["ts_recv_ns"] - records["ts_event_ns"]) / 1e9
    assert -1.28 < delay.min() < delay.max() < -1.15  # the README: the recorder runs 1.18 to 1.27 s behind
    assert (np.diff(records["ts_event_ns"]) < 0).any()  # and the streams do not arrive in the order of the exchange


def dictionary_tops(lines: list[dict[str, Any]]) -> tuple[dict[int, Top], dict[int, dict[int, int]]]:
    """Return the best levels after each change, by update id, and the last book, from dictionaries."""
    at = next(k for k, message in enumerate(lines) if "lastUpdateId" in message)
    snapshot = lines[at]
    sides = {
        side: {in_steps(price, 1): in_steps(quantity, 3) for price, quantity in snapshot[name]}
        for side, name in ((1, "bids"), (-1, "asks"))
    }
    tops: dict[int, Top] = {}
    for message in lines:
        data = message.get("data", {})
        if data.get("e") != "depthUpdate" or data["u"] <= snapshot["lastUpdateId"]:
            continue
        for side, name in ((1, "b"), (-1, "a")):
            for price, quantity in data[name]:
                sides[side][in_steps(price, 1)] = in_steps(quantity, 3)
                if sides[side][in_steps(price, 1)] == 0:
                    del sides[side][in_steps(price, 1)]
        bid, ask = max(sides[1]), min(sides[-1])
        tops[data["u"]] = ((bid, sides[1][bid]), (ask, sides[-1][ask]))
    return tops, sides


@pytest.mark.nightly
def test_the_rebuilt_book_equals_dictionaries_and_its_own_quotes(
    lake: Lake, recorded: ImportResult, lines: list[dict[str, Any]]
) -> None:
    expected, sides = dictionary_tops(lines)
    records = lake.read(lake.partitions("book", "BTCUSDT")[0])
    # A message's events have one time of receipt and one side after the other; they end where that time changes.
    ends = np.flatnonzero(np.append(np.diff(records["ts_recv_ns"]) != 0, True)) + 1
    book, start, tops = new_book(), 0, []
    for end in ends:
        apply_all(book, records[start:end])
        tops.append((best(book, 1), best(book, -1)))
        assert not 0 < best(book, -1)[0] < best(book, 1)[0]
        start = end
    assert tops[1:] == list(expected.values())  # the first is the snapshot
    for side in (1, -1):
        out = np.zeros((16_384, 2), dtype=np.int64)
        count = levels(book, side, out)
        assert out[:count].tolist() == [list(level) for level in sorted(sides[side].items(), reverse=side == 1)]
    assert book.header[DROPPED] == 0

    quoted = {
        data["u"]: (
            (in_steps(data["b"], 1), in_steps(data["B"], 3)),
            (in_steps(data["a"], 1), in_steps(data["A"], 3)),
        )
        for data in (message["data"] for message in lines if message.get("stream") == "btcusdt@bookTicker")
    }
    common = expected.keys() & quoted.keys()
    assert len(common) == 629
    assert all(expected[update] == quoted[update] for update in common)
    # Between two of its messages the quote stands, so the book after any change has the last quote up to its update.
    updates = np.array(list(quoted))
    last = updates[np.searchsorted(updates, list(expected), side="right") - 1]
    assert len(last) == 6_547
    assert [quoted[int(update)] for update in last] == list(expected.values())
