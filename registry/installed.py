"""What an installed bundle trades: which one, which series of the lake, and which of its sessions."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from market.errors import GatesRefused, NotEnoughData, UsageError
from market.home import Home
from market.instruments import Instrument
from market.lake import Lake
from market.stream import Feed
from registry.bundle import Bundle, load_bundle
from registry.bundle_files import instrument_of
from registry.gate_record import CHAMPION_ALIAS
from registry.serving import open_first, places_of, served_roots
from registry.signing import public_key
from trading.budget import new_budget
from trading.core import new_desk
from trading.desks import Seat
from trading.paper import new_trader
from trading.policy import RiskLimits, VenueParams

SECOND_NS = 1_000_000_000
_PULL = "`pregao promote` a version that passed its gates, then `pregao pull`"


class OpenedDesk(NamedTuple):
    """A bundle and the desk that trades its series."""

    bundle: Bundle
    seat: Seat

    @property
    def feed(self) -> Feed:
        """What the desk is fed."""
        return self.seat.feed


@dataclass(frozen=True)
class Named:
    """What to trade; what is not named is taken from the bundles, every recorded session included.

    Parameters
    ----------
    bundles : tuple of Path, optional
        By default the one that `pregao pull` serves, else the one installed last, of each named series' instrument
        where there is one.
    contracts : tuple of str, optional
        By default each bundle's series with the newest session.
    first, last : date, optional
        Sessions, both included.
    limits : RiskLimits
        What the account may risk, over all its desks.
    venue : VenueParams
        How the market answers its paper orders.
    alias : str
        Whose bundles are taken where none is named; the champion's where there is none of it.
    at_broker : bool
        Whether orders leave for a broker: only the champion that was pulled, no demonstration, trades there.
    """

    bundles: tuple[Path, ...] = ()
    contracts: tuple[str, ...] = ()
    first: dt.date | None = None
    last: dt.date | None = None
    limits: RiskLimits = field(default_factory=RiskLimits)
    venue: VenueParams = field(default_factory=VenueParams)
    alias: str = CHAMPION_ALIAS
    at_broker: bool = False

    @property
    def places(self) -> tuple[str, ...]:
        """Where bundles are looked for, in this order."""
        return places_of(self.alias, at_broker=self.at_broker)


class Opened(NamedTuple):
    """One flat account: its desks, in the order in which they were named, and the sessions any of them has."""

    desks: tuple[OpenedDesk, ...]
    days: list[dt.date]
    refused: tuple[str, ...] = ()  # of bundles that should have traded and do not hold: those before them do
    instead: tuple[str, ...] = ()  # of bundles that were taken where none was served of the alias asked for

    @property
    def seats(self) -> list[Seat]:
        """The traders and their feeds."""
        return [desk.seat for desk in self.desks]

    @property
    def contract(self) -> str:
        """The series, joined by a plus."""
        return "+".join(desk.feed.contract for desk in self.desks)

    @property
    def digest(self) -> str:
        """The bundles' digests, joined by a plus."""
        return "+".join(desk.bundle.digest for desk in self.desks)


def open_account(home: Home, named: Named, budget: np.ndarray | None = None) -> Opened:
    """Verify bundles and open what they trade, one desk each, in one budget: a new one of paper trading, or that given.

    Raises
    ------
    UsageError
        If no bundle is named and none is installed, a series is not one that a bundle trades, or two desks would trade
        one instrument, win another currency or trade another day at one time.
    BundleRefused
        If a bundle is altered, unsigned, or made for another catalogue.
    GatesRefused
        If orders leave for a broker, and the bundle is not the champion that was pulled.
    NotEnoughData
        If the lake has no session of a series in the span.
    """
    pairs = _pairs(home, named)
    feeds = [(taken.bundle, open_feed(home, taken.bundle, contract)) for taken, contract in pairs]
    _check_account([feed.instrument for _, feed in feeds])
    days = sorted({day for _, feed in feeds for day in days_between(feed, named.first, named.last)})
    _check_days([feed for _, feed in feeds], days)
    budget, desks = new_budget() if budget is None else budget, []
    for bundle, feed in feeds:
        desk = new_desk(named.limits, feed.instrument, budget=budget)
        trader = new_trader(bundle.schema, bundle.model, desk, bundle.manifest.costs, named.venue)
        desks.append(OpenedDesk(bundle, Seat(trader, feed)))
    refused, instead = (tuple(filter(None, told)) for told in zip(*(taken[1:] for taken, _ in pairs), strict=True))
    return Opened(tuple(desks), days, refused, instead)


class _Taken(NamedTuple):
    """A verified bundle, why it is not the present one of its place, and why another place's than was asked for."""

    bundle: Bundle
    refused: str = ""
    instead: str = ""


def _pairs(home: Home, named: Named) -> list[tuple[_Taken, str | None]]:
    """Return the bundle of each series named, then the bundles of which none is named."""
    if not named.bundles:
        roots = [(Lake(home.lake).instruments.of(contract).root, contract) for contract in named.contracts]
        return [(_take(home, root, named), contract) for root, contract in roots] or [
            (_take(home, _served_root(home, named), named), None)
        ]
    if named.at_broker:
        told = ", ".join(str(folder) for folder in named.bundles)
        raise GatesRefused(f"--bundle: expected none with orders at a broker, found {told}; leave it out, and {_PULL}")
    left: list[Path] = list(named.bundles)
    pairs: list[tuple[Path, str | None]] = []
    for contract in named.contracts:
        if not left:
            raise UsageError(f"{contract}: expected a bundle that trades it, found none left; name one more")
        root = Lake(home.lake).instruments.of(contract).root
        folder = next((one for one in left if instrument_of(one) == root), left[0])
        left.remove(folder)
        pairs.append((folder, contract))
    pairs += [(folder, None) for folder in left]
    return [(_Taken(load_bundle(folder, public_key(home.keys))), contract) for folder, contract in pairs]


def _take(home: Home, root: str | None, named: Named) -> _Taken:
    """Return the bundle served of an instrument, else the one installed last, unless orders leave for a broker."""
    served = open_first(home, root, named.places) if root else None
    asked = f"{root or home.bundles}: expected a {named.alias} that was pulled"
    if served is not None:
        entry = served.entry
        told = f"{asked}, found none; the {entry.alias} is taken, {entry.where}" if entry.alias != named.alias else ""
        shown = f"{asked}, found a demonstration, {entry.where}; the next `pregao pull` ends it"
        return _Taken(served.bundle, served.refused, shown if entry.demonstration else told)
    if named.at_broker:
        raise GatesRefused(f"{asked}, for orders at a broker, found none; {_PULL}")
    bundle = load_bundle(newest_bundle(home, root), public_key(home.keys))
    told = f"{asked}, found none; the bundle installed last is taken, {bundle.digest[:16]}, which no gate let through"
    return _Taken(bundle, instead=told)


def _served_root(home: Home, named: Named) -> str | None:
    """Return the instrument of which a bundle is served, None where there is none.

    Raises
    ------
    UsageError
        If there are several.
    """
    roots = next((found for place in named.places if (found := served_roots(home, place))), [])
    if len(roots) > 1:
        raise UsageError(
            f"{home.bundles}: expected bundles of one instrument, found {', '.join(roots)}; name --contract"
        )
    return roots[0] if roots else None


def _check_account(instruments: Sequence[Instrument]) -> None:
    """Refuse what one account cannot trade side by side."""
    roots, currencies = [one.root for one in instruments], {one.currency for one in instruments}
    if len(set(roots)) < len(roots):
        raise UsageError(f"account: expected different instruments, found {', '.join(roots)}; name one of each")
    if len(currencies) > 1:
        raise UsageError(f"account: expected one currency, found {', '.join(sorted(currencies))}; trade them apart")


def _check_days(feeds: Sequence[Feed], days: Sequence[dt.date]) -> None:
    """Refuse series of which one still trades a day when the next one begins for another."""
    if len(feeds) < 2:
        return
    known, ended = [(feed, set(feed.sessions())) for feed in feeds], 0
    for day in days:
        hours = [feed.session(day)[0] for feed, own in known if day in own]
        if min(int(one["open_ns"]) for one in hours) < ended:
            series = ", ".join(feed.contract for feed in feeds)
            raise UsageError(
                f"{series} on {day}: expected every session to begin after those of the day before, found one that "
                "begins earlier; trade them apart"
            )
        ended = max(int(one["close_ns"]) for one in hours)


def bundle_in_use(home: Home, contract: str | None = None) -> Bundle:
    """Return the verified bundle that a runner would take now: of a series, else of the one instrument served.

    Raises as `open_account`.
    """
    named = contract.strip().upper() if contract else None
    root = Lake(home.lake).instruments.of(named).root if named else _served_root(home, Named())
    return _take(home, root, Named()).bundle


def newest_bundle(home: Home, root: str | None = None) -> Path:
    """Return the bundle installed last, of an instrument if it has one; raises UsageError where none is installed."""
    # A name with a dot is the draft of an install that was killed.
    installed = sorted(home.bundles.glob("[!.]*/manifest.json"), key=lambda path: path.stat().st_mtime_ns)
    if not installed:
        raise UsageError(
            f"{home.bundles}: expected an installed bundle, found none; run `pregao demo` or name --bundle"
        )
    fitting = [path for path in installed if root and instrument_of(path.parent) == root]
    return (fitting or installed)[-1].parent


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
