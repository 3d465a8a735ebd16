"""A workbook of Profit's book and tape: `ofertas`, a snapshot by single order, and `negocios`, the trades before it.

Nothing in it tells a time or a date, so the session is asked for. Every event bears the time of the session's open and
Flag.NO_TIME: only the order is known. The tape is newest first, as Profit shows it, and read from its end: in the
sheet known, all 20 price changes between neighbouring trades of the same aggressor then go the aggressor's way, up for
a buyer and down for a seller (read from its beginning, none does). The book, which is as near to the first price as to
the last, comes after the last trade: it is what stood when the sheet was taken. Orders at one price are added up to a
level; the best level is 0.

Brokers are names here: see `profit_words.broker_id`.
"""

import re
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from market.errors import FileRefused
from market.lake_manifest import Cause, Gap
from market.readers.cells import bounded
from market.readers.intake import Format, Intake, Request, Writes
from market.readers.price_basis import RAW
from market.readers.profit_words import AGGRESSORS, to_aggressors, to_broker_ids, to_plain
from market.readers.screen import DayHours, Screen
from market.readers.source import Source
from market.readers.symbols import refuse_other_days, resolve_symbol
from market.readers.trade_table import TRADE_ROW, screen_trades, to_trades
from market.readers.workbook import open_workbook, rows_of_sheet
from market.types import PRICE_KEYED, Flag, Kind, Side, events

if TYPE_CHECKING:
    from python_calamine import CalamineWorkbook

ORDERS, TRADES = "ofertas", "negocios"
ORDER_COLUMNS = ("agente", "qtde", "compra", "venda", "qtde", "agente")
TRADE_COLUMNS = ("compradora", "valor", "quantidade", "vendedora", "agressor")
DEEPEST = PRICE_KEYED  # a level is stored in eight bits, the last of which is no index

_TICKER = re.compile(r"[A-Z]{3,5}[A-Z0-9]*\d")  # as PETR4, or a future of another root
_FIRST_LINE = 3  # below the title and the headings


def recognise(source: Source) -> bool:
    """Tell whether it is a workbook with these two sheets; raises FileRefused where it cannot be opened."""
    return source.workbook and {ORDERS, TRADES} <= set(open_workbook(source).sheet_names)


def read(source: Source, request: Request, intake: Intake) -> Writes:
    """Read both sheets.

    Raises
    ------
    FileRefused
        Where the request names no session, a heading is not as expected, or any row is not sound.
    """
    if request.day is None:
        raise FileRefused(
            source.path,
            "the session of these trades",
            "a workbook that tells neither date nor time",
            "name it with --session, and the contract with --symbol where the sheets' titles do not",
        )
    workbook = open_workbook(source)
    title, orders = _rows_of(source, workbook, ORDERS, ORDER_COLUMNS)
    other, trades = _rows_of(source, workbook, TRADES, TRADE_COLUMNS)
    contract = resolve_symbol(intake, request, _one_symbol(source, request, [title, other]), request.day)
    refuse_other_days(intake, request, contract, [request.day], [len(trades)])
    lake, sheet = request.lake, _Sheet(source, request, contract, request.day)
    tape, book = sheet.trades(trades), sheet.levels(orders)
    book["sequence"] += tape.size
    intake.rows = len(trades) + len(orders)
    session = lake.instruments.session(contract, request.day)
    unknown = Gap(int(session["open_ns"][0]), int(session["close_ns"][0]), Cause.TRUNCATED)
    for kind, records in (("trades", tape), ("book", book)):
        if records.size:
            yield lake.draft(kind, contract, request.day, intake.provenance(RAW), gaps=(unknown,)), records


class _Sheet:
    """What turns the rows of one workbook into events.

    Parameters
    ----------
    source, request : Source, Request
        The workbook and what was said of it.
    contract : str
        Whose trades and orders they are.
    day : date
        Their session.
    """

    def __init__(self, source: Source, request: Request, contract: str, day: date) -> None:
        self.source = source
        self.instrument = request.lake.instruments.of(contract)
        session = request.lake.instruments.session(contract, day)
        self.day = int(session["date"][0])
        self.open_ns, self.close_ns = int(session["open_ns"][0]), int(session["close_ns"][0])

    def trades(self, cells: list[list[Any]]) -> np.ndarray:
        """Return the tape, EVENT, oldest first."""
        buyer, price, quantity, seller, aggressor = _columns(cells, len(TRADE_COLUMNS))
        rows = self._rows(price, quantity)
        rows["buyer"], rows["seller"] = (to_broker_ids(_texts(names)) for names in (buyer, seller))
        rows["side"], rows["trade_type"], names_aggressor = to_aggressors(_texts(aggressor))
        screen = Screen(rows["line"])
        screen.reject(~names_aggressor, f"an aggressor that is none of {', '.join(AGGRESSORS)}")
        self._refuse_unsound(TRADES, rows, screen)
        return to_trades(rows[::-1], self.instrument)

    def levels(self, cells: list[list[Any]]) -> np.ndarray:
        """Return the book, EVENT: bids from the best down, then asks from the best up, at most 255 of each."""
        _, bid_quantity, bid, ask, ask_quantity, _ = _columns(cells, len(ORDER_COLUMNS))
        sides = (
            self._side(Side.BUY, [*zip(bid, bid_quantity, strict=True)]),
            self._side(Side.SELL, [*zip(ask, ask_quantity, strict=True)]),
        )
        out = np.concatenate(sides)
        out["sequence"] = np.arange(out.size)
        return out

    def _side(self, side: Side, orders: list[tuple[Any, Any]]) -> np.ndarray:
        """Return the levels of a side, best first; a row may hold an order of the other side only."""
        held = [k for k, order in enumerate(orders) if order != ("", "")]
        rows = self._rows([orders[k][0] for k in held], [orders[k][1] for k in held])
        rows["line"] = np.array(held, dtype=np.int64) + _FIRST_LINE
        self._refuse_unsound(ORDERS, rows, Screen(rows["line"]))
        orders_in_ticks = to_trades(rows, self.instrument)
        prices, level = np.unique(-side * orders_in_ticks["price"], return_inverse=True)
        quantity = np.zeros(prices.size, dtype=np.int64)
        np.add.at(quantity, level, orders_in_ticks["quantity"])
        out = events(min(prices.size, DEEPEST))
        out["ts_event_ns"] = out["ts_recv_ns"] = self.open_ns
        out["instrument"], out["kind"], out["side"] = self.instrument.id, Kind.LEVEL_SET, side
        out["flags"], out["level"] = Flag.NO_TIME, np.arange(out.size)
        out["price"], out["quantity"] = -side * prices[: out.size], quantity[: out.size]
        return out

    def _rows(self, price: list[Any], quantity: list[Any]) -> np.ndarray:
        rows = np.zeros(len(price), dtype=TRADE_ROW)
        rows["line"] = np.arange(len(price)) + _FIRST_LINE
        rows["day"], rows["ts_ns"], rows["flags"] = self.day, self.open_ns, Flag.NO_TIME
        rows["price"], rows["quantity"] = _numbers(price), _numbers(quantity)
        return rows

    def _refuse_unsound(self, sheet: str, rows: np.ndarray, screen: Screen) -> None:
        """Refuse the workbook for its first unsound row: a sheet of some hundred rows is mended by hand."""
        utc, opens, closes = (np.full(rows.size, ns, dtype=np.int64) for ns in (0, self.open_ns, self.close_ns))
        never = np.zeros(rows.size, dtype=bool)
        always = DayHours(~never, utc, opens, closes, rows["day"], skipped=never, repeated=never)
        screen_trades(screen, rows, always, self.instrument.tick_size, self.instrument.lot_step)
        if found := screen.rejects():
            raise FileRefused(
                self.source.path,
                f"sound rows in sheet {sheet}",
                found[0].reason,
                "correct or delete the row",
                found[0].line,
            )


def _rows_of(
    source: Source, workbook: "CalamineWorkbook", sheet: str, columns: tuple[str, ...]
) -> tuple[str | None, list[list[Any]]]:
    """Return the title of a sheet, None without one, and its rows below the headings."""
    rows = rows_of_sheet(source, workbook, sheet)
    headings = tuple(to_plain(str(cell)) for cell in rows[1][: len(columns)]) if len(rows) > 1 else ()
    if headings != columns:
        raise FileRefused(
            source.path,
            f"the headings {', '.join(columns)} in the second line of sheet {sheet}",
            ", ".join(headings) or "none",
            "export the sheet with its title and headings",
            2,
        )
    body = [row[: len(columns)] for row in rows[_FIRST_LINE - 1 :]]
    while body and not any(cell != "" for cell in body[-1]):
        body.pop()
    return str(rows[0][0]).strip() or None, body


def _one_symbol(source: Source, request: Request, titles: list[str | None]) -> str | None:
    """Return the symbol that the sheets' titles tell, None where neither does; raises FileRefused where they differ."""
    symbols = list(dict.fromkeys(title.upper() for title in titles if title and _is_symbol(request, title)))
    if len(symbols) > 1:
        raise FileRefused(
            source.path,
            f"the same symbol in the titles of sheets {ORDERS} and {TRADES}",
            " and ".join(symbols),
            "export both sheets of one contract",
        )
    return symbols[0] if symbols else None


def _is_symbol(request: Request, title: str) -> bool:
    """Tell whether a title is a symbol, of a known instrument or not: a sheet's owner may write anything there."""
    return bool(request.lake.instruments.in_name(title) or _TICKER.fullmatch(title.upper()))


def _columns(rows: list[list[Any]], count: int) -> list[list[Any]]:
    return [[row[k] for row in rows] for k in range(count)]


def _texts(cells: list[Any]) -> pa.StringArray:
    return pa.array([str(cell) for cell in cells], type=pa.string())


def _numbers(cells: list[Any]) -> np.ndarray:
    """Return cells as f8[n]; NaN where one is not a number."""
    return bounded(np.array([cell if type(cell) in (int, float) else np.nan for cell in cells], dtype=np.float64))


FORMAT = Format(
    name="times_trades_workbook",
    clock="none: every event bears the open of the session that was named",
    price_basis="raw: prices as traded",
    recognise=recognise,
    read=read,
    workbook=True,
)
