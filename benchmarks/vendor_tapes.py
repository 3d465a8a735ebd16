"""Vendor files of trades, of books and of streams, of any size."""

import json
import zipfile
from datetime import date
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
import polars as pl

B3_DAY = date(2025, 8, 29)
B3_COLUMNS = (
    "DataReferencia", "CodigoInstrumento", "AcaoAtualizacao", "PrecoNegocio", "QuantidadeNegociada", "HoraFechamento",
    "CodigoIdentificadorNegocio", "TipoSessaoPregao", "DataNegocio", "CodigoParticipanteComprador",
    "CodigoParticipanteVendedor",
)  # fmt: skip
PROFIT_COLUMNS = ("Data", "Hora", "Compradora", "Preço", "Quantidade", "Vendedora", "Agressor")
SESSION_MS = 8 * 3_600_000
LEVELS = 5
NOON_MS = 1_723_118_400_000  # 2024-08-08 12:00 UTC
Cells = list[list[object]]

_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"


def _prints(rows: int, seed: int) -> pl.DataFrame:
    """Return trades of one session from 09:00 on, in order: ms of the day, price in points, quantity, brokers."""
    rng = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "ms": 9 * 3_600_000 + np.sort(rng.integers(0, SESSION_MS, rows)),
            "price": 5_400 + np.cumsum(rng.choice([-1, 0, 1], rows, p=[0.1, 0.8, 0.1])) * 0.5,
            "quantity": rng.integers(1, 20, rows),
            "buyer": rng.integers(1, 120, rows),
            "seller": rng.integers(1, 120, rows),
        }
    )


def write_b3_trades(path: Path, rows: int, seed: int = 8) -> Path:
    """Write the public file of one day's trades of one contract."""
    moment, day = pl.col("ms"), pl.lit(B3_DAY)
    clock = (moment * 1_000_000).cast(pl.Time).dt.to_string("%H%M%S%3f")
    told = (
        day, pl.lit("WDOV25"), pl.lit(0), pl.col("price"), pl.col("quantity"), clock,
        pl.int_range(1, rows + 1) * 10, pl.lit(1), day, pl.col("buyer"), pl.col("seller"),
    )  # fmt: skip
    frame = _prints(rows, seed).select(column.alias(name) for column, name in zip(told, B3_COLUMNS, strict=True))
    frame.write_csv(path, separator=";", decimal_comma=True, float_precision=3, line_terminator="\r\n")
    return path


def write_profit_trades(path: Path, rows: int, seed: int = 9) -> Path:
    """Write Profit's times and trades, newest first."""
    side = pl.when(pl.col("buyer") > pl.col("seller")).then(pl.lit("Comprador")).otherwise(pl.lit("Vendedor"))
    thousands = (pl.col("price") // 1_000).cast(pl.Int64).cast(pl.String) + "."
    told = (
        pl.lit(date(2026, 7, 13)),
        (pl.col("ms") * 1_000_000).cast(pl.Time),
        pl.col("buyer").cast(pl.String) + pl.lit(" - XP"),
        thousands + (pl.col("price") % 1_000 * 10).cast(pl.Int64).cast(pl.String).str.pad_start(4, "0")
        .str.replace(r"(\d)$", ",${1}00"),
        pl.col("quantity"),
        pl.col("seller").cast(pl.String) + pl.lit(" - BTG"),
        side,
    )  # fmt: skip
    frame = _prints(rows, seed).select(column.alias(name) for column, name in zip(told, PROFIT_COLUMNS, strict=True))
    text = frame.reverse().write_csv(
        separator=";", date_format="%d/%m/%Y", time_format="%H:%M:%S%.3f", line_terminator="\r\n"
    )
    path.write_bytes(text.encode("latin-1"))
    return path


def write_book_sample(path: Path, rows: int, seed: int = 10) -> Path:
    """Write a polled book of five levels a side, four polls a second."""
    rng = np.random.default_rng(seed)
    bid = 5_400 + np.cumsum(rng.choice([-1, 0, 1], rows, p=[0.05, 0.9, 0.05])) * 0.5
    columns: dict[str, object] = {"timestamp": np.datetime64("2025-08-11T10:00", "us") + np.arange(rows) * 250_000}
    for side, best, step in (("bid", bid, -0.5), ("ask", bid + 0.5, 0.5)):
        for level in range(LEVELS):
            columns[f"{side}_price_{level + 1}"] = best + step * level
            columns[f"{side}_vol_{level + 1}"] = rng.integers(1, 200, rows)
    frame = pl.DataFrame({**columns, "spread": np.full(rows, 0.5), "symbol": np.full(rows, "WDOU25")})
    frame.write_csv(path, datetime_format="%Y-%m-%d %H:%M:%S%.6f", float_precision=1)
    return path


def write_binance_stream(path: Path, rows: int, seed: int = 12) -> Path:
    """Write a recording of trades, best quotes and depth changes in turn, after a snapshot of the book."""
    rng = np.random.default_rng(seed)
    bid, ask = ["61800.20", "1.500"], ["61800.30", "0.500"]
    quantity = rng.integers(1, 900, rows) / 1_000
    level = rng.integers(0, 50, rows)
    with path.open("w", encoding="ascii", newline="\n") as file:
        file.write(_message(0, "", {"lastUpdateId": 100, "bids": [bid, ["61800.10", "2"]], "asks": [ask]}))
        for k in range(1, rows):
            much = f"{quantity[k]:.3f}"
            changes = [[f"{61_799.9 - one / 10:.1f}", much] for one in (level[k], level[k - 1])]
            stream, told = (
                ("trade", {"e": "trade", "t": 40 + k, "p": ask[0], "q": much, "X": "MARKET", "m": k % 2 == 0}),
                ("bookTicker", {"u": 500 + k, "b": bid[0], "B": "1.5", "a": ask[0], "A": much}),
                ("depth@0ms", {"U": 98 + k, "u": 100 + k, "pu": 97 + k, "b": changes, "a": [ask]}),
            )[k % 3]
            file.write(_message(20 * k, stream, told))
    return path


def _message(after_ms: int, stream: str, told: dict[str, object]) -> str:
    at = NOON_MS + after_ms
    stamped = {"T": at, "E": at + 1, **told}
    message = {"stream": f"btcusdt@{stream}", "data": {"s": "BTCUSDT", **stamped}} if stream else stamped
    return f"{(at + 40) * 1_000_000 + 7} {json.dumps(message)}\n"


def write_workbook(path: Path, rows: int, seed: int = 13) -> Path:
    """Write a workbook of Profit's book and tape; `rows` are its trades and the hundred orders before them."""
    orders: Cells = [["WINV25", "Ofertas"], ["Agente", "Qtde", "Compra", "Venda", "Qtde", "Agente"]]
    orders += [["BTG", 34 + k, 140_030 - 5 * k, 140_040 + 5 * k, 66, "UBS"] for k in range(100)]
    trades: list[list[object]] = [
        ["WINV25", "Negócios"],
        ["Compradora", "Valor", "Quantidade", "Vendedora", "Agressor"],
    ]
    prints = _prints(rows - 100, seed)
    trades += [
        ["Agora", 140_025 + price % 3 * 5, quantity, "UBS", ("Comprador", "RLP", "Vendedor")[buyer % 3]]
        for price, quantity, buyer in prints.select(pl.col("price").cast(pl.Int64), "quantity", "buyer").iter_rows()
    ]
    sheets = {"ofertas": orders, "negocios": trades}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in _workbook_parts(sheets).items():
            archive.writestr(name, part)
    return path


def _workbook_parts(sheets: dict[str, Cells]) -> dict[str, str]:
    numbered = dict(enumerate(sheets, 1))
    listed = "".join(f'<sheet name="{name}" sheetId="{k}" r:id="rId{k}"/>' for k, name in numbered.items())
    return {
        "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="xml" '
        'ContentType="application/xml"/><Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/></Types>',
        "_rels/.rels": _relations({1: ("officeDocument", "xl/workbook.xml")}),
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>{listed}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": _relations({k: ("worksheet", f"worksheets/sheet{k}.xml") for k in numbered}),
        **{f"xl/worksheets/sheet{k}.xml": _sheet(sheets[name]) for k, name in numbered.items()},
    }


def _relations(targets: dict[int, tuple[str, str]]) -> str:
    inside = "".join(
        f'<Relationship Id="rId{k}" Type="{_OFFICE}/{kind}" Target="{target}"/>'
        for k, (kind, target) in targets.items()
    )
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{inside}</Relationships>'


def _sheet(rows: Cells) -> str:
    def cell(place: str, value: object) -> str:
        if isinstance(value, str):
            return f'<c r="{place}" t="inlineStr"><is><t>{escape(value)}</t></is></c>'
        return f'<c r="{place}"><v>{value}</v></c>'

    lines = []
    for line, row in enumerate(rows, 1):
        cells = "".join(cell(f"{column}{line}", value) for column, value in zip("ABCDEF", row, strict=False))
        lines.append(f'<row r="{line}">{cells}</row>')
    return f'<worksheet xmlns="{_MAIN}"><sheetData>{"".join(lines)}</sheetData></worksheet>'
