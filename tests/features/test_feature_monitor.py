"""Live monitors on streams worked by hand, and against NumPy on the last rows."""

import numpy as np
import pytest

from features.monitor import (
    DEAD_AFTER,
    FIRING_RATE,
    NAN_RATE,
    NEVER,
    VARIANCE,
    Band,
    dead_column,
    follow_all,
    forget_runs,
    measure,
    new_monitor,
    observe,
    training_band,
    unusual_columns,
    unwatched_columns,
)
from features.schema import FeatureSchema
from market.errors import NotEnoughData

SCHEMA = FeatureSchema("test", ("returns_1", "rsi_14", "time_normalized"), 60_000_000_000, 0)
NAN = float("nan")
OPEN_BAND = Band(np.full((3, 3), -np.inf), np.full((3, 3), np.inf), np.full(3, DEAD_AFTER))


def fed(rows, window=4):
    monitor = new_monitor(SCHEMA, window)
    for row in rows:
        observe(monitor, np.array(row, dtype=np.float32))
    return monitor


def unusual(monitor, band):
    """Columns of the market outside their band; the drawn clock runs faster in a short draw."""
    found = unusual_columns(SCHEMA, monitor, band)
    return [(one.column, one.statistic) for one in found if one.column != "time_normalized"]


def draw_rows(count: int, seed: int = 5, scale: float = 1.0) -> np.ndarray:
    """A market that moves: two noisy columns, a clock."""
    rng = np.random.default_rng(seed)
    rows = np.column_stack([scale * rng.normal(size=count), 50 + rng.normal(size=count), np.arange(count) / count])
    return rows.astype(np.float32)


def test_statistics_of_the_last_four_rows_by_hand():
    rows = [(9, 9, 9), (1, NAN, 0.0), (3, 0, 0.0), (1, 4, 0.5), (3, NAN, 0.5)]
    monitor = fed(rows)
    # column 0: 1 3 1 3; column 1: NaN 0 4 NaN; column 2: 0 0 .5 .5
    assert [measure(monitor, NAN_RATE, j) for j in range(3)] == [0.0, 0.5, 0.0]
    assert [measure(monitor, FIRING_RATE, j) for j in range(3)] == [1.0, 0.25, 0.5]
    np.testing.assert_allclose([measure(monitor, VARIANCE, j) for j in range(3)], [1.0, 4.0, 0.0625], rtol=1e-12)


def test_infinite_is_as_missing_as_nan_when_it_comes_and_when_it_leaves():
    rows = [(float("inf"), 2, 0), (5, -float("inf"), 0), (7, 4, 0), (9, 0, 0), (5, 2, 0)]
    monitor = fed(rows[:4])
    assert [measure(monitor, NAN_RATE, j) for j in range(2)] == [0.25, 0.25]
    assert [measure(monitor, FIRING_RATE, j) for j in range(2)] == [0.75, 0.5]
    monitor = fed(rows)  # column 0: 5 7 9 5; column 1: -inf 4 0 2
    assert [measure(monitor, NAN_RATE, j) for j in range(2)] == [0.0, 0.25]
    assert [measure(monitor, FIRING_RATE, j) for j in range(2)] == [1.0, 0.5]
    np.testing.assert_allclose([measure(monitor, VARIANCE, j) for j in range(2)], [2.75, 8 / 3], rtol=1e-12)


def test_variance_of_fewer_than_two_finite_values_is_unknown():
    assert np.isnan(measure(fed([(1, NAN, 0), (2, 7, 0)]), VARIANCE, 1))


def test_every_window_agrees_with_numpy_over_long_streams():
    rows = draw_rows(500)
    rows[:, 1] += 1e6  # far from zero, where plain sums of squares lose every digit
    rows[np.random.default_rng(8).random(rows.shape) < 0.1] = NAN
    monitor = new_monitor(SCHEMA, 60)
    for i, row in enumerate(rows):
        observe(monitor, row)
        last = rows[max(0, i - 59) : i + 1].astype(np.float64)
        if i < 3:
            continue
        for j in range(3):
            assert measure(monitor, NAN_RATE, j) == np.isnan(last[:, j]).mean()
            assert measure(monitor, FIRING_RATE, j) == (np.isfinite(last[:, j]) & (last[:, j] != 0)).mean()
            np.testing.assert_allclose(measure(monitor, VARIANCE, j), np.nanvar(last[:, j]), rtol=1e-9, atol=1e-12)


def test_an_input_constant_over_two_hundred_changes_stops_decisions():
    rows = draw_rows(DEAD_AFTER + 1)
    rows[:, 1] = 50.0
    assert dead_column(fed(rows[:-1]), OPEN_BAND) == -1
    assert dead_column(fed(rows), OPEN_BAND) == 1


def test_an_input_that_is_nan_for_as_long_is_as_dead():
    rows = draw_rows(DEAD_AFTER + 1)
    rows[:, 0] = NAN
    assert dead_column(fed(rows), OPEN_BAND) == 0


def test_one_change_begins_the_count_again():
    rows = draw_rows(DEAD_AFTER + 50)
    rows[:, 1] = 50.0
    rows[DEAD_AFTER - 20 :, 1] = 51.0
    assert dead_column(fed(rows), OPEN_BAND) == -1


def test_alternating_input_is_alive():
    rows = draw_rows(3 * DEAD_AFTER)
    rows[:, 1] = np.arange(len(rows)) % 2
    assert dead_column(fed(rows), OPEN_BAND) == -1


def test_the_clock_alone_is_no_market():
    rows = draw_rows(3 * DEAD_AFTER)
    rows[:, :2] = 1.0
    assert dead_column(fed(rows), OPEN_BAND) == -1


def test_forgotten_runs_are_counted_from_the_preload_on():
    rows = draw_rows(2 * DEAD_AFTER)
    rows[:, 1] = 50.0
    monitor = fed(rows[: DEAD_AFTER - 1])
    forget_runs(monitor)
    statistics = [measure(monitor, statistic, 0) for statistic in (NAN_RATE, VARIANCE, FIRING_RATE)]
    follow_all(monitor, rows[DEAD_AFTER:])
    assert monitor.runs.tolist() == [0, DEAD_AFTER - 1, 0]
    assert [measure(monitor, statistic, 0) for statistic in (NAN_RATE, VARIANCE, FIRING_RATE)] == statistics
    assert dead_column(monitor, OPEN_BAND) == -1
    observe(monitor, rows[0])  # the session goes on where the preload ended
    assert dead_column(monitor, OPEN_BAND) == 1


@pytest.mark.parametrize(("stand", "patience"), [(66, 200), (67, 201), (599, 1_797)])
def test_patience_is_three_times_the_longest_stand_of_training(stand, patience):
    rows = draw_rows(600)
    rows[:, 1] = np.arange(600) // (stand + 1)
    assert training_band(SCHEMA, rows, 60).dead_after.tolist() == [DEAD_AFTER, patience, NEVER]


@pytest.mark.parametrize(("rows", "unwatched"), [(1_796, ("rsi_14",)), (1_797, ())])
def test_a_patience_that_no_session_reaches_is_told_and_the_calendar_needs_none(rows, unwatched):
    band = OPEN_BAND._replace(dead_after=np.array([DEAD_AFTER, 1_797, NEVER]))
    assert unwatched_columns(SCHEMA, band, rows) == unwatched


def test_what_stood_still_in_training_may_stand_still_live_but_not_for_ever():
    rows = draw_rows(1_798)
    rows[:600, 1] = 50.0
    band = training_band(SCHEMA, rows[:600], 60)
    rows[:, 1] = 50.0
    assert dead_column(fed(rows[:-1]), band) == -1
    assert dead_column(fed(rows), band) == 1


def test_a_column_that_was_missing_in_training_did_not_stand_still():
    rows = draw_rows(900)
    rows[:500, 1] = NAN
    assert training_band(SCHEMA, rows, 60).dead_after.tolist() == [DEAD_AFTER, DEAD_AFTER, NEVER]


def test_the_calendar_is_never_dead():
    rows = draw_rows(600)
    band = training_band(SCHEMA, rows, 60)
    rows[:, 2] = 0.5
    assert dead_column(fed(rows), band) == -1


def test_band_holds_the_extremes_of_training_with_their_margin():
    rows = np.zeros((4, 3), dtype=np.float32)
    rows[:, 0] = (0, 2, 2, 6)  # variances of two rows: 1, 0, 4; firing rates 1/2, 1, 1
    rows[:, 1] = (NAN, NAN, 1, 1)  # NaN rates 1, 1/2, 0
    band = training_band(SCHEMA, rows, 2)
    assert (band.low[VARIANCE, 0], band.high[VARIANCE, 0]) == (0.0, 16.0)
    np.testing.assert_allclose((band.low[FIRING_RATE, 0], band.high[FIRING_RATE, 0]), (0.45, 1.05))
    np.testing.assert_allclose((band.low[NAN_RATE, 1], band.high[NAN_RATE, 1]), (-0.05, 1.05))
    nothing = training_band(SCHEMA, np.full((4, 3), NAN, dtype=np.float32), 2)
    assert (nothing.low[VARIANCE, 0], nothing.high[VARIANCE, 0]) == (-np.inf, np.inf)


def test_drift_out_of_the_band_names_the_column_and_training_itself_does_not():
    rows = draw_rows(1_000)
    band = training_band(SCHEMA, rows, 100)
    assert unusual(fed(rows, 100), band) == []
    rough = fed(draw_rows(100, seed=6, scale=5.0), 100)
    assert ("returns_1", "variance") in unusual(rough, band)
    (first, *_) = unusual_columns(SCHEMA, rough, band)
    assert first.value > first.high == band.high[VARIANCE, 0]
    holed = draw_rows(100, seed=7)
    holed[::5, 1] = NAN
    assert unusual(fed(holed, 100), band) == [("rsi_14", "nan_rate"), ("rsi_14", "firing_rate")]
    silent = draw_rows(100, seed=7)
    silent[::2, 0] = 0.0
    assert unusual(fed(silent, 100), band) == [("returns_1", "firing_rate")]


def test_before_the_window_is_full_nothing_is_unusual():
    rows = draw_rows(1_000)
    band = training_band(SCHEMA, rows, 100)
    holed = np.full((99, 3), NAN, dtype=np.float32)
    assert unusual(fed(holed, 100), band) == []


def test_too_few_training_rows_make_no_band():
    with pytest.raises(NotEnoughData, match="expected at least the 60 rows of one window, found 59"):
        training_band(SCHEMA, draw_rows(59), 60)
