"""The exchange's public trade files: `;`, ASCII, decimal comma, HHMMSSmmm, every instrument of the day in one file.

Both generations of column names are known: `DataReferencia;CodigoInstrumento;...` with broker codes (newer ones end in
`TipoDoCanal`) and `RptDt;TckrSymb;...` without. What is filed are the dated contracts of the futures and the declared
instruments, each under its own symbol; a symbol given with the request chooses one of them. Roll tickers, strategies
and everything else are left out and counted, and so is every session but the regular one (type 1). The update action
follows FIX tag 279: 0 new, 1 changed, 2 deleted.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from market.calendar import EXCHANGE_ZONE, to_ns
from market.errors import FileRefused, UnknownSymbol
from market.gaps import event_gaps, session_context
from market.readers.b3_corrections import ACTIONS, standing_trades
from market.readers.cells import NO_DAY, NS_PER_DAY, NS_PER_S, Columns, read_columns, to_days, to_numbers
from market.readers.intake import Format, Intake, Request, Writes
from market.readers.price_basis import RAW
from market.readers.screen import DayHours, Screen, hours_of_days
from market.readers.source import Source
from market.readers.symbols import refuse_other_days
from market.readers.trade_table import TRADE_ROW, screen_trades, split_days, to_trades
from market.types import Flag

DATE_PATTERN = "%Y-%m-%d"
REGULAR = "1"

_ROLES = {
    "CodigoInstrumento": "symbol", "TckrSymb": "symbol",
    "AcaoAtualizacao": "action", "UpdActn": "action",
    "PrecoNegocio": "price", "GrssTradAmt": "price",
    "QuantidadeNegociada": "quantity", "TradQty": "quantity",
    "HoraFechamento": "time", "NtryTm": "time",
    "CodigoIdentificadorNegocio": "number", "TradId": "number",
    "TipoSessaoPregao": "session_type", "TradgSsnId": "session_type",
    "DataNegocio": "day", "TradDt": "day",
    "CodigoParticipanteComprador": "buyer", "CodigoParticipanteVendedor": "seller",
}  # fmt: skip
_REQUIRED = ("symbol", "action", "price", "quantity", "time", "number", "session_type", "day")
_ROW = np.dtype([*TRADE_ROW.descr, ("contract", "<i4"), ("action", "<i4")])


@dataclass
class _Tape:
    """What is known of a file while it is read.

    Parameters
    ----------
    source, request, intake : Source, Request, Intake
        The file, what was said of it, and where what was found is noted.
    contracts : list of str
        The symbols that are filed, in the order they were met.
    wanted : dict of str to int
        Index in `contracts` of every symbol met so far, -1 where it is left out.
    spans : dict of int to tuple of int
        First and last time of day any instrument traded, ns, by day since 1970-01-01.
    """

    source: Source
    request: Request
    intake: Intake
    contracts: list[str] = field(default_factory=list)
    wanted: dict[str, int] = field(default_factory=dict)
    spans: dict[int, tuple[int, int]] = field(default_factory=dict)


def recognise(source: Source) -> bool:
    """Tell whether the first line is one of the exchange's headers."""
    return source.first_line.startswith(("DataReferencia;CodigoInstrumento;", "RptDt;TckrSymb;"))


def read(source: Source, request: Request, intake: Intake) -> Writes:
    """Read the rows, holding one block and one session; raises FileRefused where none is of a known contract."""
    tape = _Tape(source, request, intake)
    for day, rows, is_last in split_days(_blocks(tape)):
        if is_last:
            intake.refuse_too_many()
        yield from _session_writes(tape, day, rows)
    intake.refuse_too_many()
    if not intake.rows:
        names = ", ".join(sorted(tape.wanted)[:3])
        raise FileRefused(
            source.path,
            f"trades of {request.symbol or 'a dated contract of the futures or of a declared instrument'}",
            f"only other instruments (as {names}) or sessions",
            "name another file, or declare the instrument in pregao.toml",
        )


def _blocks(tape: _Tape) -> Iterator[np.ndarray]:
    header = tape.source.first_line.split(";")
    names = [_ROLES.get(name, name) for name in header]
    if missing := [name for name in _REQUIRED if name not in names]:
        raise FileRefused(
            tape.source.path,
            "the columns of the exchange's trade file",
            f"{tape.source.first_line[:80]!r} (without {', '.join(missing)})",
            "download it again",
            1,
        )
    for columns in read_columns(tape.source, names, ";", header=True):
        yield _usable_rows(tape, columns)


def _usable_rows(tape: _Tape, columns: Columns) -> np.ndarray:
    """Return the sound rows of a block that are of a contract we file, _ROW in the file's order."""
    cells = columns.cells
    day, wall_ns = to_days(cells["day"], DATE_PATTERN), _to_time_ns(cells["time"])
    _widen(tape.spans, day, wall_ns)
    contract = _contracts(tape, cells["symbol"])
    own = np.flatnonzero(_in_regular_session(tape, contract, cells["session_type"]))
    cells = {name: column.take(pa.array(own)) for name, column in cells.items()}
    rows, hours = _rows(tape, cells, contract[own], day[own], wall_ns[own])
    rows["line"] = columns.lines[own]
    used = [tape.request.lake.instruments.of(name) for name in tape.contracts]
    tick_size, lot_step = (np.array([getattr(one, name) for one in used]) for name in ("tick_size", "lot_step"))
    screen = Screen(rows["line"])
    if rows.size:
        screen_trades(screen, rows, hours, tick_size[rows["contract"]], lot_step[rows["contract"]])
    screen.reject(rows["number"] <= 0, "a trade number that is none")
    screen.reject(~np.isin(rows["action"], ACTIONS), "an update action that is not 0, 1 or 2")
    screen.reject((rows["buyer"] < 0) | (rows["seller"] < 0), "a broker code that is not a number")
    tape.intake.note(screen, columns.misshapen)
    kept: np.ndarray = rows[screen.kept]
    return kept


def _contracts(tape: _Tape, column: pa.StringArray) -> np.ndarray:
    """Return the index of each row's contract, i4[n]; -1 where it is left out."""
    encoded = column.fill_null("").dictionary_encode()
    for text in encoded.dictionary.to_pylist():
        if text not in tape.wanted:
            is_ours = _is_ours(tape.request, text)
            tape.wanted[text] = len(tape.contracts) if is_ours else -1
            if is_ours:
                tape.contracts.append(text)
    index = np.array([tape.wanted[text] for text in encoded.dictionary.to_pylist()], dtype=np.int32)
    found: np.ndarray = index[encoded.indices.to_numpy()] if len(column) else index
    if others := int((found < 0).sum()):
        tape.intake.left_out["other instruments"] += others
    return found


def _is_ours(request: Request, text: str) -> bool:
    if request.symbol is not None and text != request.symbol:
        return False
    try:
        symbol = request.lake.instruments.parse(text)
    except UnknownSymbol:
        return False
    return text == text.strip().upper() and not symbol.continuous


def _in_regular_session(tape: _Tape, contract: np.ndarray, column: pa.StringArray) -> np.ndarray:
    """Return the mask of our contracts' rows in the regular session, and count those in another."""
    is_ours = contract >= 0
    regular = pc.equal(column, REGULAR).fill_null(False).to_numpy(zero_copy_only=False)
    for other in column.filter(pa.array(is_ours & ~regular)).to_pylist():
        tape.intake.left_out[f"session type {other or 'unknown'}"] += 1
    mask: np.ndarray = is_ours & regular
    return mask


def _rows(
    tape: _Tape, cells: dict[str, pa.StringArray], contract: np.ndarray, day: np.ndarray, wall_ns: np.ndarray
) -> tuple[np.ndarray, DayHours]:
    rows = np.zeros(contract.size, dtype=_ROW)
    rows["contract"], rows["day"] = contract, day
    hours = _hours(tape, contract, day)
    legible = (day != NO_DAY) & (wall_ns != NO_DAY)
    rows["ts_ns"] = np.where(legible, day * NS_PER_DAY + wall_ns - hours.offset_ns, NO_DAY)
    rows["price"] = to_numbers(pc.replace_substring(cells["price"], ",", "."))
    rows["quantity"] = to_numbers(cells["quantity"])
    rows["number"], rows["action"] = _whole(cells["number"], below=2**53), _whole(cells["action"])
    for name in ("buyer", "seller"):
        rows[name] = _whole(cells[name].fill_null("0")) if name in cells else 0
    rows["flags"] = Flag.NO_AGGRESSOR
    return rows, hours


def _hours(tape: _Tape, contract: np.ndarray, day: np.ndarray) -> DayHours:
    """Return each row's hours by the calendar of its own contract."""
    no, ns = (np.zeros((3, day.size), dtype=bool), np.zeros((4, day.size), dtype=np.int64))
    hours = DayHours(no[0], ns[0], ns[1], ns[2], ns[3], no[1], no[2])  # clocks change while the exchange is closed
    for index in np.unique(contract):
        rows = contract == index
        part = hours_of_days(tape.request.lake.instruments.calendar(tape.contracts[index]), EXCHANGE_ZONE, day[rows])
        for name in ("is_session", "offset_ns", "open_ns", "close_ns", "day"):
            getattr(hours, name)[rows] = getattr(part, name)
    return hours


def _whole(column: pa.StringArray, below: int = 2**31) -> np.ndarray:
    """Return a column of whole numbers from 0, i8[n]; -1 where a cell holds none."""
    numbers = np.nan_to_num(to_numbers(column), nan=-1.0)
    return np.where((numbers == np.floor(numbers)) & (numbers < below), numbers, -1).astype(np.int64)


def _to_time_ns(column: pa.StringArray) -> np.ndarray:
    """Return a column of HHMMSSmmm as ns of the day, i8[n]; NO_DAY elsewhere."""
    legible = pc.match_substring_regex(column, r"^\d{9}$").fill_null(False)
    digits = pc.cast(pc.if_else(legible, column, "0"), pa.int64()).to_numpy()
    seconds, milliseconds = np.divmod(digits, 1_000)
    hours, minutes, seconds = seconds // 10_000, seconds // 100 % 100, seconds % 100
    good = legible.to_numpy(zero_copy_only=False) & (hours < 24) & (minutes < 60) & (seconds < 60)
    whole = ((hours * 60 + minutes) * 60 + seconds) * NS_PER_S + milliseconds * (NS_PER_S // 1_000)
    return np.where(good, whole, NO_DAY)


def _widen(spans: dict[int, tuple[int, int]], day: np.ndarray, wall_ns: np.ndarray) -> None:
    legible = (day != NO_DAY) & (wall_ns != NO_DAY)
    days, at_day = np.unique(day[legible], return_inverse=True)
    firsts, lasts = np.full(days.size, NS_PER_DAY), np.zeros(days.size, dtype=np.int64)
    np.minimum.at(firsts, at_day, wall_ns[legible])
    np.maximum.at(lasts, at_day, wall_ns[legible])
    for one, first, last in zip(days.tolist(), firsts.tolist(), lasts.tolist(), strict=True):
        known = spans.get(one, (NS_PER_DAY, 0))
        spans[one] = min(known[0], first), max(known[1], last)


def _session_writes(tape: _Tape, day: date, rows: np.ndarray) -> Writes:
    lake, intake = tape.request.lake, tape.intake
    midnight_ns = to_ns(datetime.combine(day, time()))
    first_ns, last_ns = tape.spans[int(rows["day"][0])]
    told_ns = midnight_ns + first_ns, midnight_ns + last_ns
    for index in np.unique(rows["contract"]):
        contract = tape.contracts[index]
        stand, screen = standing_trades(rows[rows["contract"] == index])
        intake.take_back(screen)
        if removed := int(screen.kept.sum()) - stand.size:
            intake.rows -= removed
            intake.left_out["cancelled or replaced trades"] += removed
        if stand.size:
            refuse_other_days(intake, tape.request, contract, [day], [stand.size])
            records = to_trades(stand, lake.instruments.of(contract))
            context = session_context(lake.instruments, contract, day, 0, True, True)
            gaps = event_gaps(records, context, told_ns)
            yield lake.draft("trades", contract, day, intake.provenance(RAW), gaps=gaps), records


FORMAT = Format(
    name="b3_trades",
    clock="wall clock of the exchange, America/Sao_Paulo",
    price_basis="raw: prices as traded",
    recognise=recognise,
    read=read,
)
