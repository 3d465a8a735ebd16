"""The trading path with a broker elsewhere: events, reports and the passing of time reach it from outside.

The same core and desk as with the paper venue (`trading.paper`), and the same order of things: what reports and
patience bring before an event comes first. What the desk asks stands among its requests; whoever sends them keeps a
place of their own there. A desk belongs to one caller at a time.
"""

import numpy as np

from market.kernel import kernel
from trading.bracket import take_report, tick, wait_from
from trading.core import Core
from trading.desk import REQUESTS, Desk
from trading.market_event import follow_market, note_phase


@kernel
def broker_event(core: Core, event: np.void, heard: bool) -> int:
    """Take one event of the market.

    Parameters
    ----------
    core : Core
    event : EVENT record
    heard : bool
        Whether reports have come since the event before.

    Returns
    -------
    int
        1 if it closed a bar and a decision was recorded, else 0.
    """
    market, now_ns = core.desk.market[0], max(core.desk.market[0]["now_ns"], event["ts_event_ns"])
    broker_time(core.desk, now_ns)
    market["now_ns"] = now_ns
    note_phase(core.desk, event)
    return follow_market(core, event, heard)


@kernel
def broker_clock(core: Core, event: np.void, heard: bool, arrived_ns: int) -> int:
    """Take a CLOCK, which comes only with the event after it: in a quiet market long after the boundary that it tells.

    What is decided is of the boundary's time, as in a replay. What is asked can leave only now, so patience with it
    begins when the CLOCK arrived.

    Parameters
    ----------
    core : Core
    event : EVENT record
    heard : bool
        As for `broker_event`.
    arrived_ns : int
        The desk's time at which it came.

    Returns
    -------
    int
        As of `broker_event`.
    """
    asked = core.desk.counts[REQUESTS]
    made = broker_event(core, event, heard)
    wait_from(core.desk, asked, arrived_ns)
    return int(made)


@kernel
def broker_events(core: Core, events: np.ndarray) -> int:
    """Take EVENT records one by one, without a report between them; return the number of decisions."""
    made = 0
    for i in range(events.size):
        made += broker_event(core, events[i], False)
    return made


@kernel
def broker_report(desk: Desk, report: np.void, now_ns: int) -> None:
    """Take one REPORT of the broker, which has arrived at `now_ns`."""
    market = desk.market[0]
    broker_time(desk, now_ns - 1)  # what arrives at the very moment is heard first
    market["now_ns"] = max(market["now_ns"], now_ns)
    take_report(desk, report)


@kernel
def broker_time(desk: Desk, now_ns: int) -> None:
    """Let the desk lose its patience where answers are overdue; before that nothing happens."""
    while desk.bracket[0]["due_ns"] <= now_ns:
        tick(desk, desk.bracket[0]["due_ns"])
