"""What the order loop hears: the notices of orders and results, each looked at once, beside the main thread's reader.

An order that something happened to is marked, and its details are read later: they say more than any notice. So a
notice that was lost costs nothing but a look at every order.
"""

import numpy as np

from live.memory import load_acquire, load_i8, record_at, store_i8
from live.profitdll.notices import NOTICE, NoticeKind
from live.profitdll.order_codes import TradingMessageResultCode
from live.profitdll.order_requests import was_refused
from live.profitdll.order_work import (
    CURSOR,
    DROPPED,
    FOREIGN,
    HEARD_TO,
    MARKED,
    Papers,
    add_one,
    place_of_local,
    place_of_message,
    place_of_order,
)
from live.profitdll.orders import ENDS, REJECTIONS
from live.profitdll.table import NOTICES_RING
from live.ring import DROPPED as RING_DROPPED
from live.ring import HEAD, is_overwritten, place_of
from market.kernel import kernel
from trading.desk import is_dead
from trading.requests import Refusal, RequestKind

_ORDER, _RESULT = int(NoticeKind.ORDER), int(NoticeKind.RESULT)
_NEW, _NOBODY, _TORN = int(RequestKind.NEW), -1, 0
_REJECTIONS = tuple(sorted(int(code) for code in REJECTIONS))
_ENDS = tuple(sorted(int(code) for code in ENDS))
_ACCEPTED = int(TradingMessageResultCode.ACCEPTED)
_REJECTED_MARKET = int(TradingMessageResultCode.REJECTED_MARKET)
_EXCHANGE, _UNDELIVERED = int(Refusal.EXCHANGE), int(Refusal.UNDELIVERED)


@kernel
def next_notice(table: int, work: int, papers: Papers) -> bool:
    """Copy the next notice, but for its texts; return whether there was one."""
    ring, position = load_i8(table + NOTICES_RING), load_i8(work + HEARD_TO)
    head = load_acquire(ring + HEAD)
    if position >= head:
        return False
    heard, notice = record_at(place_of(ring, position), NOTICE), papers.notice[0]
    notice["kind"], notice["code"] = heard["kind"], heard["code"]
    notice["order"], notice["message"] = heard["order"], heard["message"]
    store_i8(work + HEARD_TO, position + 1)
    if is_overwritten(ring, position):
        notice["kind"] = _TORN
        store_i8(work + HEARD_TO, head)
        _mark_all(work, papers)
    return True


@kernel
def take_notice(work: int, papers: Papers) -> tuple[int, int]:
    """Take the notice at hand.

    Returns
    -------
    int, int
        Place of the request that was refused, -1 where none was; and the Refusal.
    """
    notice, served = papers.notice[0], load_i8(work + CURSOR)
    if notice["kind"] == _ORDER:
        if notice["order"] <= 0:
            _mark_all(work, papers)
            return _NOBODY, 0
        made = place_of_local(papers.sent, served, notice["order"])
        if made >= 0:
            papers.sent[made]["marked"] = 1
            store_i8(work + MARKED, 1)
        else:
            add_one(work, FOREIGN)
    elif notice["kind"] == _RESULT:
        code, place = notice["code"], place_of_message(papers.sent, served, notice["message"], notice["order"])
        if place >= 0:
            _note_result(papers.sent[place], code)
        if code in _REJECTIONS and place >= 0:
            return place, _EXCHANGE if code == _REJECTED_MARKET else _UNDELIVERED
        if code in _REJECTIONS:
            add_one(work, FOREIGN)
    return _NOBODY, 0


@kernel
def _note_result(done: np.void, code: int) -> None:
    """Note how far a request got; results only go forward, whatever their order, and a rejection is the end."""
    if done["code"] not in _ENDS and (code in _REJECTIONS or done["code"] < code <= _ACCEPTED):
        done["code"] = code


@kernel
def next_stalled(sent: np.ndarray, first: int, served: int, before_ns: int) -> int:
    """Return the place of the first request from a place on that left before a time and went no further; -1 for none.

    An order that was reported went further, and so did every request about one that is dead: results may be lost.
    """
    for place in range(first, served):
        done = sent[place]
        left = done["local_id"] > 0 and not was_refused(done["result"])
        if not left or done["ts_ns"] >= before_ns or done["code"] in _ENDS:
            continue
        made = place if done["kind"] == _NEW else place_of_order(sent, place, done["order"])
        state = sent[made]["state"]
        if state == 0 or (made != place and not is_dead(state)):
            return place
    return -1


@kernel
def watch_dropped(table: int, work: int, papers: Papers) -> None:
    """Look at every order where notices found no room in the ring."""
    dropped = load_i8(load_i8(table + NOTICES_RING) + RING_DROPPED)
    if dropped != load_i8(work + DROPPED):
        store_i8(work + DROPPED, dropped)
        _mark_all(work, papers)


@kernel
def _mark_all(work: int, papers: Papers) -> None:
    """Mark every order that was sent and may still change."""
    for place in range(load_i8(work + CURSOR)):
        done = papers.sent[place]
        if done["kind"] == _NEW and done["local_id"] > 0 and not is_dead(done["state"]):
            done["marked"] = 1
            store_i8(work + MARKED, 1)
