"""Real trade files, against the rows a plain reader finds in them."""

import csv
from collections import Counter
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from python_calamine import CalamineWorkbook

from market.calendar import to_ns
from market.errors import FileRefused
from market.importer import import_file
from market.lake import Lake
from market.lake_manifest import Cause
from market.types import Flag, Kind, Side, TradeType

PUBLIC, WORKBOOK = "b3/public_trades/test_sample.txt", "b3/book/exemplo_times_in_trade.xlsx"
DAY = date(2025, 8, 29)
CONTRACTS = {"DOLV25": 18, "INDV25": 12, "WING26": 1}
TICKS = {"DOLV25": Decimal("0.5"), "INDV25": Decimal(5), "WING26": Decimal(5)}


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


def public_rows(realdata: Path, contract: str) -> list[dict[str, str]]:
    with (realdata / PUBLIC).open(encoding="ascii", newline="") as file:
        return [row for row in csv.DictReader(file, delimiter=";") if row["CodigoInstrumento"] == contract]


def sheet(realdata: Path, name: str) -> list[list[object]]:
    return CalamineWorkbook.from_path(realdata / WORKBOOK).get_sheet_by_name(name).to_python()[2:]


def test_public_file_gives_each_of_its_contracts(realdata: Path, lake: Lake) -> None:
    result = import_file(lake, realdata / PUBLIC)
    assert (result.format, result.rows, result.rejected, result.sessions) == ("b3_trades", 31, 0, 1)
    assert {p.contract: p.rows for p in lake.partitions()} == CONTRACTS
    assert result.reason == "68 rows of other instruments left out"
    assert import_file(lake, realdata / PUBLIC).status == "unchanged"


@pytest.mark.parametrize("contract", CONTRACTS)
def test_public_trades_are_those_of_the_file(realdata: Path, lake: Lake, contract: str) -> None:
    import_file(lake, realdata / PUBLIC)
    records, rows = lake.read_events(contract, DAY), public_rows(realdata, contract)
    assert records["trade_number"].tolist() == [int(row["CodigoIdentificadorNegocio"]) for row in rows]
    assert records["quantity"].tolist() == [int(row["QuantidadeNegociada"]) for row in rows]
    prices = [Decimal(row["PrecoNegocio"].replace(",", ".")) / TICKS[contract] for row in rows]
    assert records["price"].tolist() == prices
    for name, column in (("buyer", "CodigoParticipanteComprador"), ("seller", "CodigoParticipanteVendedor")):
        assert records[name].tolist() == [int(row[column] or 0) for row in rows]
    clocks = [
        datetime.strptime(f"{row['DataNegocio']} {row['HoraFechamento']}000", "%Y-%m-%d %H%M%S%f") for row in rows
    ]
    assert records["ts_event_ns"].tolist() == [to_ns(moment) for moment in clocks]
    assert not records["side"].any()
    assert set(records["flags"]) == {Flag.NO_AGGRESSOR}


def test_public_file_was_cut_at_nine_and_forty_five_seconds(realdata: Path, lake: Lake) -> None:
    import_file(lake, realdata / PUBLIC)
    for partition in lake.partitions():
        assert [gap.cause for gap in partition.gaps] == [Cause.TRUNCATED]
        assert partition.gaps[0].last_ns == lake.instruments.session(partition.contract, DAY)["close_ns"][0]


def test_workbook_gives_its_hundred_trades_oldest_first(realdata: Path, lake: Lake) -> None:
    result = import_file(lake, realdata / WORKBOOK, day=DAY)
    assert (result.format, result.rows, result.contracts) == ("times_trades_workbook", 125, ("WINV25",))
    events = lake.read_events("WINV25", DAY)
    trades, rows = events[events["kind"] == Kind.TRADE], sheet(realdata, "negocios")[::-1]
    assert (trades["price"] * 5.0).tolist() == [row[1] for row in rows]
    assert trades["quantity"].tolist() == [row[2] for row in rows]
    types = Counter(trades["trade_type"].tolist())
    assert types == {TradeType.BUY_AGGRESSION: 48, TradeType.SELL_AGGRESSION: 32, TradeType.RLP: 20}
    assert types == Counter(
        {"Comprador": TradeType.BUY_AGGRESSION, "Vendedor": TradeType.SELL_AGGRESSION, "RLP": TradeType.RLP}[row[4]]
        for row in rows
    )
    assert not trades["side"][trades["trade_type"] == TradeType.RLP].any()
    # A broker has one id wherever its name stands, and no two share one.
    told = {(name, int(one)) for row, one in zip(rows, trades["buyer"], strict=True) for name in row[:1]}
    told |= {(name, int(one)) for row, one in zip(rows, trades["seller"], strict=True) for name in row[3:4]}
    assert len(told) == len({name for name, _ in told}) == len({one for _, one in told})


def test_prices_of_the_tape_follow_the_aggressor_when_read_from_its_end(realdata: Path, lake: Lake) -> None:
    """What tells that the tape is newest first: between two trades of one aggressor the price moves its way."""
    import_file(lake, realdata / WORKBOOK, day=DAY)
    trades = lake.read(lake.partitions("trades")[0])
    same = (trades["side"][1:] == trades["side"][:-1]) & (trades["side"][1:] != Side.NONE)
    moves = (np.diff(trades["price"]) * trades["side"][1:])[same]
    assert (int((moves > 0).sum()), int((moves < 0).sum())) == (20, 0)


def test_workbook_gives_its_book_by_level(realdata: Path, lake: Lake) -> None:
    import_file(lake, realdata / WORKBOOK, day=DAY)
    book, rows = lake.read(lake.partitions("book")[0]), sheet(realdata, "ofertas")
    assert len(rows) == 25
    for side, price, quantity in ((Side.BUY, 2, 1), (Side.SELL, 3, 4)):
        orders: Counter[float] = Counter()
        for row in rows:
            orders[row[price]] += row[quantity]
        levels = book[book["side"] == side]
        best_first = sorted(orders, reverse=side == Side.BUY)
        assert (levels["price"] * 5.0).tolist() == best_first
        assert levels["quantity"].tolist() == [orders[one] for one in best_first]
        assert levels["level"].tolist() == list(range(len(best_first)))
    assert book["price"][book["side"] == Side.BUY][0] < book["price"][book["side"] == Side.SELL][0]


def test_workbook_needs_its_session(realdata: Path, lake: Lake) -> None:
    with pytest.raises(FileRefused, match="--session"):
        import_file(lake, realdata / WORKBOOK)
    assert not lake.folder.exists()
