"""What a model is trained on: one series of the lake, its sessions, and where they came from."""

import datetime as dt
import difflib
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from features.catalogue import CATALOGUE, Need
from features.schema import FeatureSchema, build_schema
from flows.parameters import DataParams, Parameters
from market.costs import CostParams, costs
from market.errors import ConfigError, NotEnoughData
from market.home import Home
from market.instruments import Instrument
from market.lake import EVENT_KINDS, Lake
from market.lake_manifest import Partition
from market.stream import Feed
from market.types import Kind

EPOCH = dt.date(1970, 1, 1)  # from which sessions are numbered, in days
SECOND_NS = 1_000_000_000
KINDS = {"events": EVENT_KINDS, "bars": ("bars",)}
_TELLING = (Kind.TRADE, Kind.QUOTE_SIDE, Kind.LEVEL_SET)


@dataclass(frozen=True)
class Dataset:
    """One series of the lake with its sessions split into training and held-back ones.

    Parameters
    ----------
    feed : Feed
        Reads the sessions in the order of time.
    instrument : Instrument
        What is traded.
    training, held_back : tuple of date
        Sessions to learn from, and the last ones, which only the paper run sees.
    partitions : tuple of Partition
        The files behind it; they carry the provenance.
    """

    feed: Feed
    instrument: Instrument
    training: tuple[dt.date, ...]
    held_back: tuple[dt.date, ...]
    partitions: tuple[Partition, ...]

    @property
    def synthetic(self) -> bool:
        """Whether any of it was generated."""
        return any(partition.provenance.synthetic for partition in self.partitions)

    @property
    def data_hash(self) -> str:
        """Digest over the content of every partition, in the order of their names."""
        lines = sorted(f"{p.kind} {p.contract} {p.session} {p.bar_seconds} {p.sha256}" for p in self.partitions)
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    @property
    def needs(self) -> frozenset[Need]:
        """What this feed can give to features; a group that lacks a need leaves the schema."""
        if self.feed.kind == "bars":
            return frozenset({Need.BARS, Need.CALENDAR})
        return frozenset({Need.BARS, Need.CALENDAR, Need.TRADES, *self._offered()})

    def _offered(self) -> Iterator[Need]:
        """Yield what the first session shows beyond trades: MT5 exports carry quotes without sizes, some feeds ids."""
        events = self.feed.load((self.training + self.held_back)[0])
        trades, quotes, levels = (events[events["kind"] == kind] for kind in _TELLING)
        if quotes.size or levels.size:
            yield Need.BOOK
        if quotes["quantity"].any() or (levels.size and not quotes.size):
            yield Need.BOOK_SIZE
        if (levels["level"] > 0).any():
            yield Need.BOOK_DEPTH
        if ((trades["buyer"] > 0) & (trades["seller"] > 0)).any():
            yield Need.IDS

    def schema(self, parameters: Parameters) -> FeatureSchema:
        """Return the feature schema of models trained on this series."""
        features, bar_ns = parameters.features, parameters.data.bar_seconds * SECOND_NS
        whole = build_schema(features.set, self.needs, bar_ns, features.preload_sessions)
        _refuse_unknown(features.exclude)
        columns = tuple(name for name in whole.columns if name not in features.exclude)
        return replace(whole, columns=columns, book_max_age_ns=features.book_max_age_ns)


def _refuse_unknown(excluded: Sequence[str]) -> None:
    known = [feature.name for feature in CATALOGUE]
    for name in excluded:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean '{near[0]}'?" if near else "see `pregao features ls`"
            raise ConfigError(f"features.exclude: expected names of the catalogue, found '{name}'; {hint}")


def open_dataset(home: Home, data: DataParams) -> Dataset:
    """Open the series that `data` names.

    Raises
    ------
    NotEnoughData
        If the lake holds nothing of it.
    """
    lake = Lake(home.lake)
    partitions = tuple(
        partition
        for partition in lake.partitions(contract=data.contract)
        if partition.kind in KINDS[data.feed] and partition.bar_seconds in (0, data.bar_seconds)
    )
    if not partitions:
        raise NotEnoughData(
            f"{home.lake}: expected {data.feed} of {data.contract}, found none; import a file with "
            "`pregao import PATH`, run `pregao demo` once, or name another contract in params.yaml"
        )
    feed = Feed(lake, data.contract, data.bar_seconds * SECOND_NS, data.feed)
    days = feed.sessions()
    held = max(0, min(data.held_back_sessions, len(days) - 1))
    return Dataset(
        feed,
        lake.instruments.of(data.contract),
        tuple(days[: len(days) - held]),
        tuple(days[len(days) - held :]),
        partitions,
    )


def round_trip_ticks(instrument: Instrument, params: CostParams, days: Sequence[dt.date]) -> np.ndarray:
    """Return what a round trip of one contract costs on each day, f8[days], in ticks."""
    each = [costs(instrument.root, day, params).per_side for day in days]
    return np.array(each) * 2 / instrument.tick_value
