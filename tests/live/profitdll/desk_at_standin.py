"""A desk whose orders go through the binding and the stand-in library to its venue, in a child process."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from live.profitdll.standin.launch import launch
from market.home import Home
from market.types import Kind, Side
from tests.factories import WDO, make_event, make_quote, make_trade
from tests.live.profitdll.test_standin_session import ORDERS, play

START, CALM = 10_000, 58  # bid, ticks; events that are served before a story begins, three before the price moves

DESK = (
    ORDERS.replace("release(61)", "release(1)")
    + """
from live.desk_copy import DeskCopy
from live.lock import lock, unlock
from live.profitdll.order_thread import OrderThread
from live.profitdll.step import EVENT_NS, KEEPS_TIME, RECEIVED_NS, Step, let_out
from live.profitdll.wake import post_now
from tests.factories import OPEN_NS
from tests.trading.desks import blamed, build_desk, position as booked, send_entry, sent as asked, stands, states
from trading.bracket import tick
from trading.exits import ExitParams
from trading.requests import Refusal

def begin(keeps_time=False, **exits):
    # A desk that hears of no market, only of its orders: its step is a header alone.
    words = np.zeros(8, dtype=np.int64)
    words[EVENT_NS // 8], words[RECEIVED_NS // 8] = OPEN_NS, time.time_ns()
    words[KEEPS_TIME // 8] = keeps_time
    serve_desk(build_desk(ExitParams(limit_offset=40, **exits)), Step(0, words.ctypes.data), words)

def serve_desk(traded, its_step, *kept):
    global desk, step, thread, copies, alive
    desk, step, alive = traded, its_step, kept
    copies = DeskCopy(desk, step.lock)
    thread = OrderThread(connection, orders, wdo, desk, step, home.state / "intents.bin")
    thread.start()
    release(CALM)

def move(price, seconds=2):
    lock(step.lock)
    desk.account["mark"] = price
    tick(desk, int(desk.market[0]["now_ns"]) + seconds * 10**9)
    let_out(step.state, desk)
    unlock(step.lock)
    post_now(connection.table)

def enter(quantity=2, side=1):
    lock(step.lock)
    if alive:
        alive[0][RECEIVED_NS // 8] = time.time_ns()  # as if at an event
    send_entry(desk, side, quantity, 20, 20)
    let_out(step.state, desk)
    unlock(step.lock)
    post_now(connection.table)

def there(state, seconds=5.0):
    return wait(lambda: stands(desk).name == state, seconds)

def held():
    return position(connection.library, account, wdo, PositionType.DAY_TRADE).quantity

def story(*more):
    time.sleep(0.1)  # what is still on its way
    desk_fills = [[int(one[name]) for name in ("side", "price", "quantity")] for one in copies.take().fills]
    answer([stands(desk).name, states(desk), blamed(desk), booked(desk), held(), desk_fills,
            [list(one[:3]) for one in asked(desk)], thread.alarms(), more])
"""
)


@dataclass(frozen=True)
class Told:
    """How a story of a desk ended; `more` is what else it was asked."""

    stands: str
    states: list[str]
    fault: str
    booked: int  # contracts by the desk's fills
    held: int  # contracts by the venue
    fills: list[list[int]]
    asked: list[list[Any]]
    alarms: list[str]
    more: list[Any]

    @property
    def common(self) -> tuple[str, str, int, int, list[str]]:
        """What is the same of every story that ends well."""
        return self.stands, self.fault, self.booked, self.held, self.alarms


def session(*bids: int) -> np.ndarray:
    """Return a calm of twenty trades around START, then twenty at each further bid; a tick wide, buyers aggress."""
    parts = [make_event(Kind.STATE, 0)]
    for k, bid in enumerate([START] * 20 + [bid for bid in bids for _ in range(20)]):
        at = 1 + k / 10
        parts += [make_quote(at, Side.BUY, bid, 50), make_quote(at, Side.SELL, bid + 1, 50)]
        parts.append(make_trade(at + 0.05, bid + 1, 5, Side.BUY, trade_number=k + 1, buyer=3, seller=85))
    events = np.concatenate(parts)
    events["sequence"], events["instrument"] = np.arange(events.size), WDO
    return events


def tell(
    folder: Path,
    library: Path,
    body: str,
    bids: Sequence[int] = (START,),
    faults: Sequence[Mapping[str, Any]] = (),
    settings: Mapping[str, Any] | None = None,
) -> Told:
    """Play a story of a desk against a venue of its own; return what it told."""
    np.save(folder / "events.npy", session(*bids))
    source = ("--contract", "WDON26", "--events", str(folder / "events.npy"))
    venue = launch(folder, source, ("--stepped",), faults, settings)
    try:
        *found, more = play(venue, library, Home(folder / "home"), f"CALM = {CALM}\n" + DESK + body)
        return Told(*found, more)
    finally:
        assert venue.stop() == ""
