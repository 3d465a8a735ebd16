"""No column stands still and none says what another says, each judged on real data that have what it needs.

Sizes at the best quotes are in none of these files: the columns that read them are judged on drawn markets alone.
"""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from features.catalogue import CATALOGUE, Need
from features.pipeline import compute_session, replay
from features.schema import build_schema
from features.state import new_state
from flows.parameters import DataParams
from flows.stages.dataset import open_dataset
from market.home import Home
from market.importer import import_file
from market.lake import Lake
from tests.measured import CRASH_MINUTES, MORNING, MORNING_DAY

OF_TICKS = {Need.TRADES, Need.BOOK}
KNOWN = {Need.BARS, Need.CALENDAR, *OF_TICKS}
Columns = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def of_bars(realdata: Path, tmp_path_factory: pytest.TempPathFactory) -> Columns:
    """Seven sessions of minutes, warm by five before them."""
    home = Home(tmp_path_factory.mktemp("bars"))
    import_file(Lake(home.lake), realdata / CRASH_MINUTES[0])
    dataset = open_dataset(home, DataParams(CRASH_MINUTES[1], "bars", 60, 1))
    schema = build_schema("full", dataset.needs, dataset.feed.bar_ns, 5)
    days = dataset.feed.sessions()[5:12]
    rows = np.concatenate([compute_session(schema, dataset.feed, day).rows for day in days])
    return dict(zip(schema.columns, rows.T, strict=True))


@pytest.fixture(scope="module")
def of_ticks(realdata: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[int, Columns]:
    """The morning after itself, so that the sizes of a day before are known, decided each minute and each half."""
    home, found = Home(tmp_path_factory.mktemp("ticks")), {}
    import_file(Lake(home.lake), realdata / MORNING)
    for seconds in (30, 60):
        dataset = open_dataset(home, DataParams("DOLK20", "events", seconds, 1))
        schema = build_schema("full", dataset.needs, dataset.feed.bar_ns, 1)
        state = new_state(schema)
        replay(state, dataset.feed, MORNING_DAY)
        rows = replay(state, dataset.feed, MORNING_DAY).rows
        needs = {feature.name: feature.needs for feature in schema.features}
        columns = dict(zip(schema.columns, rows.T, strict=True))
        found[seconds] = {name: values for name, values in columns.items() if needs[name] & OF_TICKS}
    return found


def still(columns: Columns) -> list[str]:
    return [name for name, values in columns.items() if np.unique(values[np.isfinite(values)]).size < 2]


def equal(columns: Columns) -> list[tuple[str, str]]:
    ordered = sorted((np.nan_to_num(values, nan=np.inf).tobytes(), name) for name, values in columns.items())
    return [(a[1], b[1]) for a, b in pairwise(ordered) if a[0] == b[0]]


def test_every_column_is_judged(of_bars: Columns, of_ticks: dict[int, Columns]) -> None:
    unjudged = {feature.name for feature in CATALOGUE} - set(of_bars) - set(of_ticks[30])
    assert unjudged == {feature.name for feature in CATALOGUE if not feature.needs <= KNOWN}


def test_bar_columns_on_a_real_crash(of_bars: Columns) -> None:
    assert still(of_bars) == []
    assert equal(of_bars) == []


def test_tape_and_quote_columns_on_a_real_morning(of_ticks: dict[int, Columns]) -> None:
    assert still(of_ticks[30]) == []
    assert equal(of_ticks[30]) == []


def test_at_a_clock_of_a_minute_the_bar_is_the_last_minute(of_ticks: dict[int, Columns]) -> None:
    """A share over 60 s and a share of the bar are one at this clock, and one of them leaves the schema."""
    assert still(of_ticks[60]) == []
    assert equal(of_ticks[60]) == []
    assert "aggressive_buy_ratio" in of_ticks[60]
    assert {"aggressive_buy_ratio", "buy_pressure"} <= of_ticks[30].keys()
    assert "buy_pressure" not in of_ticks[60]
