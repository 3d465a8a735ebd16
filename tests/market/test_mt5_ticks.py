"""MT5 tick files, written by hand, against the events they say."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pytest

from market.calendar import to_ns
from market.errors import FileRefused
from market.importer import import_file
from market.lake import Lake
from market.lake_manifest import Partition
from market.readers import mt5_ticks
from market.readers.intake import Intake, Request
from market.readers.source import open_source
from market.readers.tick_table import infer_sides
from market.types import Flag, Kind, Side, TradeType

WriteFile = Callable[..., Path]
DAY = date(2020, 4, 2)
HEADER = "<DATE>\t<TIME>\t<BID>\t<ASK>\t<LAST>\t<VOLUME>"


@pytest.fixture
def events(lake: Lake, write: WriteFile) -> Callable[..., np.ndarray]:
    """Import rows of (time, bid, ask, last, volume) and return the session's events."""

    def build(*rows: str) -> np.ndarray:
        lines = [HEADER, *(f"2020.04.02\t{row}".replace(" ", "\t") for row in rows)]
        import_file(lake, write("DOLK20.csv", lines))
        return lake.read_events("DOLK20", DAY)

    return build


def told(records: np.ndarray) -> list[tuple[str, int, int, int]]:
    return [(Kind(int(e["kind"])).name, int(e["side"]), int(e["price"]), int(e["quantity"])) for e in records]


def test_carries_quotes_and_infers_the_aggressor(events: Callable[..., np.ndarray]) -> None:
    records = events(
        "09:03:12.100 5256.0 5257.0  ",
        "09:03:12.200   5257.0 20.00000000",
        "09:03:12.200   5256.0 5.00000000",
        "09:03:12.300   5256.5 5.00000000",
    )
    assert told(records) == [
        ("QUOTE_SIDE", 1, 10_512, 0),
        ("QUOTE_SIDE", -1, 10_514, 0),
        ("TRADE", 1, 10_514, 20),
        ("TRADE", -1, 10_512, 5),
        ("TRADE", 0, 10_513, 5),
    ]
    assert list(records["sequence"]) == [0, 1, 2, 3, 4]
    trades = records[2:]
    assert list(trades["trade_type"]) == [TradeType.BUY_AGGRESSION, TradeType.SELL_AGGRESSION, TradeType.UNKNOWN]
    assert list(trades["flags"]) == [Flag.INFERRED_AGGRESSOR, Flag.INFERRED_AGGRESSOR, 0]
    assert records["ts_event_ns"][2] == to_ns(datetime(2020, 4, 2, 9, 3, 12, 200_000))
    assert list(records["ts_recv_ns"]) == list(records["ts_event_ns"])
    assert set(records["instrument"]) == {2}


def test_a_trade_comes_before_its_own_row_of_quotes_and_is_judged_by_the_ones_before(
    events: Callable[..., np.ndarray],
) -> None:
    records = events("09:03:12.100 5256.0 5257.0  ", "09:03:12.200 5257.0 5258.0 5257.0 5.00000000")
    assert told(records)[2:] == [("TRADE", 1, 10_514, 5), ("QUOTE_SIDE", 1, 10_514, 0), ("QUOTE_SIDE", -1, 10_516, 0)]


@pytest.mark.parametrize(
    ("quote", "why"),
    [
        ("5500.0 5220.0", "crossed"),
        ("5257.0 5257.0", "locked"),
        ("5257.0 ", "one side absent"),
        (" 5257.0", "other side"),
    ],
)
def test_no_aggressor_without_a_sound_quote(events: Callable[..., np.ndarray], quote: str, why: str) -> None:
    records = events(f"08:59:02.322 {quote}  ", "09:03:09.658   5257.0 20.00000000")
    assert (records["side"][-1], records["flags"][-1]) == (Side.NONE, 0), why


def test_identical_trades_all_stay(events: Callable[..., np.ndarray]) -> None:
    assert events(*["09:03:09.658   5257.5 5.00000000"] * 4).size == 4


def test_zero_in_every_cell_clears_the_book_once_there_was_one(events: Callable[..., np.ndarray]) -> None:
    records = events(
        "05:30:23.152 0.0 0.0 0.0 0.00000000",
        "09:00:02.322 5256.0 5257.0  ",
        "10:00:00.000 0.0 0.0 0.0 0.00000000",
        "10:00:01.000   5257.0 5.00000000",
        "23:00:00.000 0.0 0.0 0.0 0.00000000",
    )
    assert [row[0] for row in told(records)] == ["QUOTE_SIDE", "QUOTE_SIDE", "BOOK_CLEAR", "TRADE", "BOOK_CLEAR"]
    assert records["side"][3] == Side.NONE  # no quote is carried across the clearing


def test_one_side_at_zero_is_an_empty_side(events: Callable[..., np.ndarray]) -> None:
    records = events("09:00:02.322 5256.0 5257.0  ", "09:00:03.000  0.0  ", "09:00:04.000   5257.0 5.00000000")
    assert told(records)[2:] == [("QUOTE_SIDE", -1, 0, 0), ("TRADE", 0, 10_514, 5)]


@pytest.fixture
def flagged(lake: Lake, write: WriteFile) -> Callable[..., np.ndarray]:
    """Import rows of (time, bid, ask, last, volume, flags) and return the session's events."""

    def build(*rows: str) -> np.ndarray:
        lines = [f"{HEADER}\t<FLAGS>", *(f"2020.04.02\t{row}".replace(" ", "\t") for row in rows)]
        assert import_file(lake, write("DOLK20.csv", lines)).format == "mt5_ticks"
        return lake.read_events("DOLK20", DAY)

    return build


def test_flags_tell_what_changed_where_a_row_repeats_the_rest(flagged: Callable[..., np.ndarray]) -> None:
    records = flagged(
        "09:03:12.100 5256.0 5257.0 5256.5 5 6",  # both quotes; the last trade is an old one
        "09:03:12.200 5256.0 5257.0 5257.0 20 56",  # last, volume, buy
        "09:03:12.300 5255.5 5257.0 5257.0 20 2",  # bid alone
        "09:03:12.400 5255.5 5257.0 5257.0 20 56",  # the same trade again is another one
        "09:03:12.500 5255.5 5256.0 5255.5 5 92",  # ask, last, volume, sell
    )
    assert told(records) == [
        ("QUOTE_SIDE", 1, 10_512, 0),
        ("QUOTE_SIDE", -1, 10_514, 0),
        ("TRADE", 1, 10_514, 20),
        ("QUOTE_SIDE", 1, 10_511, 0),
        ("TRADE", 1, 10_514, 20),
        ("TRADE", -1, 10_511, 5),
        ("QUOTE_SIDE", -1, 10_512, 0),
    ]
    assert not records["flags"].any()  # the aggressor is told, not inferred


@pytest.mark.parametrize(
    ("flags", "side", "trade_type", "mark"),
    [
        ("56", Side.BUY, TradeType.BUY_AGGRESSION, 0),
        ("88", Side.SELL, TradeType.SELL_AGGRESSION, 0),  # though the price is the ask
        ("120", Side.NONE, TradeType.UNKNOWN, 0),
        ("24", Side.BUY, TradeType.BUY_AGGRESSION, Flag.INFERRED_AGGRESSOR),
        ("1080", Side.BUY, TradeType.BUY_AGGRESSION, 0),  # bits beyond the documented ones say nothing to us
        ("", Side.BUY, TradeType.BUY_AGGRESSION, Flag.INFERRED_AGGRESSOR),
    ],
)
def test_one_flag_of_buy_or_sell_tells_the_aggressor(
    flagged: Callable[..., np.ndarray], flags: str, side: Side, trade_type: TradeType, mark: int
) -> None:
    trade = flagged("09:03:12.100 5256.0 5257.0   6", f"09:03:12.200   5257.0 20 {flags}")[-1]
    assert (trade["side"], trade["trade_type"], trade["flags"]) == (side, trade_type, mark)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("5256.0 5257.0 5257.0 5 0", "neither quote nor trade"),
        ("5256.0  5257.0 5 4", "a flag for a value that is not there"),
        ("5256.0 5257.0   56", "a flag for a value that is not there"),
    ],
)
def test_sets_a_row_aside_whose_flags_do_not_fit(lake: Lake, write: WriteFile, row: str, reason: str) -> None:
    good = ["10:00:00.000 5256.0 5257.0   6"] * 100
    lines = [f"2020.04.02\t{one}".replace(" ", "\t") for one in [*good, f"10:00:00.000 {row}"]]
    result = import_file(lake, write("DOLK20.csv", [f"{HEADER}\t<FLAGS>", *lines]))
    assert (result.rows, result.rejected) == (100, 1)
    assert reason in result.reason


def three_days() -> list[str]:
    """An opening call with crossed quotes, trades repeated, a bad row, flags or none, on three days."""
    rows = [HEADER + "\t<FLAGS>"]
    for day in ("2020.04.02", "2020.04.03", "2020.04.06"):
        rows.append(f"{day}\t05:30:00.000\t0.0\t0.0\t0.0\t0.0\t")
        rows += [f"{day}\t08:59:00.000\t5300.0\t5250.0\t\t\t6", f"{day}\t09:03:09.658\t\t\t5257.0\t20.0\t24"]
        rows.append(f"{day}\t09:03:10.000\t5256.0\t5257.0\t\t\t")
        rows += [
            f"{day}\t09:03:11.000\t\t\t5257.0\t5.0\t{flags}" for flags in ("24", "24", "88", "") for _ in range(15)
        ]
    rows.insert(30, "2020.04.02\t09:00:00.000\t\t\t5257.0\t5.0\t")  # before the row above
    return rows


def read_in_blocks(lake: Lake, path: Path, size: int) -> tuple[list[tuple[Partition, bytes]], int, list[int]]:
    intake = Intake(replace(open_source(path), block_bytes=size), "mt5_ticks")
    writes = intake.counted(mt5_ticks.FORMAT.read(intake.source, Request(lake), intake))
    found = [(partition, records.tobytes()) for partition, records in writes]
    return found, intake.rows, [reject.line for reject in intake.rejects]


@pytest.mark.parametrize("size", [1, 7, 64, 1_000, 3_333])
def test_blocks_of_any_size_give_the_same_sessions(lake: Lake, write: WriteFile, size: int) -> None:
    path = write("DOLK20.csv", three_days())
    whole = read_in_blocks(lake, path, 1 << 20)
    assert [partition.session for partition, _ in whole[0][::2]] == ["2020-04-02", "2020-04-03", "2020-04-06"]
    assert (whole[1], whole[2]) == (3 * 64, [31])
    assert read_in_blocks(lake, path, size) == whole


def test_opening_call_is_crossed_and_its_trade_has_no_aggressor(lake: Lake, write: WriteFile) -> None:
    import_file(lake, write("DOLK20.csv", three_days()))
    for day in (DAY, date(2020, 4, 3), date(2020, 4, 6)):
        records = lake.read_events("DOLK20", day)
        assert told(records[:3]) == [
            ("QUOTE_SIDE", 1, 10_600, 0),
            ("QUOTE_SIDE", -1, 10_500, 0),
            ("TRADE", 0, 10_514, 20),
        ]
        trades = records[records["kind"] == Kind.TRADE]
        assert trades.size == 61  # equal trades all stay
        assert [int((trades["side"] == side).sum()) for side in (1, -1, 0)] == [45, 15, 1]


def test_quotes_do_not_carry_into_the_next_session(lake: Lake, write: WriteFile) -> None:
    rows = [HEADER, "2020.04.02\t10:00:00.000\t5256.0\t5257.0\t\t", "2020.04.03\t10:00:00.000\t\t\t5257.0\t5.0"]
    assert import_file(lake, write("DOLK20.csv", rows)).sessions == 2
    assert lake.read_events("DOLK20", date(2020, 4, 3))["side"][0] == Side.NONE


def test_names_a_cut_start_but_not_a_whole_end(lake: Lake, write: WriteFile) -> None:
    rows = [HEADER, *(f"2020.04.02\t{clock}\t\t\t5257.0\t5.0" for clock in ("10:00:00.000", "17:58:00.000"))]
    import_file(lake, write("DOLK20.csv", rows))
    # Two trades a day are too few to miss any between them.
    assert [gap.cause for gap in lake.partitions()[0].gaps] == ["truncated export", "no trade", "no trade"]


def test_previous_sessions_last_trade_tells_a_halt_at_the_limit(lake: Lake, write: WriteFile) -> None:
    day = [f"09:{minute:02}:{second:02}.000" for minute in range(40) for second in range(0, 60, 5)]
    rows = [f"2020.04.02\t{clock}\t\t\t5000.0\t5.0" for clock in day]
    rows += [f"2020.04.03\t{clock}\t\t\t5290.0\t5.0" for clock in day if not "09:20:00" < clock < "09:27"]
    import_file(lake, write("DOLK20.csv", [HEADER, *rows]))
    assert [gap.cause for gap in lake.partitions()[1].gaps] == ["halt", "truncated export"]  # 5.8 % above, 7 minutes


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("10:00:00.000\t\t\t-5257.0\t5.0", "a price below zero or not finite"),
        ("10:00:00.000\t\t\t5257.3\t5.0", "a price off the tick grid"),
        ("10:00:00.000\t\t\t5257.0\t", "a last price without a volume of whole contracts"),
        ("10:00:00.000\t\t\t5257.0\t2.5", "a last price without a volume of whole contracts"),
        ("10:00:00.000\t\t\t\t5.0", "a volume without a last price"),
        ("10:00:00.000\t\t\t\t", "neither quote nor trade"),
        ("08:58:00.000\t\t\t5257.0\t5.0", "outside the session's hours"),
        ("18:05:00.000\t5257.0\t\t\t", "outside the session's hours"),
        ("10:00:00.0x0\t\t\t5257.0\t5.0", "a date or time that cannot be read"),
        ("09:04:00.000\t\t\t5257.0\t5.0", "a time before that of the row above"),
    ],
)
def test_sets_a_bad_row_aside(lake: Lake, write: WriteFile, row: str, reason: str) -> None:
    good = [f"2020.04.02\t09:05:{k % 60:02}.000\t\t\t5257.0\t5.0" for k in range(60)]
    good += [f"2020.04.02\t11:00:{k:02}.000\t\t\t5257.0\t5.0" for k in range(60)]
    result = import_file(lake, write("DOLK20.csv", [HEADER, *good[:60], f"2020.04.02\t{row}", *good[60:]]))
    assert (result.rows, result.rejected) == (120, 1)
    assert result.reason.startswith(f"1 row {reason}")


def test_refuses_ticks_on_a_clock_three_hours_late(lake: Lake, write: WriteFile) -> None:
    rows = [f"2020.04.02\t{hour:02}:00:00.000\t\t\t5257.0\t5.0" for hour in range(12, 22)]
    with pytest.raises(FileRefused, match=r"line 9: .* outside the session's hours.*São Paulo"):
        import_file(lake, write("DOLK20.csv", [HEADER, *rows]))


def naive_side(bid: int, ask: int, last: int) -> int:
    if not (0 < bid < ask):
        return 0
    if last >= ask:
        return 1
    return -1 if last <= bid else 0


def test_quote_rule_equals_its_slow_twin() -> None:
    rng = np.random.default_rng(11)
    bid, ask, last = rng.integers(0, 6, (3, 500))
    assert list(infer_sides(bid, ask, last)) == [naive_side(*row) for row in zip(bid, ask, last, strict=True)]
