"""A recorded series named on the command line: which one is meant, in which form the decision path takes it."""

import datetime as dt

from features.schema import FeatureSchema, build_schema
from flows.parameters import DataParams, FeatureParams
from flows.stages.dataset import Dataset, open_dataset
from market.errors import UsageError
from market.home import Home
from market.lake import Lake

DECIDING = ("trades", "bars")  # kinds of data that close bars


def open_recorded(home: Home, contract: str | None, bar_seconds: int | None, day: dt.date | None = None) -> Dataset:
    """Open a series of the lake: its trades where it has any, else its shortest bars.

    Parameters
    ----------
    home : Home
        Its lake is read.
    contract : str, optional
        The only one there is (on `day`) by default.
    bar_seconds : int, optional
        Length of a bar; a minute, or that of the stored bars, by default.
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
        return open_dataset(home, DataParams(name, "events", 60 if bar_seconds is None else bar_seconds, 1))
    if bar_seconds not in (None, *lengths):
        raise UsageError(f"{name}: expected bars of {lengths} s, as stored, found {bar_seconds}; name one of them")
    return open_dataset(home, DataParams(name, "bars", bar_seconds or lengths[0], 1))


def schema_of(dataset: Dataset, set_name: str) -> FeatureSchema:
    """Return the schema of a named set on a series, without what the series cannot give."""
    return build_schema(set_name, dataset.needs, dataset.feed.bar_ns, FeatureParams().preload_sessions)


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
