"""The recorded session that a venue serves, and the sessions before it that it knows as history."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from market.calendar import EXCHANGE_ZONE
from market.errors import DataError
from market.instruments import Instrument, Instruments
from market.lake import Lake
from market.types import EVENT


@dataclass(frozen=True)
class Recorded:
    """One contract's session.

    Parameters
    ----------
    contract : str
        Dated, as WDOZ26.
    instrument : Instrument
    day : date
    events : ndarray of EVENT
        In order of sequence, without CLOCK.
    earlier : tuple of date
        Sessions that history can be asked for, oldest first.
    load : callable
        Returns the EVENT records of one of them.
    """

    contract: str
    instrument: Instrument
    day: dt.date
    events: np.ndarray
    earlier: tuple[dt.date, ...] = ()
    load: Callable[[dt.date], np.ndarray] = field(default=lambda day: np.zeros(0, dtype=EVENT))

    @property
    def offset_ns(self) -> int:
        """The exchange's wall clock less UTC on that day, nanoseconds."""
        noon = dt.datetime(self.day.year, self.day.month, self.day.day, 12, tzinfo=EXCHANGE_ZONE)
        offset = noon.utcoffset()
        assert offset is not None
        return int(offset.total_seconds()) * 1_000_000_000

    @property
    def midnight_ms(self) -> int:
        """Start of the day by the exchange's wall clock, as milliseconds since 1970."""
        return (self.day - dt.date(1970, 1, 1)).days * 86_400_000


def from_lake(lake: Lake, contract: str, day: dt.date) -> Recorded:
    """Return a session of the lake.

    Raises
    ------
    LakeError
        If the lake does not hold it, or it is damaged.
    """
    earlier = tuple(one for one in lake.sessions(contract) if one < day)
    return Recorded(
        contract, lake.instruments.of(contract), day, lake.read_events(contract, day), earlier,
        lambda one: lake.read_events(contract, one),
    )  # fmt: skip


def from_file(path: Path, contract: str) -> Recorded:
    """Return a session of EVENT records in a .npy file; its day is that of the first of them.

    Raises
    ------
    DataError
        If the file holds no EVENT records.
    """
    events = np.load(path)
    if events.dtype != EVENT or not events.size:
        raise DataError(f"{path}: expected EVENT records, found {events.size} of {events.dtype}; write them anew")
    at = dt.datetime.fromtimestamp(int(events["ts_event_ns"][0]) / 1e9, EXCHANGE_ZONE)
    return Recorded(contract, Instruments().of(contract), at.date(), events)
