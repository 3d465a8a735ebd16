"""Windows from running sums are exact at any size: shares trade more in a bar than a square of 63 bits holds."""

import numpy as np
import pytest

from features.catalogue import index_of

VERY_LARGE = 4_000_000_000  # lots; the square of a window's sum no longer fits


@pytest.mark.parametrize("scale", [1, VERY_LARGE])
def test_volumes_of_any_size_are_those_of_numpy(run_bars, scale):
    rng = np.random.default_rng(7)
    volumes = [int(v) * scale for v in rng.integers(50, 150, 130)]
    buys = [int(v) * share // 10 for v, share in zip(volumes, rng.integers(2, 9, 130).tolist(), strict=True)]
    lines = [(100, 103, 99, 101, v, b, v - b) for v, b in zip(volumes, buys, strict=True)]
    _, seen = run_bars(lines)
    v = np.array(volumes, dtype=np.longdouble)
    for n in (20, 50, 100):
        before = v[-1 - n : -1]
        assert seen[-1, index_of(f"volume_zscore_{n}")] == pytest.approx(float((v[-1] - before.mean()) / before.std()))
    for n in (10, 20):
        window = v[-n:]
        assert seen[-1, index_of(f"bar_concentration_{n}")] == pytest.approx(
            float((window**2).sum() / window.sum() ** 2)
        )


@pytest.mark.parametrize("price", [100, 2_000_000_000])
def test_closes_of_any_size_are_those_of_numpy(run_bars, price):
    rng = np.random.default_rng(8)
    closes = [price + int(step) for step in np.cumsum(rng.integers(-3, 4, 120))]
    _, seen = run_bars([(c, c + 2, c - 2, c, 10, 5, 5) for c in closes])
    window = np.array(closes[-20:], dtype=np.longdouble)
    wanted = float((window[-1] - window.mean()) / (2 * window.std()))
    assert seen[-1, index_of("bb_position")] == pytest.approx(wanted, rel=1e-6)
