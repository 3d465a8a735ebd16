"""Serves recorded events, compiled: each one first trades with the orders, then goes out over the wire."""

from typing import Any, NamedTuple

import numpy as np

from live.profitdll.standin.rings import free_slots as room_for
from live.profitdll.standin.rings import next_request, store_release
from live.profitdll.standin.wire import EVENT_HEAD, EVENTS, WIRE_DAILY, WIRE_EVENT, EventKind, Wire
from market.book import COUNTS, QUOTES, Book, apply, best, new_book, place_of
from market.kernel import kernel
from market.types import PRICE_KEYED, Kind, Phase
from trading.fills.events import advance, pass_by, step_due, take_event
from trading.fills.venue import Venue, report_due

FEED = np.dtype(
    [
        ("cursor", "<i8"),  # events served
        ("limit", "<i8"),  # events that may be served by now
        ("until_ns", "<i8"),  # later events wait
        ("stop_at", "<i8"),  # event before which the caller has something to do
        ("offset_ns", "<i8"),  # the exchange's wall clock less UTC
        ("tick", "<f8"),
        ("point_value", "<f8"),
        ("session", "<u4"),
        ("trades_to", "<u4"),  # assets, as bits, that are told of trades
        ("depth_to", "<u4"),
        ("muted", "<u4"),  # 1: what happens is not told
        ("bracket", "<u4"),  # 1: a burst of the book is being told
        ("lose", "<i4"),  # trades that the faults in force still concern
        ("repeat", "<i4"),
        ("swap", "<i4"),
        ("sentinel", "<i4"),
        ("holds", "<i4"),  # 1: a trade is held back behind the next one
        ("daily_ms", "<i8"),  # when the day's record was last told
        ("sent", "<i8"),  # trades told
    ]
)
TICKS, QUANTITY, SILENT, TIME_NS, ASSET, SIDE, UPDATE, PLACE = range(8)  # of `level`; 1 where no callback is called
DAILY_EVERY_MS = 2_000
ROOM_NEEDED = 2_200  # slots that one event may take at most: a book told anew to two assets

WAITS, REQUESTED, REPORTED, FULL, DUE = range(5)  # why `serve` returned

_TRADE, _EDIT, _STATE, _CLOCK = int(Kind.TRADE), int(Kind.EDIT), int(Kind.STATE), int(Kind.CLOCK)
_QUOTE_SIDE, _LEVEL_SET, _LEVEL_DELETE = int(Kind.QUOTE_SIDE), int(Kind.LEVEL_SET), int(Kind.LEVEL_DELETE)
_BOOK_CLEAR, _GAP, _PRICE_KEYED = int(Kind.BOOK_CLEAR), int(Kind.GAP), PRICE_KEYED
_AUCTION = int(Phase.AUCTION)
_W_TRADE, _W_DEPTH, _W_TINY = int(EventKind.TRADE), int(EventKind.DEPTH), int(EventKind.TINY_BOOK)
_W_DAILY, _W_STATE, _W_THEORETICAL = int(EventKind.DAILY), int(EventKind.TICKER_STATE), int(EventKind.THEORETICAL)
_W_HISTORY = int(EventKind.HISTORY)
_ADD, _EDIT_LEVEL, _DELETE, _FULL_BOOK, _PREPARE, _FLUSH, _DELETE_FROM = 0, 1, 2, 4, 5, 6, 8
_SLOTS = EVENTS - 1
_NO_DATE = np.iinfo(np.int64).min
_TOLD_LEVELS = 1024


class Served(NamedTuple):
    """A recorded session on its way out.

    Attributes
    ----------
    feed : ndarray of FEED, length 1
    events : ndarray of EVENT
    shown : Book
        As it is told: without what our orders took.
    daily : ndarray of WIRE_DAILY, length 1
    payload : ndarray of WIRE_EVENT
        The same bytes as `daily`.
    held : ndarray of WIRE_EVENT, shape (2,)
        A trade held back behind its follower, for each asset.
    level : ndarray of int64, shape (8,)
        A change of the depth being told; TICKS and the rest name its cells.
    """

    feed: np.ndarray
    events: np.ndarray
    shown: Book
    daily: np.ndarray
    payload: np.ndarray
    held: np.ndarray
    level: np.ndarray


def new_served(events: np.ndarray) -> Served:
    """Return a session of which nothing is served yet."""
    daily = np.zeros(1, dtype=WIRE_DAILY)
    held, level = np.zeros(2, dtype=WIRE_EVENT), np.zeros(8, dtype=np.int64)
    return Served(np.zeros(1, dtype=FEED), events, new_book(), daily, daily.view(WIRE_EVENT), held, level)


@kernel
def local_ms(feed: np.void, ts_ns: int) -> int:
    """Return a time as the exchange's wall clock shows it, milliseconds."""
    return int((ts_ns + feed["offset_ns"]) // 1_000_000)


@kernel
def _slot(wire: Wire, feed: np.void, kind: int, asset: int, time_ms: int) -> Any:
    """Return the next slot of the ring, cleared; `_send` publishes it."""
    slot = wire.events[wire.cursors[EVENT_HEAD] & _SLOTS]
    slot["session"], slot["kind"], slot["asset"], slot["time_ms"] = feed["session"], kind, asset, time_ms
    slot["side"] = slot["type"] = slot["flags"] = slot["extra"] = 0
    slot["number"] = slot["quantity"] = slot["a"] = slot["b"] = 0
    slot["price"] = slot["volume"] = 0.0
    return slot


@kernel
def _send(wire: Wire, slots: int) -> None:
    store_release(wire.cursors, EVENT_HEAD, wire.cursors[EVENT_HEAD] + slots)


@kernel
def _write_trade(slot: np.void, feed: np.void, event: np.void) -> None:
    slot["price"] = event["price"] * feed["tick"]
    slot["quantity"] = event["quantity"]
    slot["volume"] = event["price"] * feed["tick"] * event["quantity"] * feed["point_value"]
    slot["number"] = event["trade_number"]
    slot["a"], slot["b"] = event["buyer"], event["seller"]
    told = event["trade_type"]
    if told == 0 and event["side"] != 0:
        told = 2 if event["side"] > 0 else 3
    slot["type"] = told


@kernel
def _tell_trade(wire: Wire, feed: np.void, held: np.ndarray, event: np.void) -> None:
    """Tell every asset of a trade, as the faults in force let it."""
    if feed["lose"] > 0:
        feed["lose"] -= 1
        return
    time_ms = local_ms(feed, int(event["ts_event_ns"]))
    copies = 2 if feed["repeat"] > 0 else 1
    holds = feed["swap"] > 0 and feed["holds"] == 0
    for asset in range(2):
        if not (feed["trades_to"] >> np.uint32(asset)) & np.uint32(1):
            continue
        if feed["sentinel"] > 0:
            _slot(wire, feed, _W_TRADE, asset, _NO_DATE)
            _send(wire, 1)
        for _ in range(copies):
            slot = _slot(wire, feed, _W_TRADE, asset, time_ms)
            _write_trade(slot, feed, event)
            slot["flags"] = 1 if event["kind"] == _EDIT else 0
            if holds:
                held[asset] = slot
            else:
                _send(wire, 1)
                feed["sent"] += 1
        if feed["holds"] != 0:
            wire.events[wire.cursors[EVENT_HEAD] & _SLOTS] = held[asset]
            _send(wire, 1)
            feed["sent"] += 1
    feed["repeat"], feed["sentinel"] = max(feed["repeat"] - 1, 0), max(feed["sentinel"] - 1, 0)
    if feed["holds"] != 0:
        feed["holds"], feed["swap"] = 0, feed["swap"] - 1
    elif holds:
        feed["holds"] = 1


@kernel
def _count_trade(daily: np.void, feed: np.void, event: np.void) -> None:
    """Add a trade to the day's record: prices and volumes in `value`, whole numbers in `count`."""
    price, quantity, value = event["price"] * feed["tick"], event["quantity"], daily["value"]
    money = price * quantity * feed["point_value"]
    if daily["count"][1] == 0:
        value[0] = value[1] = value[2] = price
    value[1], value[2], value[3] = max(value[1], price), min(value[2], price), price
    value[4] += money
    daily["count"][0] += quantity
    daily["count"][1] += 1
    if event["side"] > 0:
        value[8] += money
        daily["count"][3] += quantity
        daily["count"][5] += 1
    elif event["side"] < 0:
        value[9] += money
        daily["count"][4] += quantity
        daily["count"][6] += 1


@kernel
def tell_daily(wire: Wire, feed: np.void, daily: np.ndarray, time_ms: int) -> None:
    """Tell every asset the day's record so far."""
    feed["daily_ms"] = time_ms
    for asset in range(2):
        if not (feed["trades_to"] >> np.uint32(asset)) & np.uint32(1):
            continue
        head = wire.cursors[EVENT_HEAD]
        slot = _slot(wire, feed, _W_DAILY, asset, time_ms)
        slot["extra"] = daily.size
        for place in range(daily.size):
            wire.events[(head + 1 + place) & _SLOTS] = daily[place]
        _send(wire, 1 + daily.size)


@kernel
def _tell_level(wire: Wire, feed: np.void, level: np.ndarray) -> None:
    """Tell every asset of a change of the depth."""
    for asset in range(2):
        if (feed["depth_to"] >> np.uint32(asset)) & np.uint32(1):
            level[ASSET] = asset
            _tell_level_of(wire, feed, level)


@kernel
def _tell_level_of(wire: Wire, feed: np.void, level: np.ndarray) -> None:
    slot = _slot(wire, feed, _W_DEPTH, level[ASSET], local_ms(feed, int(level[TIME_NS])))
    slot["side"], slot["flags"], slot["a"] = 0 if level[SIDE] > 0 else 1, level[UPDATE], level[PLACE]
    slot["price"], slot["quantity"] = level[TICKS] * feed["tick"], level[QUANTITY]
    slot["number"], slot["b"] = min(level[QUANTITY], 1), level[SILENT]
    _send(wire, 1)


@kernel
def tell_book(wire: Wire, feed: np.void, shown: Book, asset: int, level: np.ndarray) -> None:
    """Tell one asset the whole book anew; `level` holds the time already."""
    level[SILENT], level[ASSET] = 1, asset
    for side in (1, -1):
        level[SIDE], level[UPDATE], level[PLACE], level[TICKS], level[QUANTITY] = side, _DELETE_FROM, 0, 0, 0
        _tell_level_of(wire, feed, level)
        level[UPDATE], row = _ADD, 0 if side > 0 else 1
        count = min(int(shown.header[COUNTS + row]), _TOLD_LEVELS)
        for place in range(count):
            at = place_of(shown.stacks, row, int(shown.header[COUNTS + row]) - 1 - place)
            level[PLACE], level[TICKS], level[QUANTITY] = place, side * shown.stacks[at], shown.stacks[at + 1]
            _tell_level_of(wire, feed, level)
        if shown.header[COUNTS] + shown.header[COUNTS + 1] == 0 and shown.header[QUOTES + 2 * row] > 0:
            level[TICKS], level[QUANTITY] = shown.header[QUOTES + 2 * row], shown.header[QUOTES + 2 * row + 1]
            _tell_level_of(wire, feed, level)
    _prepare(level, _FULL_BOOK)
    _tell_level_of(wire, feed, level)


@kernel
def _prepare(level: np.ndarray, update: int) -> None:
    """Make a change that names no level."""
    level[TICKS] = level[QUANTITY] = level[SILENT] = level[PLACE] = 0
    level[SIDE], level[UPDATE] = 1, update


@kernel
def _place_of_price(book: Book, side: int, price: int) -> tuple[int, bool]:
    """Return how many levels are better than a price, and whether it is a level itself."""
    row = 0 if side > 0 else 1
    count, key = int(book.header[COUNTS + row]), side * price
    for place in range(count):
        found = book.stacks[place_of(book.stacks, row, count - 1 - place)]
        if found <= key:
            return place, bool(found == key)
    return count, False


@kernel
def _tell_change(wire: Wire, feed: np.void, shown: Book, event: np.void, level: np.ndarray) -> None:
    """Tell of one change of the book before it is applied."""
    kind, side = event["kind"], int(event["side"])
    row = 0 if side > 0 else 1
    quantity = int(event["quantity"]) if kind != _LEVEL_DELETE else 0
    level[TICKS], level[QUANTITY], level[SILENT], level[SIDE] = event["price"], quantity, 0, side
    if kind == _QUOTE_SIDE:
        stood, place = shown.header[QUOTES + 2 * row] > 0, 0
        gone = event["price"] <= 0
    elif event["level"] == _PRICE_KEYED:
        place, stood = _place_of_price(shown, side, int(event["price"]))
        gone = quantity == 0
    else:
        count, place = int(shown.header[COUNTS + row]), int(event["level"])
        stood, gone = place < count, quantity == 0 and place >= count - 1
        if quantity > 0:
            level[QUANTITY], level[UPDATE] = 0, _ADD
            for missing in range(count, place):
                level[PLACE] = missing
                _tell_level(wire, feed, level)
            level[QUANTITY] = quantity
    if place >= _TOLD_LEVELS or (gone and not stood):
        return
    level[PLACE] = place
    level[UPDATE] = _DELETE if gone else _EDIT_LEVEL if stood else _ADD
    _tell_level(wire, feed, level)


@kernel
def _is_book(kind: int) -> bool:
    return kind in (_QUOTE_SIDE, _LEVEL_SET, _LEVEL_DELETE)


@kernel
def _tell_bracket(wire: Wire, feed: np.void, update: int, level: np.ndarray) -> None:
    _prepare(level, update)
    feed["bracket"] = 1 if update == _PREPARE else 0
    _tell_level(wire, feed, level)


@kernel
def _take_book(wire: Wire, served: Served, place: int) -> None:
    """Keep the book that is told, and tell what an event changes of it."""
    feed, events, shown, level = served.feed[0], served.events, served.shown, served.level
    event, silent = events[place], feed["muted"] != 0
    more = place + 1 < events.size and _is_book(int(events[place + 1]["kind"]))
    more = more and events[place + 1]["ts_event_ns"] == event["ts_event_ns"]
    level[TIME_NS] = event["ts_event_ns"]
    side = int(event["side"])
    before = best(shown, side) if _is_book(int(event["kind"])) else (0, 0)
    if _is_book(int(event["kind"])) and not silent and feed["depth_to"] != 0:
        if more and feed["bracket"] == 0:
            _tell_bracket(wire, feed, _PREPARE, level)
        _tell_change(wire, feed, shown, event, level)
    apply(shown, event)
    if silent:
        return
    if event["kind"] == _BOOK_CLEAR or event["kind"] == _GAP:
        for asset in range(2):
            if (feed["depth_to"] >> np.uint32(asset)) & np.uint32(1):
                tell_book(wire, feed, shown, asset, level)
        return
    if feed["bracket"] != 0 and not more:
        _tell_bracket(wire, feed, _FLUSH, level)
    after = best(shown, side)
    if after[0] != before[0] or after[1] != before[1]:
        _tell_tiny(wire, feed, side, after[0], after[1], int(event["ts_event_ns"]))


@kernel
def _tell_tiny(wire: Wire, feed: np.void, side: int, price: int, quantity: int, ts_ns: int) -> None:
    for asset in range(2):
        if (feed["trades_to"] >> np.uint32(asset)) & np.uint32(1):
            slot = _slot(wire, feed, _W_TINY, asset, local_ms(feed, ts_ns))
            slot["side"], slot["price"], slot["quantity"] = 0 if side > 0 else 1, price * feed["tick"], quantity
            _send(wire, 1)


@kernel
def tell_number(wire: Wire, feed: np.void, kind: int, number: int, price: int, ts_ns: int) -> None:
    """Tell every asset a state, or a theoretical price with `number` as its quantity."""
    for asset in range(2):
        if (feed["trades_to"] >> np.uint32(asset)) & np.uint32(1):
            slot = _slot(wire, feed, kind, asset, local_ms(feed, ts_ns))
            slot["number"], slot["quantity"], slot["price"] = number, number, price * feed["tick"]
            _send(wire, 1)


@kernel
def tell(wire: Wire, served: Served, place: int) -> None:
    """Send what an event means to the library."""
    feed, event = served.feed[0], served.events[place]
    silent = feed["muted"] != 0
    kind, ts_ns = event["kind"], int(event["ts_event_ns"])
    if kind in (_TRADE, _EDIT):
        if not silent and feed["trades_to"] != 0:
            _tell_trade(wire, feed, served.held, event)
        if kind == _TRADE and event["price"] > 0:
            _count_trade(served.daily[0], feed, event)
        time_ms = local_ms(feed, ts_ns)
        if not silent and time_ms - feed["daily_ms"] >= DAILY_EVERY_MS:
            tell_daily(wire, feed, served.payload, time_ms)
        if not silent and kind == _TRADE and wire.header[0]["phase"] == _AUCTION:
            tell_number(wire, feed, _W_THEORETICAL, int(event["quantity"]), int(event["price"]), ts_ns)
    elif kind == _STATE:
        wire.header[0]["phase"] = event["level"]
        if not silent:
            tell_number(wire, feed, _W_STATE, int(event["level"]), 0, ts_ns)
    elif kind != _CLOCK:
        _take_book(wire, served, place)


@kernel
def serve(wire: Wire, served: Served, venue: Venue, requests: np.ndarray, sent: int) -> int:
    """Serve events until something else has to be done first; return what."""
    feed, events = served.feed[0], served.events
    room, due = room_for(wire.cursors), step_due(venue, requests, sent)
    while feed["cursor"] < min(feed["limit"], events.size):
        if feed["cursor"] >= feed["stop_at"]:
            return DUE
        place = int(feed["cursor"])
        event = events[place]
        if event["ts_event_ns"] > feed["until_ns"]:
            return WAITS
        if room < ROOM_NEEDED:
            room = room_for(wire.cursors)
            if room < ROOM_NEEDED and feed["session"] != 0:  # nobody hears otherwise, and nothing is sent
                return FULL
        if next_request(wire) >= 0:
            return REQUESTED
        while due <= event["ts_event_ns"]:
            advance(venue, requests, sent)
            if report_due(venue) <= due:
                return REPORTED
            due = step_due(venue, requests, sent)
        if report_due(venue) <= event["ts_event_ns"]:
            return REPORTED
        if not pass_by(venue.state[0], venue.book.header, event):
            take_event(venue, event)
            due = step_due(venue, requests, sent)
        before = wire.cursors[EVENT_HEAD]
        tell(wire, served, place)
        feed["cursor"] = place + 1
        room -= wire.cursors[EVENT_HEAD] - before
    return WAITS


@kernel
def serve_history(wire: Wire, feed: np.void, events: np.ndarray, first: int, last: int, asset: int) -> int:
    """Send the trades among `events[first:last]` as history while there is room; return where to go on."""
    room = room_for(wire.cursors) - ROOM_NEEDED
    place = first
    while place < last and room > 0:
        event = events[place]
        place += 1
        if event["kind"] != _TRADE or event["price"] <= 0:
            continue
        slot = _slot(wire, feed, _W_HISTORY, asset, local_ms(feed, int(event["ts_event_ns"])))
        _write_trade(slot, feed, event)
        _send(wire, 1)
        room -= 1
    return place
