"""What the order loop works on: its words by address, the desk, and what became of each request."""

from typing import NamedTuple

import numpy as np

from live.memory import load_i8, store_i8
from live.profitdll.table import read_clock
from market.kernel import kernel
from trading.desk import Desk
from trading.requests import RequestKind

SENT = np.dtype(
    [
        ("order", "<i8"),  # client order id
        ("local_id", "<i8"),  # the library's; 0 where nothing was sent
        ("message_id", "<i8"),  # by which results are told
        ("ts_ns", "<i8"),  # when the call was made
        ("result", "<i8"),  # what the call returned
        ("code", "<i8"),  # how far its results say it got; -1 before the first
        ("event", "<i8"),  # of a NEW: newest EventID that was reported
        ("quantity", "<i4"),  # of a NEW: in all, and its terms, as they were last reported
        ("price", "<i4"),
        ("stop_price", "<i4"),
        ("kind", "u1"),  # RequestKind
        ("unsent", "u1"),  # why not; 0 where it was sent
        ("state", "u1"),  # of a NEW: OrderState that was last reported; 0 before
        ("marked", "u1"),  # of a NEW: 1 while its details are to be read
    ]
)
NOT_UNSENT, NO_DISK, NO_ROUTING, NO_ORDER, NO_LIMIT = range(5)  # why a request was not sent

(
    STOP, CURSOR, STEP,  # the step's state, whose header says what is asked
    HANDLE, WRITE, SYNC, DISK_FAILED, NUMBER, PREVIOUS,  # the file of intents
    SEND, CANCEL, CHANGE, DETAILS, SEND_AT, CANCEL_AT, CHANGE_AT, DETAILS_AT,  # functions, and their structures
    TICK_SIZE, TO_UTC_NS,
    HEARD_TO, DROPPED, MARKED,  # notices: how far they are read, how many were lost, whether any order is marked
    RESTING,  # 1 while it waits
    REPORTS,  # told so far, which numbers them
    FOREIGN, OVERTAKEN, UNREAD, STRANGE, STRANGE_STATUS,  # what is counted, and the last status nobody knows
    CLOCK_AT,  # two words: what the system's time is written into
) = range(0, 30 * 8, 8)  # fmt: skip
WORDS = 32

_NEW = int(RequestKind.NEW)


class Papers(NamedTuple):
    """What the loop reads and writes.

    Attributes
    ----------
    desk : Desk
        Whose requests are served; touched under its lock, but for requests that are whole.
    sent : ndarray of SENT, as long as the desk's requests
    intent : ndarray of INTENT, length 1
        The record at hand.
    raw : ndarray of uint8
        Its bytes.
    notice : ndarray of NOTICE, length 1
        The notice at hand, without its texts.
    report : ndarray of REPORT, length 1
        The report at hand.
    """

    desk: Desk
    sent: np.ndarray
    intent: np.ndarray
    raw: np.ndarray
    notice: np.ndarray
    report: np.ndarray


@kernel
def loop_ns(table: int, work: int) -> int:
    """Return the system's time, nanoseconds UTC; the library's thread reads it at the same moment into its own room."""
    return read_clock(table, work + CLOCK_AT)


@kernel
def add_one(work: int, word: int) -> int:
    """Add one to a word and return what it is then."""
    store_i8(work + word, load_i8(work + word) + 1)
    return int(load_i8(work + word))


@kernel
def place_of_order(sent: np.ndarray, before: int, order: int) -> int:
    """Return the place of the request that made an order, by our id; -1 where it is not among those before a place."""
    for place in range(before - 1, -1, -1):
        if sent[place]["order"] == order and sent[place]["kind"] == _NEW:
            return place
    return -1


@kernel
def place_of_local(sent: np.ndarray, before: int, local_id: int) -> int:
    """Return the place of the request that made an order, by the library's id; -1 where it is none of ours."""
    for place in range(before - 1, -1, -1):
        if sent[place]["local_id"] == local_id and sent[place]["kind"] == _NEW:
            return place
    return -1


@kernel
def place_of_message(sent: np.ndarray, before: int, message: int, local_id: int) -> int:
    """Return the request that a result speaks of, by either id: the library leaves out now one, now the other."""
    for place in range(before - 1, -1, -1):
        if message > 0 and sent[place]["message_id"] == message:
            return place
    for place in range(before - 1, -1, -1):
        if local_id > 0 and sent[place]["local_id"] == local_id:
            return place
    return -1
