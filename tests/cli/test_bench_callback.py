"""`pregao bench callback`: every row is measured, and nothing is lost."""

import json
import subprocess
import sys

import numpy as np
import pytest

from benchmarks.callback_orders import _overlap
from tests.commands import CHECKOUT
from tests.live.profitdll.vendor import build_vendor

SHORT = """
import json
from dataclasses import asdict
from benchmarks.callback import Sizes, measure
rows = measure(Sizes(calls=20_000, peer_calls=500, rounds=1, held=500, decided=60_000, trees=3, seconds=0.5,
    recorded=0.2, wakes=20))
print(json.dumps([asdict(row) for row in rows]))
"""


@pytest.mark.nightly
def test_every_row_is_measured() -> None:
    build_vendor()  # skips where there is no compiler
    done = subprocess.run([sys.executable, "-c", SHORT], capture_output=True, text=True, check=False, cwd=CHECKOUT)
    assert done.returncode == 0, done.stderr[-3000:]
    rows = {row["work"]: row for row in json.loads(done.stdout.splitlines()[-1])}
    peers = [row for row in rows.values() if row["peer"] is not None]
    assert len(peers) == 6
    assert all(row["ours"] > 0 and row["ratio"] > 0 for row in peers)
    assert rows["lost of 10,000 events at 20,000/s"]["ours"] == 0
    assert rows["capture: lost of 40,000 events at 200,000/s to disk, Python busy"]["ours"] == 0
    assert any(name.startswith("held at a decision") for name in rows)
    assert any("of 500 order events" in name for name in rows)


@pytest.mark.parametrize(
    ("begin", "end", "expected"), [(0, 9, False), (5, 10, True), (15, 16, True), (20, 30, True), (21, 39, False)]
)
def test_interval_is_left_out_where_it_touches_a_stall(begin: int, end: int, expected: bool) -> None:

    stalls = np.array([[10, 20], [40, 50]])
    assert _overlap(np.array([begin]), np.array([end]), stalls).tolist() == [expected]
