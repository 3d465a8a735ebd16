"""Each pattern of signals.md §5 on situations worked out by hand, and mirrored."""

import math

import numpy as np
import pytest

from trading.patterns import (
    NOTHING,
    find_absorption,
    find_absorption_reversal,
    find_acceleration,
    find_delta_divergence,
    find_exhaustion,
    find_extreme_delta,
    find_iceberg,
    find_initiative,
    find_shape,
    find_slope_divergence,
    find_sweep,
    find_tape_momentum,
)

MS = 1_000_000
SECOND = 1000 * MS
NAN = math.nan


def tape(*trades: tuple[int, int, int]) -> np.ndarray:
    """Return trades of one contract from (milliseconds, price, aggressor)."""
    return np.array([(ms * MS, price, 1, side) for ms, price, side in trades], dtype=np.int64).reshape(-1, 4)


def mirrored(trades: np.ndarray) -> np.ndarray:
    out = trades.copy()
    out[:, 1], out[:, 3] = 2000 - trades[:, 1], -trades[:, 3]
    return out


@pytest.mark.parametrize(
    ("trades", "now_ms", "expected"),
    [
        # Prices 100, 101, 102: three levels in 0.4 s.
        ([(0, 100, 1), (200, 101, 1), (400, 102, 1)], 400, (1.0, 0.6)),
        # Two levels, but three ticks: the level between them was empty.
        ([(0, 100, 1), (200, 103, 1)], 400, (1.0, 0.6)),
        ([(0, 100, 1), (200, 101, 1)], 400, NOTHING),
        # Six levels are more than the five that are full.
        ([(k, 100 + k, 1) for k in range(6)], 400, (1.0, 1.0)),
        # The third level comes 1.001 s after the first; a whole second is still within.
        ([(0, 100, 1), (500, 101, 1), (1001, 102, 1)], 1100, NOTHING),
        ([(0, 100, 1), (500, 101, 1), (1000, 102, 1)], 1100, (1.0, 0.6)),
        # Another aggressor, or an unknown one, ends the run.
        ([(0, 100, 1), (100, 101, 1), (200, 101, -1), (300, 102, 1)], 400, NOTHING),
        ([(0, 100, 1), (100, 101, 1), (200, 101, 0), (300, 102, 1)], 400, NOTHING),
        # Going back is no new level.
        ([(0, 100, 1), (100, 101, 1), (200, 100, 1), (300, 101, 1)], 400, NOTHING),
        # Buyers taking falling prices take no levels.
        ([(0, 103, 1), (100, 102, 1), (200, 101, 1), (300, 100, 1)], 400, NOTHING),
        # Over after ten seconds.
        ([(0, 100, 1), (200, 101, 1), (400, 102, 1)], 10_400, (1.0, 0.6)),
        ([(0, 100, 1), (200, 101, 1), (400, 102, 1)], 10_401, NOTHING),
        # The larger of two speaks, the newer of equal ones.
        ([(0, 100, 1), (1, 101, 1), (2, 102, 1), (3, 103, 1), (5, 103, -1), (6, 102, -1), (7, 101, -1)], 9, (1.0, 0.8)),
        ([(0, 100, 1), (1, 101, 1), (2, 102, 1), (5, 103, -1), (6, 102, -1), (7, 101, -1)], 9, (-1.0, 0.6)),
        ([], 0, NOTHING),
    ],
)
def test_sweep(trades: list[tuple[int, int, int]], now_ms: int, expected: tuple[float, float]) -> None:
    shown = tape(*trades)
    assert find_sweep(shown, now_ms * MS) == pytest.approx(expected)
    assert find_sweep(mirrored(shown), now_ms * MS) == pytest.approx((-expected[0], expected[1]))


@pytest.mark.parametrize(
    ("bid", "ask", "bid_s", "ask_s", "expected"),
    [
        (2.0, 0.0, 5.0, 5.0, (1.0, 0.5)),
        (1.99, 0.0, 5.0, 5.0, NOTHING),
        (2.0, 0.0, 4.99, 5.0, NOTHING),
        (9.0, 0.0, 60.0, 0.0, (1.0, 1.0)),
        (3.0, 2.5, 9.0, 9.0, (1.0, 0.75)),
        (3.0, 3.0, 9.0, 9.0, NOTHING),  # both sides hide as much
        (9.0, 2.0, 1.0, 9.0, (-1.0, 0.5)),  # the larger one does not stand long enough
        (3.0, 0.0, -1.0, 9.0, NOTHING),  # an empty side
    ],
)
def test_iceberg(bid: float, ask: float, bid_s: float, ask_s: float, expected: tuple[float, float]) -> None:
    stands = int(bid_s * SECOND), int(ask_s * SECOND)
    assert find_iceberg(bid, ask, *stands) == expected
    assert find_iceberg(ask, bid, *stands[::-1]) == (-expected[0], expected[1])


@pytest.mark.parametrize(("column", "expected"), [(-1.0, (-1.0, 0.7)), (1.0, (1.0, 0.7)), (0.0, NOTHING)])
def test_absorption(column: float, expected: tuple[float, float]) -> None:
    assert find_absorption(column) == expected


@pytest.mark.parametrize(
    ("volume", "before", "trades", "trades_before", "run", "expected"),
    [
        (49, 100, 4, 10, 3, (-1.0, 0.6)),
        (50, 100, 4, 10, 3, NOTHING),
        (49, 100, 5, 10, 3, NOTHING),
        (49, 100, 4, 10, 2, NOTHING),
        (0, 1, 0, 1, 7, (-1.0, 0.6)),
        (0, 0, 0, 0, 0, NOTHING),
    ],
)
def test_exhaustion(
    volume: int, before: int, trades: int, trades_before: int, run: int, expected: tuple[float, float]
) -> None:
    assert find_exhaustion(volume, before, trades, trades_before, run) == expected
    assert find_exhaustion(volume, before, trades, trades_before, -run) == (-expected[0], expected[1])


@pytest.mark.parametrize(
    ("move", "delta", "expected"),
    [(0.011, -101.0, (-1.0, 0.6)), (0.010, -101.0, NOTHING), (0.011, -100.0, NOTHING), (0.011, 101.0, NOTHING)],
)
def test_delta_divergence(move: float, delta: float, expected: tuple[float, float]) -> None:
    assert find_delta_divergence(move, 0.010, delta, 100.0) == expected
    assert find_delta_divergence(-move, 0.010, -delta, 100.0) == (-expected[0], expected[1])


@pytest.mark.parametrize(("now", "expected"), [(0.31, (1.0, 0.0)), (0.30, NOTHING), (-0.31, (-1.0, 0.0))])
def test_extreme_delta_warns_and_never_votes(now: float, expected: tuple[float, float]) -> None:
    assert find_extreme_delta(now, 0.30) == expected


@pytest.mark.parametrize(
    ("velocity", "flow", "expected"),
    [(2.0, 1.0, NOTHING), (2.5, 0.1, (1.0, 0.5)), (5.0, -1.0, (-1.0, 1.0)), (3.0, 0.0, NOTHING)],
)
def test_acceleration_takes_its_side_from_the_flow(velocity: float, flow: float, expected: tuple[float, float]) -> None:
    assert find_acceleration(velocity, flow) == expected


def _steps(steps: str, buys: int) -> np.ndarray:
    """Return trades from one letter for each price step (u, d, or - for none); the first `buys` are bought."""
    prices = np.cumsum([1000] + [{"u": 1, "d": -1, "-": 0}[step] for step in steps])
    sides = [1 if k < buys else -1 for k in range(len(prices))]
    return tape(*((k, int(p), s) for k, (p, s) in enumerate(zip(prices, sides, strict=True))))


@pytest.mark.parametrize(
    ("steps", "buys", "expected"),
    [
        ("uuuuuuuuuudddd", 8, (1.0, 10 / 14)),
        ("uuuuuuuuuddddd", 8, NOTHING),  # 9 of 14 are 64 %
        ("uuuuuuuuuudddd", 7, NOTHING),  # more sellers
        ("uuuuuuud------", 8, (1.0, 7 / 8)),  # trades at one price are no steps
        ("uuuuuud-------", 8, (1.0, 6 / 7)),  # seven steps are half of fourteen
        ("uuuuuu--------", 8, NOTHING),
        ("ddddddddddu---", 8, NOTHING),  # sellers moved it and buyers traded more
        ("ddddddddddu---", 7, (-1.0, 10 / 11)),
    ],
)
def test_tape_momentum(steps: str, buys: int, expected: tuple[float, float]) -> None:
    assert find_tape_momentum(_steps(steps, buys)) == pytest.approx(expected)
    assert find_tape_momentum(mirrored(_steps(steps, buys))) == pytest.approx((-expected[0], expected[1]))


def test_tape_momentum_takes_the_last_fifteen_trades_and_needs_them() -> None:
    earlier = _steps("uuuuuuuuuudddd", 8)
    earlier[:, 1] += 500
    assert find_tape_momentum(np.concatenate([earlier[:5], _steps("ddddddddddu---", 7)]))[0] == -1.0
    assert math.isnan(find_tape_momentum(_steps("uuuuuuuuuuuuu", 14))[0])


@pytest.mark.parametrize(
    ("delta_z", "rise", "expected"),
    [(2.1, 3, (1.0, 0.65)), (2.0, 3, NOTHING), (2.1, 2, NOTHING), (2.1, -3, NOTHING)],
)
def test_initiative(delta_z: float, rise: int, expected: tuple[float, float]) -> None:
    assert find_initiative(delta_z, rise) == expected
    assert find_initiative(-delta_z, -rise) == (-expected[0], expected[1])


@pytest.mark.parametrize(
    ("delta_z", "delta", "height", "expected"),
    [
        (2.1, 50.0, 2, (-1.0, 0.70)),
        (2.1, 50.0, 3, NOTHING),
        (2.0, 50.0, 2, NOTHING),
        (-2.1, 50.0, 1, (-1.0, 0.70)),  # few buyers where many are usual are buyers still
        (2.1, 0.0, 2, NOTHING),
    ],
)
def test_absorption_reversal(delta_z: float, delta: float, height: int, expected: tuple[float, float]) -> None:
    assert find_absorption_reversal(delta_z, delta, height) == expected
    assert find_absorption_reversal(-delta_z, -delta, height) == (-expected[0], expected[1])


def test_volume_at_the_top_ends_buyers_and_at_the_bottom_sellers() -> None:
    assert find_shape(1.0, -1.0) == (-1.0, 0.65)
    assert find_shape(1.0, 1.0) == (1.0, 0.65)
    assert find_shape(0.0, 1.0) == NOTHING


@pytest.mark.parametrize(
    ("short", "medium", "expected"),
    [(0.31, -0.11, (1.0, 0.7)), (0.30, -0.11, NOTHING), (0.31, -0.10, NOTHING), (0.31, 0.11, NOTHING)],
)
def test_slope_divergence(short: float, medium: float, expected: tuple[float, float]) -> None:
    assert find_slope_divergence(short, medium, 0.30, 0.10) == expected
    assert find_slope_divergence(-short, -medium, 0.30, 0.10) == (-expected[0], expected[1])


@pytest.mark.parametrize(
    "found",
    [
        find_iceberg(NAN, 0.0, SECOND, SECOND),
        find_iceberg(0.0, NAN, SECOND, SECOND),
        find_absorption(NAN),
        find_delta_divergence(0.1, NAN, 1.0, 1.0),
        find_delta_divergence(0.1, 0.1, math.inf, 1.0),
        find_extreme_delta(0.5, NAN),
        find_extreme_delta(NAN, 0.5),
        find_acceleration(NAN, 1.0),
        find_acceleration(3.0, NAN),
        find_initiative(NAN, 5),
        find_absorption_reversal(NAN, 1.0, 0),
        find_absorption_reversal(3.0, NAN, 0),
        find_shape(NAN, 1.0),
        find_slope_divergence(1.0, -1.0, NAN, 0.1),
        find_slope_divergence(NAN, -1.0, 0.1, 0.1),
    ],
)
def test_what_is_not_known_is_neither_there_nor_absent(found: tuple[float, float]) -> None:
    assert math.isnan(found[0])
    assert math.isnan(found[1])
