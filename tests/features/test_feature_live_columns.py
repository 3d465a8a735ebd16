"""No column of the whole catalogue is dead or told twice, on a market that offers everything columns may need."""

from datetime import date

import numpy as np
import pytest

from features.catalogue import Need
from features.pipeline import begin_session, replay_events
from features.schema import FeatureSchema, build_schema
from features.state import new_state
from market.instruments import B3
from market.stream import with_clock
from market.synthetic import SyntheticMarket
from tests.features.conftest import room

PRELOAD = 2


@pytest.fixture(scope="module")
def table() -> tuple[FeatureSchema, np.ndarray]:
    """Rows of the sessions after the preload, of a market with five levels and broker ids."""
    schema = build_schema("full", frozenset(Need), 60_000_000_000, PRELOAD)
    market = SyntheticMarket.realistic("WDOQ26", date(2026, 6, 1), PRELOAD + 2, 7)
    state, rows = new_state(schema), []
    for index, day in enumerate(market.days()):
        session = B3.session(market.symbol, day)
        events = with_clock(change_brokers(market.session_events(index)), session, schema.bar_ns)
        begin_session(state, session[0])
        seen = room(600, len(schema.columns))
        count = replay_events(state, events, seen)
        rows.append(seen.rows[:count])
    return schema, np.concatenate(rows[PRELOAD:])


def change_brokers(events: np.ndarray) -> np.ndarray:
    """Let more brokers trade than the market's dozen, and not all of them all the time."""
    for name in ("buyer", "seller"):
        told = events[name] > 0
        events[name][told] += 1_000 * (events["trade_number"][told] * events[name][told] // 700 % 5)
    return events


def test_every_column_varies_is_mostly_there_and_in_its_range(table: tuple[FeatureSchema, np.ndarray]) -> None:
    schema, rows = table
    assert len(schema.columns) >= 245
    for feature, column in zip(schema.features, rows.T, strict=True):
        values = column[np.isfinite(column)]
        assert np.unique(values).size > 1, feature.name
        assert len(values) > 0.9 * len(column), feature.name
        assert np.all((values >= np.float32(feature.low)) & (values <= np.float32(feature.high))), feature.name


def test_no_two_columns_are_equal(table: tuple[FeatureSchema, np.ndarray]) -> None:
    schema, rows = table
    names: dict[bytes, str] = {}
    for name, column in zip(schema.columns, rows.T, strict=True):
        assert names.setdefault(column.tobytes(), name) == name
