"""What a model is trained on: one series of the lake, its sessions, and where they came from."""

import datetime as dt
import hashlib
from dataclasses import dataclass, replace

from features.catalogue import Need, index_of
from features.schema import FeatureSchema, build_schema
from flows.parameters import DataParams, Parameters
from market.errors import NotEnoughData
from market.home import Home
from market.instruments import Instrument, instrument_of
from market.lake import Lake, Partition
from market.stream import Feed

SECOND_NS = 1_000_000_000
KINDS = {"events": ("trades", "quotes"), "bars": ("bars",)}


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
        kinds = {partition.kind for partition in self.partitions}
        available = {Need.BARS, Need.CALENDAR, Need.TRADES}
        return frozenset(available | ({Need.BOOK, Need.BOOK_SIZE} if "quotes" in kinds else set()))

    def schema(self, parameters: Parameters) -> FeatureSchema:
        """Return the feature schema of models trained on this series."""
        features, bar_ns = parameters.features, parameters.data.bar_seconds * SECOND_NS
        whole = build_schema(features.set, self.needs, bar_ns, features.preload_sessions)
        for name in features.exclude:
            index_of(name)  # refuses a name the catalogue does not know
        return replace(whole, columns=tuple(name for name in whole.columns if name not in features.exclude))


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
        feed, instrument_of(data.contract), tuple(days[: len(days) - held]), tuple(days[len(days) - held :]), partitions
    )
