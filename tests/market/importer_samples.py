"""One small sound file of every format, built by hand, and the lake it may be imported into."""

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from market.instruments import Declaration, declare
from market.lake import Lake

DECLARED = {
    "BTCUSDT": declare("BTCUSDT", Declaration(0.1, 0.001, 1.0, "USDT", "always", "UTC")),
    "EURUSD": declare("EURUSD", Declaration(0.00001, 0.01, 100_000.0, "USD", "forex", "Europe/Helsinki")),
}
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"


@dataclass(frozen=True)
class Sample:
    """A vendor's file; `day` is the session of one that does not tell it, `marks` what stands between its cells."""

    name: str
    data: bytes
    marks: str = ""
    day: date | None = None


def lake_in(folder: Path) -> Lake:
    """Return a lake that knows the samples' instruments."""
    return Lake(folder, DECLARED)


def text(rows: list[str], encoding: str = "utf-8", end: str = "\r\n") -> bytes:
    return "".join(row + end for row in rows).encode(encoding)


def minutes(count: int, start: datetime, step: int = 1) -> list[datetime]:
    return [start + timedelta(minutes=step * k) for k in range(count)]


def mt5_ticks() -> list[str]:
    rows = [
        "<DATE>\t<TIME>\t<BID>\t<ASK>\t<LAST>\t<VOLUME>\t<FLAGS>",
        "2020.04.02\t08:56:00.100\t5256.0\t5257.0\t\t\t6",
    ]
    for k in range(55):
        price = 5256.0 + k % 3 / 2
        rows.append(f"2020.04.02\t09:{k:02}:12.{k:03}\t\t\t{price}\t{5 + k}.00000000\t{56 if k % 2 else 88}")
        rows.append(f"2020.04.0{2 + k // 45}\t09:{k:02}:13.000\t{price - 1}\t{price + 1}\t\t\t6")
    return [rows[0], *sorted(rows[1:]), "2020.04.03\t23:00:00.000\t0.0\t0.0\t0.0\t0.00000000\t6"]


def mt5_bars() -> list[str]:
    rows = ["<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>"]
    for k, at in enumerate(minutes(90, datetime(2020, 4, 2, 9)) + minutes(30, datetime(2020, 4, 3, 9))):
        low = 5250.0 + k % 7
        rows.append(f"{at:%Y.%m.%d\t%H:%M:%S}\t{low}\t{low + 2}\t{low}\t{low + 1}\t{10 + k % 3}\t{101 + k}\t5")
    return rows


def b3_trades() -> list[str]:
    header = (
        "DataReferencia;CodigoInstrumento;AcaoAtualizacao;PrecoNegocio;QuantidadeNegociada;HoraFechamento;"
        "CodigoIdentificadorNegocio;TipoSessaoPregao;DataNegocio;CodigoParticipanteComprador;CodigoParticipanteVendedor"
    )
    rows = [header]
    for k in range(180):
        symbol, price = [("WDOV25", 5461.5), ("WINV25", 143_095.0), ("DI1F26", 14.89)][k % 3]
        action, number = (1 + k // 177, 10) if k in (90, 177) else (0, 10 * (k // 3 + 1))
        clock = 100_000_000 + k // 3 * 100_003
        cells = f"{action};{price:.3f};{1 + k};{clock};{number}".replace(".", ",")
        rows.append(f"2025-08-29;{symbol};{cells};1;2025-08-29;{6003 + k};120")
    return rows


def profit_trades() -> list[str]:
    words = ("Comprador", "Vendedor", "RLP", "Leilão", "Direto")
    rows = [
        f"13/07/2026;1{k // 60}:{k % 60:02}:00.120;3 - XP;5.159,{k % 2 * 5}0;1.{200 + k};85 - BTG;{words[k % 5]}"
        for k in reversed(range(120))
    ]
    return ["Data;Hora;Compradora;Preço;Quantidade;Vendedora;Agressor", *rows]


def profit_bars() -> list[str]:
    return [
        f"WDOK20;02/04/2020;{at:%H:%M:%S};5.250,00;5.252,50;5.250,00;5.251,00;{52_510 * (4 + k):_},00;{4 + k}".replace(
            "_", "."
        )
        for k, at in enumerate(reversed(minutes(110, datetime(2020, 4, 2, 9))))
    ]


def book_sample() -> list[str]:
    levels = ",".join(f"{side}_{what}_{k}" for side in ("bid", "ask") for what in ("price", "vol") for k in (1, 2))
    rows = [f"timestamp,{levels},spread,symbol"]
    for k in range(120):
        bid, symbol = 5471.0 - k % 4 / 2, "WDOU25" if k % 3 else "WDOV25"
        moment = f"2025-08-11 10:00:{k // 10:02}.{k * 7919 % 1000:06}"
        rows.append(f"{moment},{bid},{bid - 0.5},{4 + k},9,{bid + 0.5},0.0,8,0,0.5,{symbol}")
    return [rows[0], *sorted(rows[1:])]


def binance_stream() -> list[str]:
    noon_ms = 1_723_118_400_000  # 2024-08-08

    def line(k: int, stream: str, **data: object) -> str:
        at = noon_ms + 250 * k + (43_200_000 if k > 90 else 0)
        told = {"s": "BTCUSDT", "T": at, "E": at + 1, **data}
        message = {"stream": f"btcusdt@{stream}", "data": told} if stream else {"T": at, "E": at + 1, **data}
        return f"{(at - 40) * 1_000_000 + 7} {json.dumps(message)}"

    bid, ask = ["61800.20", "1.500"], ["61800.30", "0.500"]
    rows = [line(0, "", lastUpdateId=100, bids=[bid, ["61800.10", "2"]], asks=[ask])]
    for k in range(1, 120, 3):
        rows.append(line(k, "trade", e="trade", t=40 + k, p="61800.30", q="0.006", X="MARKET", m=k % 2 == 0))
        rows.append(line(k + 1, "bookTicker", u=500 + k, b=bid[0], B="1.5", a=ask[0], A=f"0.{k:03}"))
        rows.append(line(k + 2, "depth@0ms", U=98 + k, u=100 + k, pu=97 + k, b=[["61799.9", f"{k}"]], a=[ask]))
    return rows


def mt5_saveas() -> list[str]:
    return [
        f"{at:%Y.%m.%d %H:%M},5250.000000,5252.000000,5249.500000,5251.000000,30,{400 + k}"
        for k, at in enumerate(minutes(100, datetime(2020, 4, 2, 9), 5))
    ]


def mt5_rates() -> list[str]:
    first = 1_585_818_000  # 2020-04-02 09:00 of the broker's clock
    rows = [f"{first + 300 * k},5250.0,5252.0,5249.5,5251.0,30,1,{400 + k}" for k in range(108)]
    return ["time,open,high,low,close,tick_volume,spread,real_volume", *rows]


def joined_bars() -> list[str]:
    fields = ("open", "high", "low", "close", "tick_volume", "real_volume")
    rows = ["time," + ",".join(f"{field}_{suffix}" for suffix in ("win", "wdo") for field in fields)]
    for k, at in enumerate(minutes(90, datetime(2020, 4, 2, 10), 5)):
        dollar = f"5250.0,5252.0,5249.5,5251.0,30,{401 + k}" if k % 4 else ",,,,,"
        rows.append(f"{at:%Y-%m-%d %H:%M:%S},71000.0,71010.0,70990.0,71005.0,50,{501 + k},{dollar}")
    return rows


Cells = list[list[object]]
ORDERS: Cells = [
    ["WINV25", "Ofertas"],
    ["Agente", "Qtde", "Compra", "Venda", "Qtde", "Agente"],
    *[["BTG", 34 + k, 140_030 - 5 * k, 140_040 + 5 * k, 66, "UBS"] for k in range(12)],
]
TRADES: Cells = [
    ["WINV25", "Negócios"],
    ["Compradora", "Valor", "Quantidade", "Vendedora", "Agressor"],
    *[["Agora", 140_025 + k % 3 * 5, 52 + k, "UBS", ("Comprador", "RLP", "Vendedor")[k % 3]] for k in range(12)],
]


def sheet_xml(cells: Cells) -> str:
    def cell(line: int, column: int, value: object) -> str:
        place = f"{'ABCDEFGH'[column]}{line}"
        if isinstance(value, str):
            return f'<c r="{place}" t="inlineStr"><is><t>{value}</t></is></c>'
        return f'<c r="{place}"><v>{value}</v></c>'

    rows = "".join(
        f'<row r="{line}">{"".join(cell(line, column, value) for column, value in enumerate(row))}</row>'
        for line, row in enumerate(cells, start=1)
    )
    return f'<worksheet xmlns="{_MAIN}"><sheetData>{rows}</sheetData></worksheet>'


def workbook_parts(orders: Cells = ORDERS, trades: Cells = TRADES) -> dict[str, bytes]:
    """Return what a workbook of both sheets is made of."""

    def relations(*entries: tuple[str, str]) -> str:
        inside = "".join(
            f'<Relationship Id="rId{k}" Type="{_OFFICE}/{kind}" Target="{target}"/>'
            for k, (kind, target) in enumerate(entries, start=1)
        )
        return f'<Relationships xmlns="{_PACKAGE}/relationships">{inside}</Relationships>'

    sheets = "".join(f'<sheet name="{n}" sheetId="{k}" r:id="rId{k}"/>' for k, n in ((1, "ofertas"), (2, "negocios")))
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="xml" '
        'ContentType="application/xml"/><Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/></Types>',
        "_rels/.rels": relations(("officeDocument", "xl/workbook.xml")),
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>{sheets}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": relations(
            ("worksheet", "worksheets/sheet1.xml"), ("worksheet", "worksheets/sheet2.xml")
        ),
        "xl/worksheets/sheet1.xml": sheet_xml(orders),
        "xl/worksheets/sheet2.xml": sheet_xml(trades),
    }
    return {name: part.encode() for name, part in parts.items()}


def zipped(parts: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, part in parts.items():
            archive.writestr(zipfile.ZipInfo(name), part, method)
    return out.getvalue()


SAMPLES: dict[str, Sample] = {
    "mt5_ticks": Sample("DOLK20.csv", text(mt5_ticks()), "\t"),
    "mt5_bars": Sample("WDOK20_M1.csv", text(mt5_bars()), "\t"),
    "b3_trades": Sample("29-08-2025_NEGOCIOSDERIVATIVOS.txt", text(b3_trades()), ";"),
    "profit_trades": Sample("WDOQ26.csv", text(profit_trades(), "latin-1"), ";"),
    "profit_bars": Sample("profit.csv", text(profit_bars()), ";"),
    "times_trades_workbook": Sample("tape.xlsx", zipped(workbook_parts()), day=date(2025, 8, 29)),
    "book_sample": Sample("book.csv", text(book_sample(), end="\n"), ","),
    "binance_stream": Sample("btcusdt_20240808.txt", text(binance_stream(), end="\n"), ',:"'),
    "mt5_saveas": Sample("WDOK20M5.csv", text(mt5_saveas(), "utf-16"), ","),
    "mt5_rates": Sample("WDOK20_rates.csv", text(mt5_rates()), ","),
    "joined_bars": Sample("joined.csv", text(joined_bars(), end="\n"), ","),
}
