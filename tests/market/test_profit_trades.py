"""Profit's times and trades, written by hand as its columns are assumed to be."""

import zlib
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from market.calendar import to_ns
from market.errors import FileRefused, UnknownSymbol
from market.importer import import_file
from market.lake import Lake
from market.lake_manifest import Cause
from market.readers import profit_trades
from market.readers.intake import Intake, Request
from market.readers.profit_words import broker_id, to_brazilian_numbers
from market.readers.source import open_source
from market.types import Side, TradeType

WriteFile = Callable[..., Path]
DAY = date(2026, 7, 13)
HEADER = "Data;Hora;Compradora;Preço;Quantidade;Vendedora;Agressor"
LIVE_HEADER = "ATIVO;DATA;HORARIO;Corretora Compradora;Valor da Negociação;Qd Lts;Corretora Vendedora;Agressor"


def row(clock: str = "10:00:00", price: str = "5.159,50", quantity: str = "5", aggressor: str = "Comprador") -> str:
    return f"13/07/2026;{clock};3 - XP;{price};{quantity};85 - BTG;{aggressor}"


def test_reads_newest_first_with_brokers_and_aggressors(lake: Lake, write: WriteFile) -> None:
    rows = [
        row("09:00:05.120", "5.160,00", "1.200", "Vendedor"),
        row("09:00:03", "5.159,50", "1", "RLP"),
        row("09:00:03", "5.159,50", "2", "Direto"),
        row("09:00:00", "5.158,00", "54", "Leilão"),
        row("09:00:00", "5.158,00", "3", "Comprador"),
    ]
    result = import_file(lake, write("WDOQ26_trades.csv", [HEADER, *rows]))
    assert (result.format, result.rows, result.contracts) == ("profit_trades", 5, ("WDOQ26",))
    assert "declared, untested" in result.reason
    records = lake.read_events("WDOQ26", DAY)
    assert list(zip(records["price"], records["quantity"], strict=True)) == [
        (10_316, 3), (10_316, 54), (10_319, 2), (10_319, 1), (10_320, 1_200)
    ]  # fmt: skip
    assert records["trade_type"].tolist() == [
        TradeType.BUY_AGGRESSION, TradeType.AUCTION, TradeType.CROSS, TradeType.RLP, TradeType.SELL_AGGRESSION
    ]  # fmt: skip
    assert records["side"].tolist() == [Side.BUY, Side.NONE, Side.NONE, Side.NONE, Side.SELL]
    assert set(records["buyer"]) == {3}
    assert set(records["seller"]) == {85}
    assert not records["flags"].any()
    assert records["ts_event_ns"][-1] == to_ns(datetime(2026, 7, 13, 9, 0, 5, 120_000))
    assert records["sequence"].tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1"])
def test_reads_the_live_sheets_header_in_either_encoding(lake: Lake, write: WriteFile, encoding: str) -> None:
    rows = [LIVE_HEADER, f"WDOQ26;{row(aggressor='Leilão')}", f"WDOQ26;{row(clock='09:59:00')}"]
    assert import_file(lake, write("tape.csv", rows, encoding)).contracts == ("WDOQ26",)
    assert lake.read_events("WDOQ26", DAY)["trade_type"].tolist() == [TradeType.BUY_AGGRESSION, TradeType.AUCTION]


def test_a_day_whose_times_ascend_is_oldest_first(lake: Lake, write: WriteFile) -> None:
    rows = [row("10:00:00", quantity="1"), row("10:00:00", quantity="2"), row("10:00:01", quantity="3")]
    import_file(lake, write("WDOQ26.csv", [HEADER, *rows]))
    assert lake.read_events("WDOQ26", DAY)["quantity"].tolist() == [1, 2, 3]


def test_only_first_and_last_day_of_a_file_can_be_cut(lake: Lake, write: WriteFile) -> None:
    rows = []
    for day in ("15/07/2026", "14/07/2026", "13/07/2026"):
        rows += [row(clock).replace("13/07/2026", day) for clock in ("17:00:00", "10:00:00")]
    import_file(lake, write("WDOQ26.csv", [HEADER, *rows]))
    cut = {p.session: [gap.cause for gap in p.gaps].count(Cause.TRUNCATED) for p in lake.partitions()}
    assert cut == {"2026-07-13": 2, "2026-07-14": 0, "2026-07-15": 2}


@pytest.mark.parametrize("size", [1, 60, 500])
def test_blocks_of_any_size_give_the_same_sessions(lake: Lake, write: WriteFile, size: int) -> None:
    rows = []
    for day in ("15/07/2026", "14/07/2026"):
        rows += [row(f"10:00:{59 - k // 3:02}", quantity=str(k + 1)).replace("13/07/2026", day) for k in range(60)]
    source = open_source(write("WDOQ26.csv", [HEADER, *rows]))

    def read(block_bytes: int) -> list[object]:
        intake = Intake(replace(source, block_bytes=block_bytes), "profit_trades")
        writes = intake.counted(profit_trades.FORMAT.read(intake.source, Request(lake, "WDOQ26"), intake))
        return [*((p, records.tobytes()) for p, records in writes), intake.rows]

    whole = read(1 << 20)
    assert (len(whole), whole[-1]) == (3, 120)
    assert read(size) == whole


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (row(price="5159.5"), "a price that is not a number above zero"),
        (row(price="5.159,25"), "a price off the tick grid"),
        (row(quantity="1.5"), "a quantity that is not whole contracts"),
        (row(aggressor=""), "an aggressor that is none of comprador, vendedor, rlp, leilao, direto"),
        (row(clock="08:00:00"), "outside the session's hours"),
        (row(clock="25:00:00"), "a date or time that cannot be read"),
        (row(clock="10:00:01"), "a time out of the file's order"),
    ],
)
def test_sets_a_bad_row_aside(lake: Lake, write: WriteFile, bad: str, reason: str) -> None:
    rows = [*(row("11:00:00") for _ in range(50)), *(row("09:59:00") for _ in range(50)), bad, row("09:58:00")]
    result = import_file(lake, write("WDOQ26.csv", [HEADER, *rows]))
    assert (result.rows, result.rejected) == (101, 1)
    assert f"1 row {reason}" in result.reason


def test_refuses_what_does_not_tell_its_symbol_columns_or_separator(lake: Lake, write: WriteFile) -> None:
    with pytest.raises(UnknownSymbol, match="--symbol"):
        import_file(lake, write("tape.csv", [HEADER, row()]))
    with pytest.raises(FileRefused, match="without price"):
        import_file(lake, write("WDOQ26.csv", [HEADER.replace("Preço", "Cotação"), row()]))
    with pytest.raises(FileRefused, match="without date"):
        import_file(lake, write("WDOQ26.csv", [line.replace(";", ",") for line in (HEADER, row())]))
    with pytest.raises(FileRefused, match=r"one symbol in a file"):
        import_file(lake, write("x.csv", [LIVE_HEADER, f"WDOQ26;{row()}", f"WINQ26;{row()}"]))


def test_numbers_are_brazilian_or_nothing() -> None:
    texts = ["5.159,50", "140.030", "5159,5", "1.234.567", "12", "5159.5", "5159.500", "5,159.50", "1.23", "", None]
    found = to_brazilian_numbers(pa.array(texts)).tolist()
    assert found[:5] == [5159.5, 140_030.0, 5159.5, 1_234_567.0, 12.0]
    assert all(number != number for number in found[5:])


def test_a_broker_is_its_code_or_a_hash_of_its_name() -> None:
    assert [broker_id(text) for text in ("147 - ATIVA INVESTIMENTOS S.A.", "3-XP", "308", " 8 - UBS ")] == [
        147,
        3,
        308,
        8,
    ]
    assert broker_id("") == 0
    assert broker_id("Itaú") == broker_id("ITAU ") == zlib.crc32(b"itau") % 2**31 > 0
    assert broker_id("3R Investimentos") > 10_000
