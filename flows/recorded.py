"""A recorded series named on the command line: which one is meant, in which form the decision path takes it."""

import datetime as dt
from dataclasses import asdict, replace

from features.catalogue import Need
from features.clock import BarLength, Decides
from features.schema import MINUTE_NS, FeatureSchema, available_columns
from flows.parameters import DataParams, FeatureParams
from flows.stages.dataset import SECOND_NS, Dataset, open_dataset
from market.errors import UsageError
from market.home import Home
from market.lake import Lake

_MINUTE = BarLength(bar_ns=MINUTE_NS)
DECIDING = ("trades", "bars")  # kinds of data that close bars


def open_recorded(home: Home, contract: str | None, length: BarLength | None, day: dt.date | None = None) -> Dataset:
    """Open a series of the lake: its trades where it has any, else its shortest bars.

    Parameters
    ----------
    home : Home
        Its lake is read.
    contract : str, optional
        The only one there is (on `day`) by default.
    length : BarLength, optional
        What closes a bar; a minute, or that of the stored bars, by default.
    day : date, optional
        A session that it must have.

    Raises
    ------
    UsageError
        If no series, or more than one, is meant.
    """
    name = _only(home, contract, day)
    held = [p for p in Lake(home.lake).partitions(contract=name) if p.kind in DECIDING and _on(p.session, day)]
    lengths = sorted({p.bar_seconds for p in held if p.kind == "bars"})
    if any(p.kind == "trades" for p in held):
        dataset = open_dataset(home, DataParams(name, "events", held_back_sessions=1))
        return replace(dataset, feed=replace(dataset.feed, bar_ns=(length or _MINUTE).bar_ns))
    stored = [BarLength(bar_ns=seconds * SECOND_NS) for seconds in lengths]
    if length not in (None, *stored):
        told = ", ".join(f"{seconds}s" for seconds in lengths)
        raise UsageError(f"{name}: expected bars of {told}, as stored, found another length; name one of these")
    return open_dataset(home, DataParams(name, "bars", (length or stored[0]).bar_ns // SECOND_NS, 1))


def data_of(home: Home, contract: str, data: DataParams) -> DataParams:
    """Return the parameters of another series: its trades where it has any, else bars, of this length if stored.

    Raises
    ------
    UsageError
        If the lake has no such series.
    """
    feed = open_recorded(home, contract, None).feed
    if feed.kind == "events":
        return replace(data, contract=feed.contract, feed="events")
    stored = {p.bar_seconds for p in feed.lake.partitions("bars", feed.contract)}
    seconds = data.bar_seconds if data.bar_seconds in stored else min(stored)
    return replace(data, contract=feed.contract, feed="bars", bar_seconds=seconds)


def schema_of(
    dataset: Dataset, set_name: str, length: BarLength | None = None, decides: Decides = Decides.BAR
) -> FeatureSchema:
    """Return the schema of a named set on a series, without what the series cannot give.

    Raises
    ------
    UsageError
        If there are no events of the kind that decides.
    """
    if decides is Decides.TRADE and Need.TRADES not in dataset.needs:
        raise UsageError(f"{dataset.feed.contract}: expected trades to decide at, found bars; decide at each bar")
    if decides is Decides.BOOK and Need.BOOK not in dataset.needs:
        raise UsageError(f"{dataset.feed.contract}: expected a book to decide at, found none; decide at each bar")
    bars = length or BarLength(bar_ns=dataset.feed.bar_ns)
    at_minutes = bars.bar_ns == MINUTE_NS and decides is Decides.BAR
    columns = available_columns(set_name, dataset.needs, at_minutes=at_minutes)
    preload = FeatureParams().preload_sessions
    return FeatureSchema(set_name, columns, preload_sessions=preload, decides=decides, **asdict(bars))


def _only(home: Home, contract: str | None, day: dt.date | None) -> str:
    """Return the series that is meant."""
    partitions = [p for p in Lake(home.lake).partitions() if p.kind in DECIDING]
    there = sorted({p.contract for p in partitions if _on(p.session, day)})
    wanted = [contract.strip().upper()] if contract else there
    if len(wanted) == 1 and wanted[0] in there:
        return wanted[0]
    when = f" on {day}" if day else ""
    if contract or not there:
        raise UsageError(
            f"{home.lake}: expected trades or bars of {contract or 'a series'}{when}, found "
            f"{', '.join(there) or 'none'}; see `pregao lake ls` for what is there"
        )
    raise UsageError(f"{home.lake}: expected one series{when}, found {', '.join(there)}; name one with --contract")


def _on(session: str, day: dt.date | None) -> bool:
    return day is None or session == day.isoformat()
