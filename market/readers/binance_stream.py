"""Recordings of Binance's USD-M futures streams: one message a line, `<receive time, ns> <json>`, as gzip or text.

Streams are `depth` (changes of the whole book), `bookTicker` (best quotes) and `trade`; a line without a stream is a
depth snapshot fetched beside them. The order of events is that of arrival: exchange times may step back a little from
one stream to the next. Both clocks are kept as they are, whichever is ahead.

A session is a day of the recorder's clock, by which recorders begin a new file; where that clock is late, the session's
last events carry exchange times after its close. A session that is not the first of its file begins with the book as
the one before left it, so each can be read alone.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from market.book import Book, apply_all, levels, new_book
from market.errors import FileRefused
from market.gaps import SessionContext, edge_gaps, event_gaps, session_context
from market.lake_manifest import Gap
from market.readers.binance_messages import BEYOND_INT64, Levels, Recording, Unusable, sent_ns
from market.readers.cells import NO_DAY, NS_PER_DAY
from market.readers.decimals import OffGrid
from market.readers.intake import Format, Intake, Request, Writes
from market.readers.price_basis import RAW
from market.readers.screen import Screen, to_date
from market.readers.source import Source
from market.readers.symbols import resolve_symbol
from market.types import Kind, Side

_LINE = re.compile(r'\d{19} \{\s*"(?:stream|lastUpdateId)"\s*:')
_STREAM = re.compile(r'"stream"\s*:\s*"([a-z0-9_]+)@')
_RECEIVED = re.compile(rb"\d{19}")
_HEAD_LINES = 5  # the answer to a subscription may come first
MOST_LEVELS = 1 << 16  # a side, of the book carried from session to session
_REASONED, _MISSHAPEN = (Unusable, OffGrid), (TypeError, ValueError, AttributeError, RecursionError)


def recognise(source: Source) -> bool:
    """Tell whether the first lines are a receive time and a message of a stream."""
    return any(_LINE.match(line) for line in source.lines[:_HEAD_LINES])


def read(source: Source, request: Request, intake: Intake) -> Writes:
    """Read the lines; raises FileRefused where more than one in a hundred is unusable, or none says anything."""
    named = _STREAM.search(source.head)
    contract = resolve_symbol(intake, request, named[1] if named else None)
    recording = Recording(named[1] if named else contract.lower(), request.lake.instruments.of(contract))
    sessions = _Sessions(request, intake, contract, recording)
    lines = 0
    for lines, (number, line) in enumerate(_lines(source), 1):
        recv_ns, sent, message, reason = _parse(line)
        if message is not None and recv_ns // NS_PER_DAY > sessions.day:
            yield from sessions.turn(recv_ns, sent)
        elif message is not None and recv_ns // NS_PER_DAY < sessions.day:
            message, reason = None, "a receive time in a session before that of the line above"
        reason = _take(recording, message, recv_ns) if message is not None else reason
        if reason:
            _set_aside(intake, number, reason, lines)
    recording.close()
    intake.left_out.update(recording.left_out)
    intake.rows = lines - len(intake.rejects) - recording.left_out.total()
    intake.refuse_too_many()
    yield from sessions.finish(is_last=True)
    if not intake.sessions:
        raise FileRefused(
            source.path,
            f"trades, best quotes, or depth with a snapshot of {recording.symbol}",
            f"none in {lines} lines",
            "record the streams trade, bookTicker or depth, and a depth snapshot after the stream began",
        )
    sessions.write_notes()


class _Sessions:
    """The sessions of a recording, one after the other.

    Parameters
    ----------
    request : Request
        Where they go.
    intake : Intake
        Where notes go.
    contract : str
        Whose they are.
    recording : Recording
        Whose messages they hold.
    """

    def __init__(self, request: Request, intake: Intake, contract: str, recording: Recording) -> None:
        self.day = NO_DAY
        self._request, self._intake = request, intake
        self._contract, self._recording = contract, recording
        self._book = new_book(MOST_LEVELS)
        self._count = 0
        self._late = 0
        self._delay_ns = (NO_DAY, NO_DAY)

    def turn(self, recv_ns: int, event_ns: int) -> Writes:
        """Yield the session that ends before a message, and begin the next with the book it left."""
        yield from self.finish(is_last=False)
        self.day = recv_ns // NS_PER_DAY
        self._recording.begin_session(event_ns)
        if self._recording.chain.synced:
            sides = (_levels_of(self._book, side) for side in (Side.BUY, Side.SELL))
            self._recording.add_book(event_ns, recv_ns, *sides)

    def finish(self, is_last: bool) -> Writes:
        """Yield the open session's partitions; none where it has no usable message."""
        if not self._recording.messages:
            return
        self._recording.end_session()
        lake, day = self._request.lake, to_date(self.day)
        context = session_context(
            lake.instruments, self._contract, day, self._intake.previous_close, self._count == 0, is_last
        )
        records = self._recording.messages.to_events(context.instrument.id)
        if not is_last:
            apply_all(self._book, records)
        self._note_clocks(records, context.close_ns)
        provenance, trades_gaps = self._intake.provenance(RAW), _trades_gaps(records, context)
        self._count += 1
        for kind, part in _split_kinds(records):
            gaps = _book_gaps(part, self._recording.losses, context) if kind == "book" else trades_gaps
            if kind == "trades":
                self._intake.previous_close = int(part["price"][-1])
            yield lake.draft(kind, self._contract, day, provenance, gaps=gaps), part

    def write_notes(self) -> None:
        """Note what is odd about the recorder's clock."""
        least, most = (delay / 1e9 for delay in self._delay_ns)
        if least < 0:
            self._intake.notes.append(
                f"the recorder's clock is late: messages are received {least:.3f} to {most:.3f} s after the exchange's "
                "time; both are kept as they are"
            )
        if self._late:
            self._intake.notes.append(f"{self._late} events carry exchange times after their session's close")

    def _note_clocks(self, records: np.ndarray, close_ns: int) -> None:
        delay = records["ts_recv_ns"] - records["ts_event_ns"]
        least, most = int(delay.min()), int(delay.max())
        self._delay_ns = (min(self._delay_ns[0], least), max(self._delay_ns[1], most)) if self._count else (least, most)
        self._late += int((records["ts_event_ns"] >= close_ns).sum())


def _lines(source: Source) -> Iterator[tuple[int, bytes]]:
    """Yield the lines that are not blank, with their numbers."""
    for block in source.blocks():
        for number, line in enumerate(block.text.split(b"\n"), block.first_line):
            if line.strip():
                yield number, line


def _parse(line: bytes) -> tuple[int, int, dict[str, Any] | None, str]:
    """Return receive and send time and the message, or no message and the reason."""
    received, _, text = line.partition(b" ")
    if not _RECEIVED.fullmatch(received) or int(received) >= BEYOND_INT64:
        return 0, 0, None, "no receive time in nanoseconds"
    try:
        message = json.loads(text, parse_float=str)  # digits as they stand, never a float
        return int(received), sent_ns(message, int(received)), message, ""
    except json.JSONDecodeError:
        return 0, 0, None, "malformed JSON"
    except (*_REASONED, KeyError, *_MISSHAPEN) as error:
        return 0, 0, None, _reason(error)


def _take(recording: Recording, message: dict[str, Any], recv_ns: int) -> str:
    """Take a message; return why not, or nothing."""
    try:
        recording.take(message, recv_ns)
    except (*_REASONED, KeyError, *_MISSHAPEN) as error:
        return _reason(error)
    return ""


def _reason(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"a message without {error}"
    return str(error) if isinstance(error, _REASONED) else "a message of another shape"


def _set_aside(intake: Intake, number: int, reason: str, lines: int) -> None:
    screen = Screen(np.array([number]))
    screen.reject([True], reason)
    intake.rows = lines - 1 - len(intake.rejects)
    intake.note(screen)


def _trades_gaps(records: np.ndarray, context: SessionContext) -> tuple[Gap, ...]:
    """Return the gaps of trades and quotes; without any trade, silence tells nothing."""
    if (records["kind"] == Kind.TRADE).any():
        return event_gaps(records, context)
    return edge_gaps(*_span(records), context)


def _book_gaps(book: np.ndarray, losses: list[Gap], context: SessionContext) -> list[Gap]:
    """Return the gaps of the depth: it begins where it first stood on a snapshot, and is lost where a change is."""
    edges = edge_gaps(*_span(book), replace(context, begins_export=True))
    return sorted([*edges, *losses], key=lambda gap: gap.first_ns)


def _span(records: np.ndarray) -> tuple[int, int]:
    """Return the first and last exchange time; arrival need not keep their order."""
    return int(records["ts_event_ns"].min()), int(records["ts_event_ns"].max())


def _split_kinds(records: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    is_trade, is_quote = records["kind"] == Kind.TRADE, records["kind"] == Kind.QUOTE_SIDE
    for kind, rows in (("trades", is_trade), ("quotes", is_quote), ("book", ~is_trade & ~is_quote)):
        if rows.any():
            yield kind, records[rows]


def _levels_of(book: Book, side: Side) -> Levels:
    out = np.zeros((MOST_LEVELS, 2), dtype=np.int64)
    count = levels(book, int(side), out)
    return out[:count, 0].tolist(), out[:count, 1].tolist()


FORMAT = Format(
    name="binance_stream",
    clock="nanoseconds and milliseconds UTC: the recorder's own clock on receipt, the exchange's matching engine",
    price_basis="raw: prices as traded and quoted",
    recognise=recognise,
    read=read,
)
