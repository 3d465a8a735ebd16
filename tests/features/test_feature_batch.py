"""Sessions side by side have the bits of each session alone, whatever the lanes and whatever stands in them."""

from datetime import date, timedelta

import numpy as np
import pytest

from features.batch import _begin, _lanes_of, _moment, _replay, _room, compute_sessions
from features.catalogue import Need
from features.layout import BAR_INTS, SESSIONS_BEGUN, TOTAL_KNOWN
from features.pipeline import begin_session, compute_session, replay_bars
from features.schema import FeatureSchema, build_schema
from features.state import new_state
from market.errors import ConfigError
from market.types import BAR
from tests.features.conftest import MINUTE, make_session, room
from tests.features.test_feature_parity import ListFeed

WIDTHS = [*(pytest.param(width, marks=pytest.mark.nightly) for width in (2, 4)), 8]
PRICES = ("open", "high", "low", "close")


@pytest.fixture(scope="module")
def schema() -> FeatureSchema:
    return build_schema("full", frozenset({Need.BARS, Need.CALENDAR}), MINUTE, 2)


def rough_bars(session: np.ndarray, count: int, seed: int) -> np.ndarray:
    """A drawn session: still prices, minutes without trades, doji, volumes whose squares do not fit, a price of 0."""
    rng = np.random.default_rng(seed)
    bars = np.zeros(count, dtype=BAR)
    bars["ts_open_ns"] = session["open_ns"] + np.arange(count) * MINUTE
    bars["ts_close_ns"], bars["instrument"], bars["flags"] = bars["ts_open_ns"] + MINUTE, 7, seed
    close = 5_000 + 40 * (seed % 3) + np.cumsum(rng.integers(-3, 4, count))
    bars["open"], bars["close"] = np.append(close[:1], close[:-1]), close
    bars["high"] = np.maximum(bars["open"], close) + rng.integers(0, 3, count)
    bars["low"] = np.minimum(bars["open"], close) - rng.integers(0, 3, count)
    bars["volume"] = rng.integers(0, 900, count)
    bars["buy_volume"] = bars["volume"] * rng.integers(0, 11, count) // 10
    bars["sell_volume"] = bars["volume"] - bars["buy_volume"]
    bars["buy_trades"], bars["sell_trades"] = rng.integers(0, 5, (2, count))
    bars["trades"], bars["turnover"] = bars["buy_trades"] + bars["sell_trades"], bars["volume"] * close
    for name in ("volume", "buy_volume", "sell_volume", "trades", "buy_trades", "sell_trades"):
        bars[name][rng.random(count) < 0.07] = 0
    still = slice(count // 4, count // 4 + 30)
    for name in PRICES:
        bars[name][still] = 5_000
    bars["volume"][count // 2 : count // 2 + 9] *= 4 * 10**9 if seed % 2 else 1
    if seed % 5 == 3 and count > 90:
        bars["low"][count - 70] = bars["close"][count - 71] = 0
    return bars


def invented(sizes: list[int]) -> ListFeed:
    """A feed of sessions of so many bars."""
    days = [date(2025, 3, 3) + timedelta(days=k) for k in range(len(sizes))]
    hours = [make_session(20_150 + k, 600) for k in range(len(sizes))]
    bars = [rough_bars(one, size, seed) for seed, (one, size) in enumerate(zip(hours, sizes, strict=True))]
    return ListFeed(days, hours, bars, MINUTE, "bars")


@pytest.mark.parametrize("width", WIDTHS)
def test_whole_state_of_every_lane_is_that_of_a_session_alone(schema: FeatureSchema, width: int) -> None:
    """Also what a feed of bars masks, which no column would show: here all sessions have shown an aggressor."""
    hours, count, columns = make_session(20_150, 600), 450, len(schema.columns)
    bars = np.stack([rough_bars(hours, count, seed) for seed in range(width)])
    lanes, seen = _lanes_of(schema, width), _room(schema, width, count)
    for lane in range(width):
        _begin(lanes, lane, hours[0])
    lanes.ints.values[TOTAL_KNOWN] = 1
    _replay(lanes, bars, 0, count, np.zeros(width, dtype=np.int64), _moment(schema, width), seen)
    for lane in range(width):
        state, alone = new_state(schema), room(count, columns)
        begin_session(state, hours[0])
        state.ints[TOTAL_KNOWN] = 1
        replay_bars(state, bars[lane], alone)
        assert lanes.floats.values[:, lane].tobytes() == state.floats.tobytes()
        assert lanes.scratch.values[:, lane].tobytes() == state.scratch.tobytes()
        ours, theirs = lanes.ints.values[:, lane].copy(), state.ints[:BAR_INTS].copy()
        assert np.flatnonzero(ours != theirs).tolist() == [SESSIONS_BEGUN]
        for part, wanted in zip(seen, (alone.rows, alone.regime, alone.atr, alone.sigma), strict=True):
            assert part[lane].tobytes() == wanted.tobytes()
        assert np.isfinite(alone.rows[250:380]).mean() > 0.9


@pytest.mark.parametrize("width", [1, *WIDTHS])
@pytest.mark.parametrize(
    "sizes", [[300] * 3, [120, 7, 0, 75, 300, 41, 1, 260, 90, 33, 0], [0]], ids=["even", "ragged", "empty"]
)
def test_sessions_are_those_computed_one_by_one(schema: FeatureSchema, sizes: list[int], width: int) -> None:
    feed = invented(sizes)
    for day, seen in zip(feed.days, compute_sessions(schema, feed, feed.days, width), strict=True):
        wanted = compute_session(schema, feed, day)
        for name, part, alone in zip(seen._fields, seen, wanted, strict=True):
            assert (part.dtype, part.shape) == (alone.dtype, alone.shape)
            assert part.tobytes() == alone.tobytes(), (day, name)


def test_a_feed_of_events_goes_session_by_session(market, full_schema: FeatureSchema) -> None:
    days = [date(2025, 3, 3) + timedelta(days=k) for k in range(len(market.sessions))]
    feed = ListFeed(days, market.sessions, market.events, full_schema.bar_ns)
    (seen,) = compute_sessions(full_schema, feed, days[2:3], 4)
    assert seen.rows.tobytes() == compute_session(full_schema, feed, days[2]).rows.tobytes()


def test_a_session_is_read_once_for_all_that_it_precedes(schema: FeatureSchema, monkeypatch) -> None:
    feed, read = invented([20] * 6), []
    load = ListFeed.load
    monkeypatch.setattr(ListFeed, "load", lambda self, day: read.append(day) or load(self, day))
    assert len(list(compute_sessions(schema, feed, feed.days[2:], 4))) == 4
    assert read == feed.days


def test_no_sessions(schema: FeatureSchema) -> None:
    assert list(compute_sessions(schema, invented([20]), [], 4)) == []


def test_refuses_bars_of_another_length(schema: FeatureSchema) -> None:
    feed = ListFeed([date(2025, 3, 3)], [], [], 5 * MINUTE, "bars")
    with pytest.raises(ConfigError, match="300000000000"):
        list(compute_sessions(schema, feed, feed.days, 4))
