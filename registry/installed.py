"""What an installed bundle trades: which one, which series of the lake, and which of its sessions."""

import datetime as dt
from pathlib import Path
from typing import NamedTuple

from market.errors import NotEnoughData, UsageError
from market.home import Home
from market.lake import Lake
from market.stream import Feed
from registry.bundle import Bundle, load_bundle
from registry.signing import public_key
from trading.core import new_desk
from trading.paper import Trader, new_trader
from trading.policy import RiskLimits

SECOND_NS = 1_000_000_000


class Opened(NamedTuple):
    """A bundle ready to trade recorded sessions: its feed, the sessions, and a flat trader."""

    bundle: Bundle
    feed: Feed
    days: list[dt.date]
    trader: Trader


def open_bundle(
    home: Home,
    folder: Path | None,
    contract: str | None,
    span: tuple[dt.date | None, dt.date | None],
    limits: RiskLimits,
) -> Opened:
    """Verify a bundle and open what it trades; what is not named is the bundle installed last and its own series.

    Raises
    ------
    UsageError
        If no bundle is named and none is installed, or the series is not one the bundle trades.
    BundleRefused
        If the bundle is altered, unsigned, or made for another catalogue.
    NotEnoughData
        If the lake has no session of the series in the span.
    """
    bundle = load_bundle(folder or newest_bundle(home), public_key(home.keys))
    feed = open_feed(home, bundle, contract)
    days = days_between(feed, *span)
    trader = new_trader(bundle.schema, bundle.model, new_desk(limits, feed.instrument), bundle.manifest.costs)
    return Opened(bundle, feed, days, trader)


def newest_bundle(home: Home) -> Path:
    """Return the bundle installed last; raises UsageError where none is."""
    # A name with a dot is the draft of an install that was killed.
    installed = sorted(home.bundles.glob("[!.]*/manifest.json"), key=lambda path: path.stat().st_mtime_ns)
    if not installed:
        raise UsageError(
            f"{home.bundles}: expected an installed bundle, found none; run `pregao demo` or name --bundle"
        )
    return installed[-1].parent


def open_feed(home: Home, bundle: Bundle, named: str | None) -> Feed:
    """Return the feed that the bundle decides on, of the series named or the bundle's own.

    Raises
    ------
    UnknownSymbol
        If no instrument answers to the name.
    UsageError
        If the series is of another instrument than the bundle's.
    NotEnoughData
        If no series is named and the lake has none that fits.
    """
    needs, own = bundle.manifest.feed, bundle.manifest.instrument
    contract = named.strip().upper() if named else front_series(home, bundle)
    lake = Lake(home.lake)
    found = lake.instruments.of(contract).root
    if found != own:
        raise UsageError(f"{contract}: expected a series of {own}, which the bundle trades, found {found}; name one")
    return Feed(lake, contract, needs.bar_seconds * SECOND_NS, needs.kind)


def front_series(home: Home, bundle: Bundle) -> str:
    """Return the series of the bundle's instrument and feed that has the newest session in the lake."""
    needs = bundle.manifest.feed
    kind, seconds = ("bars", needs.bar_seconds) if needs.kind == "bars" else ("trades", 0)
    fitting = [
        (partition.session, partition.contract)
        for partition in Lake(home.lake).partitions(kind)
        if partition.root == bundle.manifest.instrument and partition.bar_seconds == seconds
    ]
    if not fitting:
        raise NotEnoughData(f"{home.lake}: expected {kind} of {bundle.manifest.instrument}, found none; import some")
    return max(fitting)[1]


def days_between(feed: Feed, first: dt.date | None, last: dt.date | None) -> list[dt.date]:
    """Return the recorded sessions from `first` to `last`, both included; raises NotEnoughData where there is none."""
    known = feed.sessions()
    days = [day for day in known if (first or day) <= day <= (last or day)]
    if not days:
        span = f"{known[0]} to {known[-1]}" if known else "none"
        raise NotEnoughData(
            f"{feed.contract}: expected recorded sessions from {first or 'the first'} to {last or 'the last'}, "
            f"found {span}; see `pregao lake ls`"
        )
    return days
