"""Workbooks of book and tape, built by hand, against the events they say."""

import sys
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from xml.sax.saxutils import escape

import pytest

from market.errors import FileRefused, UnknownSymbol
from market.importer import import_file
from market.lake import Lake
from market.lake_manifest import Cause
from market.types import Flag, Kind, Side, TradeType

Cells = list[list[object]]
WriteBook = Callable[..., Path]
DAY = date(2025, 8, 29)
ORDERS: Cells = [
    ["WINV25", "Ofertas"],
    ["Agente", "Qtde", "Compra", "Venda", "Qtde", "Agente"],
    ["BTG", 34, 140030, 140040, 66, "UBS"],
    ["XP", 50, 140030, 140045, 65, "Genial"],
    ["XP", 10, 140020, 140045, 5, "BTG"],
    ["XP", 7, 140025, "", "", ""],
]
TRADES: Cells = [
    ["WINV25", "Negócios"],
    ["Compradora", "Valor", "Quantidade", "Vendedora", "Agressor"],
    ["Agora", 140025, 52, "UBS", "Comprador"],
    ["Genial", 140030, 50, "Genial", "RLP"],
    ["UBS", 140020, 32, "Agora", "Vendedor"],
]
TYPES = (
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="xml" ContentType="application/xml"/>'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/></Types>'
)
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def relations(entries: list[tuple[str, str]]) -> str:
    inside = "".join(
        f'<Relationship Id="rId{k}" Type="{OFFICE}/{kind}" Target="{target}"/>'
        for k, (kind, target) in enumerate(entries, start=1)
    )
    return (
        f'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{inside}</Relationships>'
    )


def sheet_xml(cells: Cells) -> str:
    def cell(line: int, column: int, value: object) -> str:
        place = f"{'ABCDEFGH'[column]}{line}"
        if isinstance(value, str):
            return f'<c r="{place}" t="inlineStr"><is><t>{escape(value)}</t></is></c>' if value else ""
        return f'<c r="{place}"><v>{value}</v></c>'

    rows = "".join(
        f'<row r="{line}">{"".join(cell(line, column, value) for column, value in enumerate(row))}</row>'
        for line, row in enumerate(cells, start=1)
    )
    return f'<worksheet xmlns="{MAIN}"><sheetData>{rows}</sheetData></worksheet>'


@pytest.fixture
def write_book(tmp_path: Path) -> WriteBook:
    """Write a workbook of sheets, and other parts beside them."""

    def write(sheets: dict[str, Cells], name: str = "tape.xlsx", parts: dict[str, bytes] | None = None) -> Path:
        names = "".join(f'<sheet name="{name}" sheetId="{k}" r:id="rId{k}"/>' for k, name in enumerate(sheets, start=1))
        files = {
            "[Content_Types].xml": TYPES,
            "_rels/.rels": relations([("officeDocument", "xl/workbook.xml")]),
            "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>{names}</sheets></workbook>',
            "xl/_rels/workbook.xml.rels": relations(
                [("worksheet", f"worksheets/sheet{k}.xml") for k in range(1, len(sheets) + 1)]
            ),
            **{f"xl/worksheets/sheet{k}.xml": sheet_xml(cells) for k, cells in enumerate(sheets.values(), start=1)},
            **(parts or {}),
        }
        path = tmp_path / name
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for inside, content in files.items():
                archive.writestr(inside, content)
        return path

    return write


@pytest.fixture
def book(write_book: WriteBook) -> Path:
    return write_book({"ofertas": ORDERS, "negocios": TRADES})


def changed(cells: Cells, line: int, column: int, value: object) -> Cells:
    return [
        [value if (k, c) == (line, column) else cell for c, cell in enumerate(row)] for k, row in enumerate(cells, 1)
    ]


def test_reads_the_tape_from_its_end(lake: Lake, book: Path) -> None:
    result = import_file(lake, book, day=DAY)
    assert (result.format, result.rows, result.contracts, result.sessions) == (
        "times_trades_workbook",
        7,
        ("WINV25",),
        1,
    )
    trades = lake.read(lake.partitions("trades")[0])
    assert trades["price"].tolist() == [28_004, 28_006, 28_005]
    assert trades["quantity"].tolist() == [32, 50, 52]
    assert trades["side"].tolist() == [Side.SELL, Side.NONE, Side.BUY]
    assert trades["trade_type"].tolist() == [TradeType.SELL_AGGRESSION, TradeType.RLP, TradeType.BUY_AGGRESSION]
    assert trades["buyer"][1] == trades["seller"][1] != trades["buyer"][0] == trades["seller"][2]
    assert (trades["buyer"] > 0).all()


def test_adds_the_orders_of_a_price_up_to_a_level(lake: Lake, book: Path) -> None:
    import_file(lake, book, day=DAY)
    levels = lake.read(lake.partitions("book")[0])
    assert set(levels["kind"]) == {Kind.LEVEL_SET}
    assert [tuple(int(one[name]) for name in ("side", "level", "price", "quantity")) for one in levels] == [
        (1, 0, 28_006, 84), (1, 1, 28_005, 7), (1, 2, 28_004, 10), (-1, 0, 28_008, 66), (-1, 1, 28_009, 70)
    ]  # fmt: skip


def test_only_the_order_is_known_and_the_book_comes_last(lake: Lake, book: Path) -> None:
    import_file(lake, book, day=DAY)
    records, session = lake.read_events("WINV25", DAY), lake.instruments.session("WINV25", DAY)[0]
    assert records["sequence"].tolist() == list(range(8))
    assert records["kind"].tolist() == [Kind.TRADE] * 3 + [Kind.LEVEL_SET] * 5
    assert set(records["ts_event_ns"]) == set(records["ts_recv_ns"]) == {session["open_ns"]}
    assert set(records["flags"]) == {Flag.NO_TIME}
    for partition in lake.partitions():
        (gap,) = partition.gaps
        assert (gap.first_ns, gap.last_ns, gap.cause) == (session["open_ns"], session["close_ns"], Cause.TRUNCATED)


def test_the_session_and_the_symbol_must_be_known(lake: Lake, book: Path, write_book: WriteBook) -> None:
    with pytest.raises(FileRefused, match=r"tells neither date nor time; name it with --session, .*--symbol"):
        import_file(lake, book)
    untitled = {"ofertas": changed(ORDERS, 1, 0, ""), "negocios": changed(TRADES, 1, 0, "")}
    nameless = write_book(untitled, "nameless.xlsx")
    with pytest.raises(UnknownSymbol, match="--symbol"):
        import_file(lake, nameless, day=DAY)
    assert import_file(lake, nameless, symbol="WINV25", day=DAY).status == "imported"
    with pytest.raises(FileRefused, match="up to its last one, 2025-10-15"):
        import_file(lake, book, day=date(2025, 10, 16))


def test_another_session_of_the_same_workbook_is_not_unchanged(lake: Lake, book: Path) -> None:
    days = [DAY, DAY, date(2025, 8, 28)]
    assert [import_file(lake, book, day=day).status for day in days] == ["imported", "unchanged", "imported"]
    assert lake.sessions("WINV25") == [date(2025, 8, 28), DAY]


@pytest.mark.parametrize(
    ("sheet", "line", "column", "value", "found"),
    [
        ("negocios", 4, 1, "x", r"line 4: expected sound rows in sheet negocios, found a price that is not a number"),
        ("negocios", 4, 1, 140031, "a price off the tick grid"),
        ("negocios", 5, 2, 1.5, "a quantity that is not whole contracts"),
        ("negocios", 5, 4, "Ninguém", "an aggressor that is none of"),
        ("ofertas", 5, 2, "", r"line 5: expected sound rows in sheet ofertas"),
        ("ofertas", 4, 4, -3, "a quantity that is not whole contracts"),
        ("ofertas", 2, 2, "Bid", "expected the headings agente, qtde, compra"),
    ],
)
def test_refuses_an_unsound_row(
    lake: Lake, write_book: WriteBook, sheet: str, line: int, column: int, value: object, found: str
) -> None:
    sheets = {"ofertas": ORDERS, "negocios": TRADES}
    sheets[sheet] = changed(sheets[sheet], line, column, value)
    with pytest.raises(FileRefused, match=found):
        import_file(lake, write_book(sheets), day=DAY)
    assert not lake.folder.exists()


def test_refuses_a_workbook_of_another_kind(lake: Lake, write_book: WriteBook) -> None:
    path = write_book({"Plan1": TRADES})
    with pytest.raises(FileRefused, match="found a workbook with the sheets Plan1;"):
        import_file(lake, path)
    with pytest.raises(FileRefused, match="second line of sheet ofertas, found none"):
        import_file(lake, path, day=DAY, format="times_trades_workbook")


def test_refuses_a_workbook_that_unpacks_to_too_much(lake: Lake, write_book: WriteBook) -> None:
    sheets = {"ofertas": ORDERS, "negocios": TRADES}
    large = write_book(sheets, parts={"xl/media/x.bin": bytes(65 << 20)})
    assert large.stat().st_size < 1 << 20
    with pytest.raises(FileRefused, match=r"at most 1,000 parts and 67,108,864 bytes unpacked, found 7 parts"):
        import_file(lake, large, day=DAY)
    many = write_book(sheets, parts={f"xl/media/{k}.bin": b"" for k in range(1_000)})
    with pytest.raises(FileRefused, match="found 1,006 parts"):
        import_file(lake, many, day=DAY)


@pytest.mark.parametrize("place", ['r="XFD3"', 'r="A1048576"', "r = 'AA1'"])
def test_refuses_a_cell_far_outside(lake: Lake, write_book: WriteBook, place: str) -> None:
    """A workbook library that fills the rectangle up to it ends the process."""
    far = sheet_xml(ORDERS).replace('r="A3"', place).encode()
    path = write_book({"ofertas": ORDERS, "negocios": TRADES}, parts={"xl/worksheets/sheet1.xml": far})
    with pytest.raises(FileRefused, match="expected cells up to column Z and line 99,999"):
        import_file(lake, path, day=DAY)


def test_refuses_a_damaged_workbook(lake: Lake, book: Path) -> None:
    data = book.read_bytes()
    place = data.index(b"xl/workbook.xml") + 30
    book.write_bytes(data[:place] + b"\xff" * 8 + data[place + 8 :])
    with pytest.raises(FileRefused, match="expected a workbook that unpacks, found a damaged part"):
        import_file(lake, book, day=DAY)


def test_says_which_package_reads_workbooks(lake: Lake, book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "python_calamine", None)
    with pytest.raises(FileRefused, match="python-calamine not installed; install it"):
        import_file(lake, book, day=DAY)
