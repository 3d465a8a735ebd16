"""What an event of the market makes desk and features do, whoever stands behind the desk: paper venue or broker."""

import numpy as np

from market.bars import enters_bars
from market.kernel import inlined_kernel
from market.types import Kind
from trading.bracket import tick
from trading.core import Core, close_bar, follow_event, mark_desk
from trading.desk import Desk

_TRADE, _QUOTE_SIDE, _STATE = int(Kind.TRADE), int(Kind.QUOTE_SIDE), int(Kind.STATE)


@inlined_kernel
def is_print(event: np.void) -> bool:
    """Tell whether an event is a trade that says where the market is."""
    return bool(event["kind"] == _TRADE and event["price"] > 0 and event["quantity"] > 0) and enters_bars(
        event["trade_type"]
    )


@inlined_kernel
def note_phase(desk: Desk, event: np.void) -> None:
    """Let the desk know of a phase that an event tells, before it takes what the venue does in it."""
    if event["kind"] == _STATE:
        desk.market[0]["phase"] = event["level"]


@inlined_kernel
def follow_market(core: Core, event: np.void, heard: bool) -> int:
    """Let the desk and then the features take one event; reports up to its time must have been taken before.

    Parameters
    ----------
    core : Core
        The desk's time is that of the event, or later.
    event : EVENT record
    heard : bool
        Whether reports have come since the event before.

    Returns
    -------
    int
        1 if the event closed a bar and a decision was recorded, else 0.
    """
    desk, kind, now_ns = core.desk, event["kind"], core.desk.market[0]["now_ns"]
    if kind in (_TRADE, _QUOTE_SIDE):
        desk.market[0]["feed_ns"] = now_ns
    printed = is_print(event)
    if printed:
        desk.account[0]["mark"] = event["price"]
    if heard or (printed and desk.account[0]["position"] != 0):
        mark_desk(desk, desk.account[0]["mark"])
    tick(desk, now_ns)
    return close_bar(core) if follow_event(core, event) == 1 else 0
