"""One real morning of DOLK20 ticks: what is switched off, features, and parity to the bit."""

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
from market.home import Home
from market.importer import import_file
from market.lake import Lake
from market.types import Kind

DAY = date(2020, 4, 2)
MINUTES = 297  # 09:03 to 13:59, as the README counts them


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
