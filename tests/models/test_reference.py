"""What is kept of a session: counts, labels, calibration and results, each worked by hand."""

import math

import numpy as np

from models.histograms import BINS
from models.reference import CALIBRATION_BINS, RESULT, SAMPLE_ROWS, Observed, build_reference, observe_sessions


def seen(sessions=3, rows=100, columns=2):
    rng = np.random.default_rng(1)
    session = np.repeat(100 + np.arange(sessions), rows)
    values = rng.normal(size=(len(session), columns)).astype(np.float32)
    return Observed(values, session, np.ones(len(session), dtype=np.int8), np.full(len(session), 0.75))


def result(session, net=5.0):
    row = np.zeros(1, dtype=RESULT)
    row["session"], row["net"], row["contracts"], row["fees"], row["slippage"] = session, net, 4, 2.4, 1.6
    return row


def test_counts_add_up_and_every_bin_of_the_reference_holds_its_share():
    reference = build_reference(seen(rows=400), result(101))
    assert reference.sessions.counts.shape == (3, 2, BINS)
    assert reference.sessions.counts.sum(axis=(0, 2)).tolist() == [1200, 1200]
    shares = [12, 18, 30, 60, *[120] * 8, 60, 30, 18, 12]
    assert reference.sessions.counts.sum(axis=0).tolist() == [shares, shares]
    assert np.all(np.diff(reference.centres, axis=1) > 0)


def test_results_stand_at_their_session_and_are_missing_elsewhere():
    results = build_reference(seen(), result(101, net=-7.0)).sessions.results
    assert results["session"].tolist() == [100, 101, 102]
    assert np.isnan(results["net"]).tolist() == [True, False, True]
    assert results["net"][1] == -7


def test_labels_and_calibration_worked_by_hand():
    rows = np.zeros((5, 1), dtype=np.float32)
    rows[4] = math.nan  # not warm: no label counts
    label = np.array([1, -1, 1, 0, 1], dtype=np.int8)
    given = Observed(rows, np.full(5, 7), label, np.array([0.31, 0.35, 1.0, 0.9, 0.55]))
    sessions = observe_sessions(given, result(7), np.full((1, BINS - 1), np.inf), [7])
    assert sessions.labels.tolist() == [[1, 1, 2]]
    expected = np.zeros((CALIBRATION_BINS, 3))
    expected[3] = [2, 0.31 + 0.35, 1]
    expected[9] = [1, 1.0, 1]  # certainty belongs to the last bin; the undecided row to none
    expected[5] = [1, 0.55, 1]
    assert np.allclose(sessions.calibration[0], expected)


def test_sample_is_spread_over_the_session_after_its_first_hour():
    given = seen(rows=160)
    given.rows[70] = math.nan
    reference = build_reference(given, result(101))
    assert len(reference.sample) == 3 * SAMPLE_ROWS
    first = reference.sample[reference.sample_session == 100]
    places = [int(np.flatnonzero((given.rows[:160] == row).all(axis=1))[0]) for row in first]
    assert places[0] == 60
    assert places[-1] == 159
    assert 70 not in places


def test_only_the_last_sessions_are_kept():
    reference = build_reference(seen(sessions=125, rows=3, columns=1), result(101))
    assert reference.sessions.session.tolist() == list(range(105, 225))
