"""Profit's times and trades as CSV: `;`, decimal comma, thousands dots, newest first, UTF-8 or Latin-1.

Assumed, for want of a sample: the columns are told by their names, `Data` (dd/mm/yyyy), `Hora` or `Horário`,
`Compradora`, `Preço` or `Valor`, `Quantidade` or `Qtde`, `Vendedora` and `Agressor`, or as public projects that read
the platform's live sheet name them (`ATIVO;DATA;HORARIO;Corretora Compradora;Valor da Negociação;Qd Lts;Corretora
Vendedora;Agressor`); other columns are ignored. The aggressor is Comprador, Vendedor, RLP, Leilão or Direto; a row with
any other is set aside. A broker is `3 - XP` or `XP`. Trades of one second stand in the file's order. A day whose times
ascend is read as oldest first.
"""

from collections.abc import Iterable, Iterator
from datetime import date
from itertools import chain
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow.compute as pc

from market.errors import FileRefused
from market.gaps import event_gaps, session_context
from market.readers.cells import NO_DAY, NS_PER_DAY, Columns, read_columns, to_days, to_time_ns
from market.readers.intake import Format, Intake, Request, Writes
from market.readers.price_basis import RAW
from market.readers.profit_words import AGGRESSORS, to_aggressors, to_brazilian_numbers, to_broker_ids, to_plain
from market.readers.screen import DayHours, Screen, hours_of_days, to_date
from market.readers.source import Source
from market.readers.symbols import refuse_other_days, resolve_symbol
from market.readers.trade_table import TRADE_ROW, screen_trades, split_days, to_trades

DATE_PATTERN = "%d/%m/%Y"
REQUIRED = ("date", "time", "buyer", "price", "quantity", "seller", "aggressor")

_ROLES = {
    "ativo": "symbol",
    "data": "date",
    "hora": "time", "horario": "time",
    "compradora": "buyer", "corretora compradora": "buyer",
    "preco": "price", "valor": "price", "valor da negociacao": "price",
    "quantidade": "quantity", "qtde": "quantity", "qd lts": "quantity",
    "vendedora": "seller", "corretora vendedora": "seller",
    "agressor": "aggressor",
}  # fmt: skip


def recognise(source: Source) -> bool:
    """Tell whether the first line names both brokers and the aggressor, whatever separates the columns."""
    first = to_plain(source.first_line)
    return all(word in first for word in ("compradora", "vendedora", "agressor"))


def read(source: Source, request: Request, intake: Intake) -> Writes:
    """Read the rows, holding one block and one session; raises FileRefused where the columns are not as assumed."""
    blocks = read_columns(source, _names(source), ";", header=True)
    first = next(blocks)
    symbol = _one_symbol(source, first)
    contract = resolve_symbol(intake, request, symbol, _first_day(first))
    instrument = request.lake.instruments.of(contract)
    is_first = True
    for day, rows, is_last in split_days(_usable_rows(source, request, intake, contract, chain([first], blocks))):
        if is_last:
            intake.refuse_too_many()
        refuse_other_days(intake, request, contract, [day], [rows.size])
        records = to_trades(_oldest_first(intake, rows), instrument)
        # Only the first and the last day of a file can be cut by it, at either end: it may be newest first.
        at_end = is_first or is_last
        gaps = event_gaps(records, session_context(request.lake.instruments, contract, day, 0, at_end, at_end))
        yield request.lake.draft("trades", contract, day, intake.provenance(RAW), gaps=gaps), records
        is_first = False
    intake.refuse_too_many()


def _names(source: Source) -> list[str]:
    names = [_ROLES.get(to_plain(heading), heading) for heading in source.first_line.split(";")]
    missing = [name for name in REQUIRED if name not in names]
    if missing or len(set(names)) < len(names):
        raise FileRefused(
            source.path,
            "times and trades with ';' between Data, Hora, Compradora, Preço, Quantidade, Vendedora and Agressor",
            f"{source.first_line[:80]!r} ({'without ' + ', '.join(missing) if missing else 'a name twice'})",
            "export it again with these columns",
            1,
        )
    return names


def _one_symbol(source: Source, columns: Columns) -> str | None:
    """Return the symbol of a block's rows, None where they name none."""
    if "symbol" not in columns.cells:
        return None
    symbols = pc.unique(columns.cells["symbol"].drop_null()).to_pylist()
    if len(symbols) > 1:
        raise FileRefused(
            source.path, "one symbol in a file", f"{len(symbols)} ({', '.join(symbols[:3])})", "split it by symbol"
        )
    return str(symbols[0]) if symbols else None


def _first_day(columns: Columns) -> date | None:
    day = to_days(columns.cells["date"], DATE_PATTERN)
    legible = day[day != NO_DAY]
    return to_date(legible[0]) if legible.size else None


def _usable_rows(
    source: Source, request: Request, intake: Intake, contract: str, blocks: Iterable[Columns]
) -> Iterator[np.ndarray]:
    """Yield the sound rows of each block, TRADE_ROW in the file's order."""
    instruments, symbols = request.lake.instruments, set()
    instrument, calendar = instruments.of(contract), instruments.calendar(contract)
    for columns in blocks:
        symbols.add(_one_symbol(source, columns))
        if len(symbols - {None}) > 1:
            raise FileRefused(source.path, "one symbol in a file", ", ".join(map(str, symbols)), "split it by symbol")
        day = to_days(columns.cells["date"], DATE_PATTERN)
        hours = hours_of_days(calendar, ZoneInfo(instrument.clock), day)
        rows, names_aggressor = _rows(columns, day, hours)
        screen = Screen(columns.lines)
        screen_trades(screen, rows, hours, instrument.tick_size, instrument.lot_step)
        screen.reject(~names_aggressor, f"an aggressor that is none of {', '.join(AGGRESSORS)}")
        intake.note(screen, columns.misshapen)
        yield rows[screen.kept]


def _rows(columns: Columns, day: np.ndarray, hours: DayHours) -> tuple[np.ndarray, np.ndarray]:
    cells = columns.cells
    rows = np.zeros(columns.lines.size, dtype=TRADE_ROW)
    time_ns = to_time_ns(cells["time"])
    legible = (day != NO_DAY) & (time_ns != NO_DAY)
    rows["line"], rows["day"] = columns.lines, day
    rows["ts_ns"] = np.where(legible, day * NS_PER_DAY + time_ns - hours.offset_ns, NO_DAY)
    rows["price"], rows["quantity"] = (to_brazilian_numbers(cells[name]) for name in ("price", "quantity"))
    rows["buyer"], rows["seller"] = (to_broker_ids(cells[name]) for name in ("buyer", "seller"))
    rows["side"], rows["trade_type"], names_aggressor = to_aggressors(cells["aggressor"])
    return rows, names_aggressor


def _oldest_first(intake: Intake, rows: np.ndarray) -> np.ndarray:
    """Return a day's rows as they were traded; those of a day within one second are taken as newest first."""
    ts_ns = rows["ts_ns"]
    newest_first = ts_ns[0] >= ts_ns[-1]
    screen = Screen(rows["line"])
    out_of_order = ts_ns > np.minimum.accumulate(ts_ns) if newest_first else ts_ns < np.maximum.accumulate(ts_ns)
    screen.reject(out_of_order, "a time out of the file's order")
    intake.take_back(screen)
    kept: np.ndarray = rows[screen.kept]
    return kept[::-1] if newest_first else kept


FORMAT = Format(
    name="profit_trades",
    clock="wall clock of the exchange, America/Sao_Paulo",
    price_basis="raw: prices as traded",
    recognise=recognise,
    read=read,
    tested=False,
)
