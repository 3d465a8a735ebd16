"""What only a whole series tells, or its other records: foreign lots, no volume, prices of another level."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from flows.checks import Found
from market.instruments import Instrument
from market.lake_manifest import Partition
from market.price_levels import Disagreement
from market.trade_sizes import full_contract, lacks_volume
from market.types import Flag

OtherFindings = dict[dt.date, dict[str, Found]]


def quantity_findings(
    partitions: Sequence[Partition], bars: Iterable[tuple[Partition, np.ndarray]], traded: Mapping[dt.date, np.ndarray]
) -> OtherFindings:
    """Return the sessions of a mini contract that trade in lots of the full one: all of a series, or none.

    Parameters
    ----------
    partitions : sequence of Partition
        Of one series.
    bars : iterable of (Partition, ndarray)
        Its bars.
    traded : mapping of date to ndarray
        Quantities that occur among its trades, by session; empty where it is bars.
    """
    trades = sum(p.rows for p in partitions) if traded else 0
    held = list(traded.values()) or [np.unique(own["volume"]) for _, own in bars]
    if not held or full_contract(partitions[0].root, np.concatenate(held), trades) is None:
        return {}
    return {p.day: {"full_lots": Found(1)} for p in partitions}


def volume_findings(instrument: Instrument, bars: Iterable[tuple[Partition, np.ndarray]]) -> OtherFindings:
    """Return the sessions with bars that traded or moved without a volume; none of what a broker may only quote."""
    found: OtherFindings = {}
    for p, own in bars if instrument.unit != "units" else ():
        moved = (own["high"] > own["low"]) & (own["flags"] & np.uint32(Flag.EMPTY) == 0)
        lacking = np.flatnonzero(lacks_volume(own["volume"], own["trades"], own["turnover"], moved))
        if lacking.size:
            found[p.day] = {"no_volume": Found(int(lacking.size), at_ns=int(own["ts_open_ns"][lacking[0]]))}
    return found


def level_findings(
    partitions: Sequence[Partition], apart: Iterable[Disagreement]
) -> tuple[OtherFindings, tuple[str, ...]]:
    """Return the sessions of a series whose prices another record tells otherwise, and what differs how.

    Where two records share no session it is the first one that is told.
    """
    record = partitions[0].kind, partitions[0].bar_seconds
    own = [one for one in apart if record in (one.first, one.second)]
    days = {day for one in own for day in one.sessions or (partitions[0].session,)}
    return {p.day: {"other_level": Found(1)} for p in partitions if p.session in days}, tuple(o.sentence for o in own)
