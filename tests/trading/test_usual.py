"""What was usual in training: percentiles worked out by hand, and unknown where there is too little."""

import math

import numpy as np
import pytest

from market.errors import BundleRefused
from trading.usual import MINUTES, Usual, check_usual, is_volatile, open_usual, training_usual, usual_delta

MINUTE_NS = 60_000_000_000
NINE, TEN = 720, 780  # minutes of the day in UTC of 9:00 and 10:00 in São Paulo


def _rows(sessions: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two rows a session, at 9:00 and 10:00: a delta of ±k/100 and ±k/50 in session k."""
    session = np.repeat(np.arange(1, sessions + 1), 2)
    minute = np.tile([NINE, TEN], sessions)
    delta = session / np.where(minute == NINE, 100, 50) * np.where(session % 2, 1, -1)
    return delta.astype(np.float32)[:, None], (session * 1440 + minute) * MINUTE_NS, session


def test_delta_of_a_minute_is_the_95th_percentile_of_the_last_twenty_sessions() -> None:
    rows, ts_ns, session = _rows(25)
    usual = training_usual(("cumulative_signed_volume",), rows, ts_ns, session, np.full(len(session), math.nan))
    # Sessions 6 to 25: the percentile lies 0.95·19 = 18.05 places after the least, between the 19th and the 20th.
    assert usual.delta[NINE] == pytest.approx(0.24 + 0.05 * 0.01)
    assert usual.delta[TEN] == pytest.approx(0.48 + 0.05 * 0.02)
    assert usual_delta(usual, int(ts_ns[0]) + MINUTE_NS - 1) == usual.delta[NINE]
    assert np.isfinite(usual.delta).sum() == 2
    assert np.isnan(usual.levels).all()


def test_deviation_of_a_minute_is_the_95th_percentile_of_the_last_twenty_sessions() -> None:
    rows, ts_ns, session = _rows(25)
    sigma = np.where(np.arange(50) % 2, np.nan, session / 1000)  # unknown at 10:00
    usual = training_usual(("returns_1",), rows, ts_ns, session, sigma)
    # Sessions 6 to 25, as above: 18.05 places after the least.
    assert usual.sigma[NINE] == pytest.approx(0.024 + 0.05 * 0.001)
    assert np.isfinite(usual.sigma).sum() == 1
    assert np.isnan(usual.delta).all()


def test_minute_is_volatile_only_beyond_a_percentile_that_is_known() -> None:
    usual = open_usual()
    usual.sigma[NINE] = 0.02
    at = (5 * 1440 + NINE) * MINUTE_NS
    for sigma, now_ns, volatile in (
        (0.0201, at, True),
        (0.0201, at + MINUTE_NS - 1, True),
        (0.02, at, False),
        (math.nan, at, False),
        (1.0, at + MINUTE_NS, False),
    ):
        assert is_volatile(usual, sigma, now_ns) is volatile


@pytest.mark.parametrize("sessions", [19, 20])
def test_fewer_than_twenty_sessions_tell_nothing(sessions: int) -> None:
    usual = training_usual(("cumulative_signed_volume",), *_rows(sessions), np.zeros(2 * sessions))
    assert math.isnan(usual.delta[NINE]) == (sessions < 20)


def test_session_without_the_minute_leaves_it_unknown() -> None:
    rows, ts_ns, session = _rows(20)
    rows[-2] = np.nan
    usual = training_usual(("cumulative_signed_volume",), rows, ts_ns, session, np.full(len(session), math.nan))
    assert np.isfinite(usual.delta[[NINE, TEN]]).tolist() == [False, True]


def test_levels_are_the_80th_percentile_of_the_size() -> None:
    values = np.array(
        [[0.0, 1.0], [-1.0, np.nan], [2.0, 3.0], [-3.0, 2.0], [4.0, 5.0], [np.inf, 4.0]], dtype=np.float32
    )
    usual = training_usual(("volume_concentration", "tape_slope_60"), values, np.arange(6), np.zeros(6), np.zeros(6))
    # 0 to 4 (3.2 places after the least) and 1 to 5.
    assert usual.levels[1:] == pytest.approx([4.2, 3.2])
    assert math.isnan(usual.levels[0])


@pytest.mark.parametrize(
    "usual",
    [
        Usual(np.zeros(2), np.zeros(MINUTES), np.zeros(MINUTES)),
        Usual(np.zeros(3), np.zeros(MINUTES - 1), np.zeros(MINUTES)),
        Usual(np.zeros(3), np.zeros(MINUTES), np.zeros(MINUTES + 1)),
        Usual(np.zeros(3), np.zeros(MINUTES), np.full(MINUTES, -1e-9)),
        Usual(np.array([0.1, -0.1, 0.1]), np.zeros(MINUTES), np.zeros(MINUTES)),
        Usual(np.zeros(3), np.full(MINUTES, np.inf), np.zeros(MINUTES)),
    ],
)
def test_what_kernels_may_not_read_is_refused(usual: Usual) -> None:
    with pytest.raises(BundleRefused, match="expected usual levels"):
        check_usual(usual)


def test_unknown_is_allowed_and_owned() -> None:
    given = open_usual()
    checked = check_usual(given)
    given.delta[0] = 1.0
    assert math.isnan(checked.delta[0])
