"""The exchange's public trade files, written by hand, against the trades that stand in them."""

import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.calendar import to_ns
from market.errors import FileRefused
from market.importer import import_file
from market.instruments import Declaration, declare
from market.lake import Lake
from market.lake_manifest import Cause
from market.readers import b3_trades
from market.readers.b3_corrections import standing_trades
from market.readers.intake import Intake, Request
from market.readers.source import open_source
from market.types import Flag, Kind, Side, TradeType

WriteFile = Callable[..., Path]
DAY = date(2025, 8, 29)
HEADER = (
    "DataReferencia;CodigoInstrumento;AcaoAtualizacao;PrecoNegocio;QuantidadeNegociada;HoraFechamento;"
    "CodigoIdentificadorNegocio;TipoSessaoPregao;DataNegocio;CodigoParticipanteComprador;CodigoParticipanteVendedor"
)
OLD_HEADER = "RptDt;TckrSymb;UpdActn;GrssTradAmt;TradQty;NtryTm;TradId;TradgSsnId;TradDt"


def trade(
    symbol: str = "WDOV25",
    price: str = "5461,000",
    quantity: int = 5,
    clock: str = "100000000",
    number: int = 10,
    action: int = 0,
    session_type: str = "1",
    brokers: str = "6003;120",
) -> str:
    return f"2025-08-29;{symbol};{action};{price};{quantity};{clock};{number};{session_type};2025-08-29;{brokers}"


def trades_of(lake: Lake, contract: str, day: date = DAY) -> list[tuple[int, int, int]]:
    """Number, price in ticks, quantity."""
    found = lake.read_events(contract, day)
    return [(int(e["trade_number"]), int(e["price"]), int(e["quantity"])) for e in found]


def test_files_each_contract_under_its_own_symbol(lake: Lake, write: WriteFile) -> None:
    rows = [
        trade("WDOV25", "5461,500", 5, "090003153", 10),
        trade("WINV25", "143095,000", 2, "090003153", 10, brokers="3;"),
        trade("DI1F26", "14,890"),
        trade("WDOV25", "5462,000", 1, "090003153", 20),
        trade("INDV25", "143100,000", 30, "090003154", 10, brokers=";"),
    ]
    result = import_file(lake, write("x.txt", [HEADER, *rows]))
    assert (result.format, result.rows, result.sessions) == ("b3_trades", 4, 1)
    assert set(result.contracts) == {"WDOV25", "WINV25", "INDV25"}
    assert result.reason == "1 row of other instruments left out"
    assert {p.kind for p in lake.partitions()} == {"trades"}
    assert trades_of(lake, "WDOV25") == [(10, 10_923, 5), (20, 10_924, 1)]
    assert trades_of(lake, "WINV25") == [(10, 28_619, 2)]
    assert trades_of(lake, "INDV25") == [(10, 28_620, 30)]
    first = lake.read_events("WDOV25", DAY)[0]
    assert first["ts_event_ns"] == first["ts_recv_ns"] == to_ns(datetime(2025, 8, 29, 9, 0, 3, 153_000))
    assert (first["buyer"], first["seller"], first["sequence"], first["instrument"]) == (6003, 120, 0, 1)
    assert [int(lake.read_events("WINV25", DAY)[0][name]) for name in ("buyer", "seller")] == [3, 0]


def test_no_trade_has_an_aggressor(lake: Lake, write: WriteFile) -> None:
    import_file(lake, write("x.txt", [HEADER, trade(clock="090000000"), trade(number=20)]))
    for one in lake.read_events("WDOV25", DAY):
        assert (one["kind"], one["side"], one["trade_type"]) == (Kind.TRADE, Side.NONE, TradeType.UNKNOWN)
        assert one["flags"] == Flag.NO_AGGRESSOR


@pytest.mark.parametrize(
    "symbol", ["DIIN28F29", "WI1V25Z25", "DR1V25X25", "WDO", "WDOFUT", "WINH26", "DOLV25C5400", ""]
)
def test_leaves_out_what_is_no_dated_contract(lake: Lake, write: WriteFile, symbol: str) -> None:
    result = import_file(lake, write("x.txt", [HEADER, trade(symbol), trade("WDOV25")]))
    assert (result.contracts, result.rejected) == (("WDOV25",), 0)
    assert result.reason == "1 row of other instruments left out"


@pytest.mark.parametrize(("tail", "extra"), [("", ""), (";TipoDoCanal", ";1")])
def test_reads_both_newer_headers(lake: Lake, write: WriteFile, tail: str, extra: str) -> None:
    import_file(lake, write("x.txt", [HEADER + tail, trade() + extra]))
    assert trades_of(lake, "WDOV25") == [(10, 10_922, 5)]


def test_reads_the_older_header_without_brokers(lake: Lake, write: WriteFile) -> None:
    day = date(2021, 2, 19)
    rows = [OLD_HEADER, "2021-02-19;WDOH21;0;5391,500;10;102946807;10;1;2021-02-19"]
    assert import_file(lake, write("x.txt", rows)).format == "b3_trades"
    one = lake.read_events("WDOH21", day)[0]
    assert (one["price"], one["quantity"], one["buyer"], one["seller"]) == (10_783, 10, 0, 0)
    assert one["ts_event_ns"] == to_ns(datetime(2021, 2, 19, 10, 29, 46, 807_000))


def test_refuses_a_header_that_lacks_a_column(lake: Lake, write: WriteFile) -> None:
    with pytest.raises(FileRefused, match=r"without price"):
        import_file(lake, write("x.txt", [HEADER.replace("PrecoNegocio", "Preco"), trade()]))


def test_a_declared_instrument_is_filed_by_its_own_grid(tmp_path: Path, write: WriteFile) -> None:
    petrobras = declare("PETR4", Declaration(0.01, 100.0, 1.0, "BRL", "b3_stocks"))
    lake = Lake(tmp_path / "lake", {"PETR4": petrobras})
    rows = [trade("PETR4", "38,51", 300, "110000000"), trade("VALE3", "60,00", 100, "110000000")]
    assert import_file(lake, write("x.txt", [HEADER, *rows])).contracts == ("PETR4",)
    assert trades_of(lake, "PETR4") == [(10, 3_851, 3)]


def test_a_symbol_chooses_one_contract(lake: Lake, write: WriteFile) -> None:
    path = write("x.txt", [HEADER, trade("WDOV25"), trade("WINV25", "143095,000")])
    assert import_file(lake, path, symbol="winv25").contracts == ("WINV25",)
    with pytest.raises(FileRefused, match="expected trades of WDOX25, found only other instruments"):
        import_file(lake, path, symbol="WDOX25")


def test_refuses_a_file_without_a_contract_of_ours(lake: Lake, write: WriteFile) -> None:
    with pytest.raises(FileRefused, match=r"found only other instruments \(as BITQ25, DI1F26\)"):
        import_file(lake, write("x.txt", [HEADER, trade("DI1F26"), trade("BITQ25")]))
    assert not lake.folder.exists()


def test_leaves_out_other_sessions_of_the_day(lake: Lake, write: WriteFile) -> None:
    rows = [trade(), trade(clock="183500000", number=20, session_type="6"), trade(number=30, session_type="")]
    result = import_file(lake, write("x.txt", [HEADER, *rows, trade("DI1F26", session_type="6")]))
    assert trades_of(lake, "WDOV25") == [(10, 10_922, 5)]
    assert (result.rows, result.rejected) == (1, 0)
    assert "1 row of session type 6" in result.reason
    assert "1 row of session type unknown" in result.reason


def test_a_cancelled_trade_goes_and_a_changed_one_is_replaced(lake: Lake, write: WriteFile) -> None:
    rows = [
        trade(number=10, price="5461,000"),
        trade(number=20, price="5462,000", clock="100001000"),
        trade(number=30, price="5463,000", clock="100002000"),
        trade(number=20, action=2, price="5462,000", clock="100003000"),
        trade(number=10, action=1, price="5460,000", quantity=7),
    ]
    result = import_file(lake, write("x.txt", [HEADER, *rows]))
    assert trades_of(lake, "WDOV25") == [(10, 10_920, 7), (30, 10_926, 5)]
    # The trade that was cancelled, the row that says so, and the trade that was replaced.
    assert (result.rows, result.rejected) == (2, 0)
    assert "3 rows of cancelled or replaced trades left out" in result.reason


def test_a_number_belongs_to_its_contract(lake: Lake, write: WriteFile) -> None:
    rows = [trade("WDOV25"), trade("WDOX25"), trade("WDOV25", action=2)]
    assert import_file(lake, write("x.txt", [HEADER, *rows])).contracts == ("WDOX25",)


def test_trades_come_by_time_and_number(lake: Lake, write: WriteFile) -> None:
    clocks = [("100000002", 30), ("100000001", 20), ("100000001", 10), ("100000000", 40)]
    import_file(lake, write("x.txt", [HEADER, *(trade(clock=clock, number=number) for clock, number in clocks)]))
    assert [row[0] for row in trades_of(lake, "WDOV25")] == [40, 10, 20, 30]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (trade(price="5461,250"), "a price off the tick grid"),
        (trade(price="0,000"), "a price that is not a number above zero"),
        (trade(price="-1,000"), "a price that is not a number above zero"),
        (trade(price="5.461,000"), "a price that is not a number above zero"),
        (trade(price="9999999999,000"), "a price beyond any market"),
        (trade(quantity=0), "a quantity that is not whole contracts"),
        (trade(clock="90003153"), "a date or time that cannot be read"),
        (trade(clock="096103153"), "a date or time that cannot be read"),
        (trade(clock="085959999"), "outside the session's hours"),
        (trade(clock="183500000"), "outside the session's hours"),
        (trade(number=0), "a trade number that is none"),
        (trade(number=100), "a second trade of its number"),
        (trade(number=999, action=2), "a change or cancellation of no trade above it"),
        (trade(number=999, action=1), "a change or cancellation of no trade above it"),
        (trade(action=3), "an update action that is not 0, 1 or 2"),
        (trade(brokers="XP;3"), "a broker code that is not a number"),
    ],
)
def test_sets_a_bad_row_aside(lake: Lake, write: WriteFile, row: str, reason: str) -> None:
    good = [trade(number=100 + k) for k in range(100)]
    result = import_file(lake, write("x.txt", [HEADER, *good, row]))
    assert (result.rows, result.rejected) == (100, 1)
    assert result.reason.startswith(f"1 row {reason}")


def test_more_than_one_bad_row_in_a_hundred_refuses_the_file(lake: Lake, write: WriteFile) -> None:
    rows = [trade(number=10 * k + 10) for k in range(98)] + [trade(number=5, price="1,1"), trade(number=7, action=9)]
    with pytest.raises(FileRefused, match=r"line 100: expected at most 1% of 100 rows unusable, found 2"):
        import_file(lake, write("x.txt", [HEADER, *rows]))
    assert not lake.folder.exists()


def test_a_file_cut_by_size_is_marked_by_what_every_instrument_traded(lake: Lake, write: WriteFile) -> None:
    early = trade("WDOV25", clock="090003153")
    import_file(lake, write("cut.txt", [HEADER, early, trade("DI1F26", clock="100000000")]))
    *quiet, gap = lake.partitions()[0].gaps
    assert {one.cause for one in quiet} == {Cause.NO_TRADE}
    assert gap.cause == Cause.TRUNCATED
    assert (gap.first_ns, gap.last_ns) == (to_ns(datetime(2025, 8, 29, 10)), to_ns(datetime(2025, 8, 29, 18, 30)))


def test_a_contract_that_trades_little_is_not_cut(lake: Lake, write: WriteFile) -> None:
    others = [trade("DI1F26", clock=clock) for clock in ("090000000", "182900000")]
    import_file(lake, write("whole.txt", [HEADER, trade("WDOX25", clock="143000000"), *others]))
    assert not any(gap.cause == Cause.TRUNCATED for gap in lake.partitions()[0].gaps)


def days(count: int = 3) -> list[str]:
    """Several days in one file, with corrections that come long after their trade."""
    rows = [HEADER]
    for day in ("2025-08-27", "2025-08-28", "2025-08-29")[:count]:
        for k in range(20):
            for symbol, price in (("WDOV25", "5461,000"), ("DI1F26", "14,890"), ("WINV25", "143095,000")):
                rows.append(trade(symbol, price, k + 1, f"1000{k:02}000", 10 * k + 10))
        rows += [trade(number=10, action=2), trade("WINV25", "143100,000", 9, "100001000", 20, action=1)]
        rows[-62:] = [row.replace("2025-08-29", day) for row in rows[-62:]]
    return rows


@pytest.mark.parametrize("size", [1, 50, 1_000, 5_000])
def test_blocks_of_any_size_give_the_same_sessions(lake: Lake, write: WriteFile, size: int) -> None:
    source = open_source(write("x.txt", days()))

    def read(block_bytes: int) -> list[object]:
        intake = Intake(replace(source, block_bytes=block_bytes), "b3_trades")
        writes = intake.counted(b3_trades.FORMAT.read(intake.source, Request(lake), intake))
        return [*((p, records.tobytes()) for p, records in writes), intake.rows, intake.left_out]

    whole = read(1 << 20)
    assert len(whole) == 2 * 3 + 2
    assert whole[-2] == 3 * (19 + 20)
    assert read(size) == whole


def zipped(path: Path, members: dict[str, list[str]]) -> Path:
    packed = path.with_suffix(".zip")
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, lines in members.items():
            archive.writestr(name, "".join(line + "\n" for line in lines))
    return packed


def test_reads_the_one_file_in_a_zip(lake: Lake, tmp_path: Path) -> None:
    path = zipped(tmp_path / "29-08-2025_NEGOCIOSAVISTA_DRV", {"29-08-2025_NEGOCIOSAVISTA_DRV.txt": [HEADER, trade()]})
    result = import_file(lake, path)
    assert (result.format, result.rows) == ("b3_trades", 1)
    assert import_file(lake, path).status == "unchanged"


def test_quarantines_rows_of_a_zip(lake: Lake, tmp_path: Path) -> None:
    rows = [HEADER, *(trade(number=10 + k) for k in range(100)), trade(number=5, price="1,1")]
    assert import_file(lake, zipped(tmp_path / "x", {"x.txt": rows})).rejected == 1
    assert "102,a price off the tick grid" in next((lake.folder / "quarantine").iterdir()).read_text()


def test_refuses_a_zip_of_two_files(lake: Lake, tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match=r"expected a zip of one file .* found 2 .* unpack it and name the files"):
        import_file(lake, zipped(tmp_path / "x", {"a.txt": [HEADER, trade()], "b.txt": [HEADER, trade()]}))


def test_refuses_a_damaged_zip(lake: Lake, tmp_path: Path) -> None:
    path = zipped(tmp_path / "x", {"x.txt": days()})
    data = bytearray(path.read_bytes())
    data[60:70] = b"\xff" * 10  # inside the compressed rows
    path.write_bytes(data)
    with pytest.raises(FileRefused, match="cannot"):
        import_file(lake, path)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(FileRefused, match=r"expected a zip that can be unpacked"):
        import_file(lake, path)


def naive_standing(told: list[tuple[int, int]]) -> tuple[list[int], list[int]]:
    """Positions that stand, positions that could not be applied."""
    book: list[tuple[int, int]] = []
    wrong = []
    for position, (number, action) in enumerate(told):
        held = [entry for entry in book if entry[0] == number]
        if (action == 0) == bool(held):
            wrong.append(position)
            continue
        book = [entry for entry in book if entry[0] != number]
        if action != 2:
            book.append((number, position))
    return sorted(position for _, position in book), wrong


@given(st.lists(st.tuples(st.integers(1, 6), st.sampled_from([0, 0, 0, 1, 2])), max_size=40))
def test_corrections_equal_their_slow_twin(told: list[tuple[int, int]]) -> None:
    rows = np.zeros(len(told), dtype=[(name, "<i8") for name in ("line", "ts_ns", "number", "action")])
    rows["line"] = rows["ts_ns"] = np.arange(len(told))
    if told:
        rows["number"], rows["action"] = np.array(told).T
    standing, screen = standing_trades(rows)
    expected, wrong = naive_standing(told)
    assert standing["line"].tolist() == expected
    assert [reject.line for reject in screen.rejects()] == wrong
