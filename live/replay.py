"""The runner's loop over recorded sessions: one event at a time, through the compiled path, into the journal."""

import datetime as dt
import os
from collections.abc import Sequence
from pathlib import Path

from live.journal_writer import JournalWriter
from live.recorder import Outcome, Recorder, Written
from market.home import Home
from registry.installed import Named, open_account
from trading.desks import Seat, begin_day


def replay(home: Home, named: Named, journal: Path | None = None) -> Outcome:
    """Trade recorded sessions on paper with verified bundles, one account for all.

    Raises what `registry.installed.open_account` raises.
    """
    account = open_account(home, named)
    days = account.days
    path = journal or home.journal / f"replay-{account.contract}-{days[0]}-{days[-1]}-{os.getpid()}.bin"
    path.parent.mkdir(parents=True, exist_ok=True)
    with JournalWriter(path) as written:
        recorder = Recorder(written)
        for day in days:
            recorder.begin("replay", "lake", day, account.digest)
            for sentence in account.refused:
                recorder.alarm(sentence, day)
            replay_day(recorder, account.seats, day)
        return recorder.outcome(account, len(days))


def replay_day(recorder: Recorder, seats: Sequence[Seat], day: dt.date) -> None:
    """Replay one session event by event."""
    begun = begin_day(seats, day)
    written = [Written() for _ in begun.seats]
    recorder.events += sum(len(records) for records in begun.records)
    for place in begun.course.order.tolist():
        for acted in range(len(written)) if begun.step(place) else (place,):
            recorder.take(begun.seats[acted].trader, written[acted])
    for seat, seen in zip(begun.seats, written, strict=True):
        recorder.take(seat.trader, seen)
        recorder.note_inputs(seat.trader, day)
    recorder.note_risk(begun.seats[0].trader.budget[0], day)
    recorder.sync()
