"""What desk and venue tell each other: requests go out, reports come back.

A report is cumulative: it says what an order has come to, not what changed. So a report that comes twice, late or in
another order changes nothing that a later one has told already. Little endian; prices are ticks, quantities contracts.
"""

from enum import IntEnum

import numpy as np

from market.kernel import kernel
from market.types import Phase
from trading.records import OrderType

REQUEST = np.dtype(
    [
        ("ts_ns", "<i8"),  # event time when it was made
        ("order", "<i8"),  # client order id
        ("decision", "<i8"),  # sequence of the decision behind it
        ("quantity", "<i4"),  # of the order in all; of a REPLACE the new total, what is filled included
        ("price", "<i4"),  # limit; 0 where there is none
        ("stop_price", "<i4"),  # trigger; 0 where there is none
        ("stop_distance", "<i4"),  # of an entry: with target_distance, the whole bracket
        ("target_distance", "<i4"),
        ("instrument", "<i4"),
        ("kind", "u1"),  # RequestKind
        ("role", "u1"),  # OrderRole
        ("side", "i1"),
        ("type", "u1"),  # OrderType
        ("reserved", "u1", (4,)),
    ]
)

REPORT = np.dtype(
    [
        ("ts_ns", "<i8"),  # of what it tells, by the venue's clock
        ("order", "<i8"),  # client order id
        ("number", "<i8"),  # the venue's own, increasing
        ("notional", "<i8"),  # sum of price x quantity of all fills so far, ticks x contracts
        ("filled", "<i4"),  # contracts so far
        ("quantity", "<i4"),  # of the order in all, as the venue knows it
        ("price", "<i4"),  # as it works
        ("stop_price", "<i4"),
        ("instrument", "<i4"),
        ("state", "u1"),  # OrderState: one of ACCEPTED, PARTIALLY_FILLED, FILLED, CANCELED, REJECTED, EXPIRED
        ("kind", "u1"),  # RequestKind it answers; 0 where it answers none, as a fill does
        ("refused", "u1"),  # 1 where the request it answers was refused and the order stands as it was
        ("reason", "u1"),  # Refusal of the request it answers
    ]
)


class RequestKind(IntEnum):
    """What is asked of the venue."""

    NEW = 1
    CANCEL = 2
    REPLACE = 3  # another quantity, limit or trigger; place in the queue is lost


class Refusal(IntEnum):
    """Why the venue refused a request."""

    NONE = 0  # taken
    QUANTITY = 1  # not positive, or of a REPLACE not above what is filled
    PRICE = 2  # type or side unknown, a limit or trigger missing, or a stop's limit on the wrong side of its trigger
    BAND = 3  # outside the rejection tunnel
    PHASE = 4  # closed or inhibited, or a stop during an auction
    TRIGGERED = 5  # a stop that the last trade has triggered already
    DUPLICATE = 6  # an order with this id works already
    NOT_WORKING = 7  # the order is dead or was never known
    FULL = 8  # as many orders as the venue takes
    EXCHANGE = 9  # for a reason that the exchange tells in words
    UNDELIVERED = 10  # it did not get as far: not sent, not connected, or refused by the broker


_OPEN, _CLOSED, _INHIBITED, _STOP = int(Phase.OPEN), int(Phase.CLOSED), int(Phase.INHIBITED), int(OrderType.STOP)
_TERMS = (
    int(Refusal.QUANTITY), int(Refusal.PRICE), int(Refusal.BAND), int(Refusal.TRIGGERED), int(Refusal.DUPLICATE),
    int(Refusal.EXCHANGE),  # it is asked for nothing that its phase forbids
)  # fmt: skip


@kernel
def is_permanent(refusal: int) -> bool:
    """Tell whether the same request would be refused again, because of what it asks and not of when it came."""
    return refusal in _TERMS


@kernel
def phase_takes(phase: int, order_type: int) -> bool:
    """Tell whether the market takes an order of a type, or other terms of one, in a phase; a cancel it always takes."""
    return bool(phase != _CLOSED and phase != _INHIBITED and (order_type != _STOP or phase == _OPEN))
