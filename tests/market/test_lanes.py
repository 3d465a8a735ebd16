"""Every operation on lanes has, in each lane, the bits of the same kernel on that lane's numbers alone."""

import math

import numpy as np
import pytest

from market.elementary import cos, log, sin
from market.kernel import kernel
from market.lanes import (
    INSTRUCTIONS,
    LANES,
    LaneArray,
    bits_of,
    double_of,
    every,
    gather,
    memory_of,
    turn,
    uniform,
    where,
)

TABLE = np.arange(24.0).reshape(8, 3)
WIDTHS = [2, 4, 8]
ROUGH = [0.0, -0.0, math.nan, math.inf, -math.inf, 5e-324, 2.0**-1060, 1.7e308, -1.0, 1.0]


@kernel
def arithmetic(x: np.ndarray, n: np.ndarray, out: np.ndarray) -> None:
    a, b, k, m = x[0], x[1], n[0], n[1]
    out[0], out[1], out[2], out[3] = a + b, a - b, a * b, a / b
    out[4], out[5], out[6], out[7] = a + k, k - m, k * m, k / m
    out[8], out[9], out[10] = (a < b) + (a <= b), (a > b) - (a >= b), (a == b) + 2 * (a != b)
    out[11], out[12], out[13] = (k < m) + (k >= m), (a < b) & (k > m), (a != a) | (k == m)
    out[14], out[15], out[16], out[17] = max(a, b), min(a, b), max(k, 3), max(a, b, 0.5)
    out[18], out[19], out[20], out[21] = abs(a), abs(k), -a, -k
    out[22], out[23], out[24] = math.sqrt(a), math.sqrt(k), math.copysign(2.0, a)
    out[25], out[26] = k >> 3, (k & 7) << 2
    out[27] = log(a)
    out[28] = log(k)
    out[30], out[31] = sin(a), cos(a)
    total = 0
    total += k
    total -= m
    total *= 3
    out[29] = total


@kernel
def selection(x: np.ndarray, n: np.ndarray, out: np.ndarray) -> None:
    a, b, k = x[0], x[1], n[0]
    out[0], out[1], out[2] = where(a > b, a, b), where(a > b, 1.0, 0.0), where(k > 0, k, 0.5)
    out[3] = gather(TABLE, k & 7, 2)
    out[4] = double_of(bits_of(a) >> 1)
    out[5], out[6] = 1.0 if every(a > b) else 0.0, uniform(n, 1)


@kernel
def whole(x: np.ndarray, n: np.ndarray, out: np.ndarray) -> None:
    out[0], out[1], out[2] = int(x[0]), math.floor(x[0]), float(n[0]) * 0.5
    n[0] = x[0] > 1.0


def drawn(width: int, seed: int, rough: bool) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = np.exp(rng.normal(0.0, 3.0, (2, width))) * rng.choice([-1, 1], (2, width))
    if rough:
        x = rng.choice(ROUGH, (2, width))
    return x, rng.choice([rng.integers(-9, 9), 2**40, -(2**62), 1, 0], (2, width)).astype(np.int64)


def both(function, x: np.ndarray, n: np.ndarray, places: int) -> tuple[np.ndarray, np.ndarray]:
    """Return what a kernel writes, by place and lane: of all lanes at once, and of each alone."""
    width = x.shape[1]
    lanes = [LaneArray(np.zeros(len(part), part.dtype), width) for part in (x, n)]
    for array, part in zip(lanes, (x, n), strict=True):
        array.values[:] = part
    together, alone = LaneArray(np.zeros(places), width), np.zeros((width, places))
    function(*lanes, together)
    for lane in range(width):
        function(x[:, lane].copy(), n[:, lane].copy(), alone[lane])
    return together.values, alone.T


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("rough", [False, True])
@pytest.mark.parametrize("function", [arithmetic, selection])
def test_lanes_have_the_bits_of_one_number(function, rough: bool, width: int) -> None:
    for seed in range(60):
        x, n = drawn(width, seed, rough)
        n[1] = n[1, 0]  # uniform; and division by one number is another place's
        together, alone = both(function, x, n, 32)
        if function is selection:
            assert together[5, 0] == float((x[0] > x[1]).all())  # the one answer of all lanes
            together[5] = alone[5] = 0.0
        assert np.array_equal(np.isnan(together), np.isnan(alone)), (seed, x, n)
        same = (together.view(np.int64) == alone.view(np.int64)) | np.isnan(alone)
        assert same.all(), (seed, np.argwhere(~same), x, n)


@pytest.mark.parametrize("width", WIDTHS)
def test_whole_numbers(width: int) -> None:
    x = np.linspace(-7.5, 7.5, width)[np.newaxis]
    together, _ = both(whole, x, np.full((1, width), 3), 3)
    assert together.tolist() == [np.trunc(x[0]).tolist(), np.floor(x[0]).tolist(), [1.5] * width]


@kernel
def _turn(array: np.ndarray, out: np.ndarray) -> float:
    for place in range(0, out.shape[1], out.shape[0]):
        turn(array, place, out)
    return memory_of(array)[1, 1]


@pytest.mark.parametrize("width", WIDTHS)
def test_squares_of_places_become_rows(width: int) -> None:
    array = LaneArray(np.zeros(3 * width, np.float32), width)
    array.values[:] = np.arange(3 * width * width).reshape(3 * width, width)
    out = np.zeros((width, 3 * width), np.float32)
    assert _turn(array, out) == array.values[1, 1]
    assert out.tolist() == array.values.T.tolist()


def test_lanes_of_this_processor() -> None:
    assert (LANES, INSTRUCTIONS) in {(8, "AVX-512"), (4, "AVX2"), (1, "no wide vectors")}


def test_lanes_begin_at_a_line_of_the_cache() -> None:
    array = LaneArray(np.array([1, 2]), 4)
    assert array.values.ctypes.data % 64 == 0
    assert array.values.tolist() == [[1] * 4, [2] * 4]


def test_functions_of_kernels_are_python_too() -> None:
    assert (where(True, 1, 2), every(False), double_of(bits_of(-0.1))) == (1, False, -0.1)
    assert (gather(TABLE, 2, 1), uniform(np.array([4, 5]), 1)) == (7.0, 5)
