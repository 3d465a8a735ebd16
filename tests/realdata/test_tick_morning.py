"""One real morning of DOLK20 ticks: what is switched off, features, parity to the bit, and a replay."""

import json
from dataclasses import asdict
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from features.catalogue import Need
from features.pipeline import begin_session as begin_features
from features.pipeline import compute_session, snapshot, update_event
from features.schema import FeatureSchema, build_schema
from features.state import new_state
from flows.parameters import DataParams
from flows.stages.dataset import Dataset, open_dataset
from live.replay import replay
from market.costs import CostParams
from market.home import Home
from market.importer import import_file
from market.lake import Lake
from market.types import Kind
from registry.bundle import FeedNeeds, Lineage, Manifest, write_bundle
from registry.installed import Named
from registry.signing import create_key, load_private_key
from tests.factories import make_model, make_stump
from trading.core import new_desk
from trading.journal import Kind as RecordKind
from trading.journal import read
from trading.paper import new_trader, run_session
from trading.policy import RiskLimits, StrategyParams
from trading.records import DECISION

DAY = date(2020, 4, 2)
MINUTES = 297  # 09:03 to 13:59, as the README counts them
COLUMNS = ("returns_1", "order_flow_imbalance_20", "spread", "vwap_distance")


@pytest.fixture
def morning(realdata: Path, tmp_path: Path) -> tuple[Home, Dataset]:
    """The imported morning."""
    home = Home(tmp_path)
    import_file(Lake(home.lake), realdata / "b3/mt5_ticks/DOLK20.csv")
    return home, open_dataset(home, DataParams("DOLK20", "events", 60, 1))


def schema_of(dataset: Dataset) -> FeatureSchema:
    return build_schema("full", dataset.needs, 60_000_000_000, 5)


def test_quotes_without_sizes_switch_their_features_off(morning: tuple[Home, Dataset]) -> None:
    needs = morning[1].needs
    assert needs == {Need.BARS, Need.CALENDAR, Need.TRADES, Need.BOOK}
    columns = schema_of(morning[1]).columns
    assert "spread" in columns
    assert not {"book_imbalance", "micro_dev", "ofi_5", "ofi_60"} & set(columns)


def test_batch_rows_equal_event_by_event_to_the_bit(morning: tuple[Home, Dataset]) -> None:
    feed, schema = morning[1].feed, schema_of(morning[1])
    batch = compute_session(schema, feed, DAY)
    state, row, rows = new_state(schema), np.zeros(len(schema.columns), dtype=np.float32), []
    begin_features(state, feed.session(DAY)[0])
    for event in feed.load(DAY):
        if update_event(state, event):
            snapshot(state, row)
            rows.append(row.tobytes())
    # From 14:00 on the file has no trades: those minutes are empty bars.
    assert len(rows) == len(batch.rows) >= MINUTES
    assert rows == [one.tobytes() for one in batch.rows]


def test_flow_and_spread_of_the_morning_against_the_ticks_themselves(morning: tuple[Home, Dataset]) -> None:
    feed, schema = morning[1].feed, schema_of(morning[1])
    seen = compute_session(schema, feed, DAY)
    events = feed.load(DAY)
    trades = events[events["kind"] == Kind.TRADE]
    end = int(np.searchsorted(trades["ts_event_ns"], seen.ts_ns[MINUTES - 1]))
    side, quantity = trades["side"][end - 20 : end].astype(np.int64), trades["quantity"][end - 20 : end]
    expected = (side * quantity).sum() / (abs(side) * quantity).sum()  # prints inside the spread have no side
    found = seen.rows[MINUTES - 1, schema.columns.index("order_flow_imbalance_20")]
    assert found == np.float32(expected)
    spread = seen.rows[:MINUTES, schema.columns.index("spread")]
    assert np.nanmin(spread) >= 1  # the crossed opening call gives no value
    assert np.isfinite(spread).mean() > 0.5


def write_tick_bundle(home: Home, dataset: Dataset) -> Path:
    """A bundle over the morning's columns; its one split is on order flow."""
    schema = FeatureSchema("full", COLUMNS, 60_000_000_000, 0)
    strategy = StrategyParams(require_agents=False, theta=(0.1, 0.1, 0.1))
    model = make_model(schema, make_stump(len(COLUMNS), 1, 0.0, 0.3, 0.7), strategy=strategy)
    lineage = Lineage(dataset.data_hash, "0" * 40, False, ("DOLK20.csv",), str(DAY), str(DAY), "0" * 64)
    manifest = Manifest(
        "pregao-dol-60s",
        "DOL",
        FeedNeeds("events", 60),
        json.loads(schema.to_json()),
        {},
        asdict(strategy),
        (),
        {},
        CostParams(),
        lineage,
    )
    create_key(home.keys, use_keyring=False)
    rows = np.random.default_rng(3).normal(size=(64, len(COLUMNS))).astype(np.float32)
    write_bundle(home.root / "bundle", manifest, model, rows, load_private_key(home.keys, use_keyring=False))
    return home.root / "bundle"


def test_replay_decides_at_every_bar_and_equals_the_compiled_loop(morning: tuple[Home, Dataset]) -> None:
    home, dataset = morning
    bundle = write_tick_bundle(home, dataset)
    journal = home.root / "journal.bin"
    done = replay(home, Named((bundle,), ("DOLK20",), DAY, DAY), journal)
    schema = FeatureSchema("full", COLUMNS, 60_000_000_000, 0)
    strategy = StrategyParams(require_agents=False, theta=(0.1, 0.1, 0.1))
    model = make_model(schema, make_stump(len(COLUMNS), 1, 0.0, 0.3, 0.7), strategy=strategy)
    trader = new_trader(schema, model, new_desk(RiskLimits(), dataset.instrument))
    compiled = run_session(trader, dataset.feed, DAY)
    decisions = np.concatenate([r.rows(DECISION) for r in read(journal) if r.kind == RecordKind.DECISION])
    assert done.decisions == len(decisions) >= MINUTES
    assert decisions.tobytes() == compiled.decisions.tobytes()
    assert done.position == 0
