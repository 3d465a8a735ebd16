"""What the decision path is fed: a session's events with the decision clock among them, or a vendor's bars."""

from dataclasses import dataclass
from datetime import date

import numpy as np

from market.bars import with_empty_bars
from market.blackouts import windows_of
from market.gaps import interrupts
from market.instruments import Instrument
from market.lake import Lake
from market.lake_manifest import Partition
from market.roll import is_last_session, last_trade_session
from market.types import EVENT, Kind

# A session counts as whole where data begin and end within this of its hours.
WHOLE_WITHIN_NS = 30 * 60 * 1_000_000_000


def with_clock(events: np.ndarray, session: np.ndarray, bar_ns: int) -> np.ndarray:
    """Return the events with a CLOCK at every bar boundary of the session, the first one bar after the open.

    A CLOCK stands before the first event, in sequence order, at or after its time, and carries that event's
    sequence.

    Parameters
    ----------
    events : ndarray
        EVENT, ordered by sequence, without CLOCK events.
    session : ndarray
        SESSION, length 1.
    bar_ns : int
        Length of a bar, nanoseconds; 0 where no clock closes the bars.
    """
    if bar_ns == 0:
        return events
    opens, closes = int(session["open_ns"][0]), int(session["close_ns"][0])
    boundaries = np.arange(opens + bar_ns, closes + 1, bar_ns, dtype=np.int64)
    seen = np.maximum.accumulate(events["ts_event_ns"]) if events.size else events["ts_event_ns"]
    before = np.searchsorted(seen, boundaries, side="left")
    clocks = np.zeros(boundaries.size, dtype=EVENT)
    clocks["ts_event_ns"] = clocks["ts_recv_ns"] = boundaries
    clocks["kind"] = Kind.CLOCK
    if events.size:
        clocks["instrument"] = events["instrument"][0]
        following = np.append(events["sequence"], events["sequence"][-1] + 1)
        clocks["sequence"] = following[before]
    out = np.empty(events.size + clocks.size, dtype=EVENT)
    slots = before + np.arange(boundaries.size)
    is_clock = np.zeros(out.size, dtype=bool)
    is_clock[slots] = True
    out[is_clock], out[~is_clock] = clocks, events
    return out


@dataclass(frozen=True)
class Feed:
    """One contract's sessions in the form the decision path takes.

    Parameters
    ----------
    lake : Lake
        Where the records lie.
    contract : str
        The symbol.
    bar_ns : int
        Length of a bar of the decision clock, nanoseconds; 0 where trades close the bars.
    kind : str
        "events" (trades and quotes) or "bars" (a vendor's bar files).
    """

    lake: Lake
    contract: str
    bar_ns: int
    kind: str

    @property
    def root(self) -> str:
        """Root of the contract, as WDO."""
        return self.instrument.root

    @property
    def instrument(self) -> Instrument:
        """What is traded."""
        return self.lake.instruments.of(self.contract)

    def sessions(self) -> list[date]:
        """Return every session that has data, oldest first."""
        return [date.fromisoformat(partition.session) for partition in self._partitions()]

    def session(self, day: date) -> np.ndarray:
        """Return the SESSION record of a day, length 1."""
        return self.lake.instruments.session(self.contract, day)

    def is_last_session(self, day: date) -> bool:
        """Tell whether the contract has its last trading session on `day` or had it before."""
        return is_last_session(self.contract, day, self.lake.instruments)

    @property
    def continuous(self) -> bool:
        """Whether this is a vendor's continuous series, which no order can name."""
        return self.lake.instruments.parse(self.contract).continuous

    def last_trade_session(self, day: date) -> date | None:
        """Return the last session of the contract as seen on `day`; None for what never expires."""
        instruments = self.lake.instruments
        if not instruments.parse(self.contract, day).dated:
            return None
        return last_trade_session(self.contract, instruments, day)

    def blackouts(self, day: date) -> np.ndarray:
        """Return start and end of each window in which nothing is entered: int64, shape (windows, 2), as windows_of."""
        return windows_of(self.lake.blackouts, self.root, day)

    def load(self, day: date) -> np.ndarray:
        """Return the EVENT records of a session with its clock, or its BAR records that open inside its hours.

        Intervals that a file of bars leaves out, because nothing was traded or data are lost, are EMPTY bars.
        """
        session = self.session(day)
        if self.kind == "events":
            return with_clock(self.lake.read_events(self.contract, day), session, self.bar_ns)
        bars = self.lake.read_bars(self.contract, day, self._bar_seconds)
        inside = (bars["ts_open_ns"] >= session["open_ns"]) & (bars["ts_open_ns"] < session["close_ns"])
        return with_empty_bars(bars[inside], self.bar_ns)

    def holes(self) -> np.ndarray:
        """Return start and end of all that is missing inside sessions (`market.gaps.interrupts`): int64, (n, 2)."""
        found = [
            (gap.first_ns, gap.last_ns)
            for partition in self._partitions()
            for gap in partition.gaps
            if interrupts(gap, int(self.session(date.fromisoformat(partition.session))[0]["open_ns"]))
        ]
        return np.array(sorted(found), dtype=np.int64).reshape(-1, 2)

    def preload(self, day: date, n: int) -> list[date]:
        """Return the last `n` whole sessions before `day`, oldest first; fewer where there are fewer."""
        earlier = [p for p in self._partitions() if date.fromisoformat(p.session) < day and self._whole(p)]
        return [date.fromisoformat(partition.session) for partition in earlier[max(len(earlier) - n, 0) :]]

    @property
    def _bar_seconds(self) -> int:
        return self.bar_ns // 1_000_000_000

    def _partitions(self) -> list[Partition]:
        kind, seconds = ("trades", 0) if self.kind == "events" else ("bars", self._bar_seconds)
        found = [p for p in self.lake.partitions(kind, self.contract) if p.bar_seconds == seconds]
        return sorted(found, key=lambda partition: partition.session)

    def _whole(self, partition: Partition) -> bool:
        session = self.session(date.fromisoformat(partition.session))
        late = partition.first_ns - int(session["open_ns"][0])
        early = int(session["close_ns"][0]) - partition.last_ns
        return max(late, early) <= WHOLE_WITHIN_NS
