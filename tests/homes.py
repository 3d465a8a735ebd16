"""A user's folder with a small market and a signed model, for tests of the shells around the core."""

import json
import os
import tempfile
from dataclasses import asdict
from functools import cache
from pathlib import Path

import numpy as np

from features.monitor import Band
from features.schema import FeatureSchema
from market.bars import bars_from_events
from market.costs import CostParams
from market.home import Home
from market.instruments import B3
from market.lake import Lake
from market.synthetic import SyntheticMarket, provenance_of, split_kinds
from registry.bundle import FeedNeeds, Lineage, Manifest, digest, install, write_bundle
from registry.bundle_files import FILE_BYTES
from registry.fetch import Offered
from registry.gate_record import GateRecord, seal
from registry.gates import CHALLENGER, CHAMPION, Gate
from registry.pull import take
from registry.signing import ensure_key, load_private_key, public_key
from tests.factories import MINUTE_NS, make_model, make_stump
from trading.model import Model
from trading.policy import StrategyParams

MARKET = SyntheticMarket(symbol="WINQ26", sessions=4, seed=11, trades_per_session=600)
# Begins and ends a session later, and closes five minutes later than the index.
DOLLAR = SyntheticMarket("WDOQ26", MARKET.days()[1], 4, seed=5, trades_per_session=600, opening_points=5_300.0)
SCHEMA = FeatureSchema("test", ("returns_1", "rsi_14"), MINUTE_NS, 1)
# Follows the last minute, in every regime and against no agent, so that even a short market brings fills.
STRATEGY = StrategyParams(require_agents=False, with_trend_only=False, cooldown_bars=3, max_hold_bars=10)

PASSED = tuple(Gate(check.__name__, True, 1.0, 1e6, "passed") for check in (*CHALLENGER, *CHAMPION))


@cache
def _session_events(market: SyntheticMarket, index: int) -> np.ndarray:
    return market.session_events(index)


def fill_lake(home: Home, kind: str = "events", market: SyntheticMarket = MARKET) -> Lake:
    """Write a market's sessions into a home's lake, as trades and quotes or as bars of a minute."""
    lake, writes, source = Lake(home.lake), [], provenance_of(market)
    for index, day in enumerate(market.days()):
        events = _session_events(market, index)
        if kind == "bars":
            bars = bars_from_events(events, B3.session(market.symbol, day), MINUTE_NS)
            writes.append((lake.draft("bars", market.symbol, day, source, 60), bars))
        else:
            writes += [(lake.draft(k, market.symbol, day, source), part) for k, part in split_kinds(events)]
    lake.commit(writes)
    return lake


def install_model(
    home: Home, kind: str = "events", upper: float = 0.9, band: Band | None = None, root: str = "WIN"
) -> Path:
    """Sign a model that buys after a rise and sells after a fall, and return where the runner finds it."""
    model = make_model(SCHEMA, make_stump(2, 0, 0.0, 1.0 - upper, upper), (), STRATEGY)
    model = model._replace(band=band or model.band)
    return install_bundle(home, root, FeedNeeds("bars" if kind == "bars" else "events", 60), SCHEMA, model, STRATEGY)


def install_bundle(
    home: Home, instrument: str, feed: FeedNeeds, schema: FeatureSchema, model: Model, strategy: StrategyParams
) -> Path:
    """Sign a model without agents with the home's key, and return where the runner finds it."""
    named = f"pregao-{instrument.lower()}-{feed.bar_seconds}s"
    folder = sign_bundle(home, named, instrument, feed, schema, model, strategy)
    return install(folder, home.bundles, public_key(home.keys))


def sign_model(home: Home, name: str, *, upper: float = 0.9, synthetic: bool = False, root: str = "WIN") -> Path:
    """Sign a small model of events with the home's key, and return the bundle's folder, which no runner looks into."""
    model = make_model(SCHEMA, make_stump(2, 0, 0.0, 1.0 - upper, upper), (), STRATEGY)
    return sign_bundle(home, name, root, FeedNeeds("events", 60), SCHEMA, model, STRATEGY, synthetic=synthetic)


def sign_bundle(
    home: Home,
    name: str,
    instrument: str,
    feed: FeedNeeds,
    schema: FeatureSchema,
    model: Model,
    strategy: StrategyParams,
    *,
    synthetic: bool = True,
) -> Path:
    """Sign a model without agents with the home's key, and return the bundle's folder."""
    ensure_key(home.keys, use_keyring=False)
    key = load_private_key(home.keys, use_keyring=False)
    manifest = Manifest(
        name=name,
        instrument=instrument,
        feed=feed,
        schema=json.loads(schema.to_json()),
        thresholds=dict(zip(("trend_up", "trend_down", "range"), strategy.theta, strict=True)),
        policy=asdict(strategy),
        agents=(),
        regime={"adx_enter": 25.0},
        costs=CostParams(),
        lineage=Lineage(
            "d" * 64, "c" * 40, synthetic, ("synthetic" if synthetic else "b3",), "2026-06-01", "2026-06-05", "p" * 64
        ),
    )
    rows = np.random.default_rng(1).normal(size=(64, len(schema.columns))).astype(np.float32)
    drafted = Path(tempfile.mkdtemp(dir=home.root.parent, prefix="drafted-"))  # a home holds what its owner made
    write_bundle(drafted / "bundle", manifest, model, rows, key)
    return drafted / "bundle"


def serve_bundle(home: Home, folder: Path, model: str, alias: str = "champion", **taken: bool) -> None:
    """Hand a bundle to the runner beside a record of gates that all passed, as `pregao pull` does."""
    key = load_private_key(home.keys, use_keyring=False)
    sealed = seal(GateRecord(model, digest(folder), None, PASSED), key)
    files = {name: (folder / name).read_bytes() for name in FILE_BYTES}
    take(home, Offered(model, alias, 1, files, sealed), **taken)


def build_home(root: Path, kind: str = "events") -> Home:
    """Return a folder in which `pregao live --mode replay` has all it needs."""
    home = Home(root)
    fill_lake(home, kind)
    install_model(home, kind)
    return home


def add_dollar(home: Home, kind: str = "events") -> Path:
    """Give a home the dollar's sessions and a model of it, older than the model it has; return the model's folder."""
    fill_lake(home, kind, DOLLAR)
    folder = install_model(home, kind, root="WDO")
    os.utime(folder / "manifest.json", ns=(10, 10))
    return folder
