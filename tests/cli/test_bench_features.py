"""`pregao bench features`: every piece of work is measured, and its peers do the same work."""

from dataclasses import asdict

import numpy as np
import pytest

from benchmarks.feature_work import ROLLING, drawn_bars, pandas_columns
from benchmarks.features import GROUPS, Sizes, first_update, measure
from features.catalogue import Need
from features.pipeline import begin_session, snapshot, update_bar
from features.schema import build_schema
from features.state import new_state
from tests.factories import make_session

SMALL = Sizes(ticks=3_000, bars=1_500, calls=200, passes=2, rounds=1)
NO_PEER = {"peer": None, "peer_name": None, "ratio": None}


@pytest.mark.nightly
def test_every_piece_of_work_is_measured() -> None:
    rows = [asdict(row) for row in measure(SMALL)]
    assert [row["unit"] for row in rows] == ["ns"] * 3 + ["us"] * 2 + ["ns"] * (4 + len(GROUPS)) + ["s", "count"]
    assert all(row["ours"] > 0 for row in rows[:-1])
    batch = next(row for row in rows if row["work"].startswith("batch of"))
    assert batch["ratio"] == pytest.approx(batch["peer"] / batch["ours"], rel=0.02)
    assert rows[1]["work"] == "full, 7,080 ticks in one pass, per tick"  # twice 3,000 ticks and 540 minutes
    assert (rows[-1]["work"], rows[-1]["ours"]) == ("compilations after the warm-up", 0.0)
    assert {key: rows[0][key] for key in NO_PEER} == NO_PEER


def test_first_update_takes_less_than_a_second_once_compiled() -> None:
    first_update()
    assert first_update() < 1.0


@pytest.mark.parametrize("name", [name for name in ROLLING if name != "ema20_distance"])
def test_pandas_computes_the_same_columns(name: str) -> None:
    """The first value of an EMA and the first range differ in definition; everything else is equal after warm-up."""
    bars = drawn_bars(400)
    schema = build_schema("full", frozenset({Need.BARS, Need.CALENDAR}), 60_000_000_000, 0)
    state, row, seen = new_state(schema), np.empty(len(schema.columns), dtype=np.float32), []
    begin_session(state, make_session()[0])
    for bar in bars:
        update_bar(state, bar)
        snapshot(state, row)
        seen.append(row.copy())
    theirs = pandas_columns(bars)()
    assert isinstance(theirs, list)
    peer = theirs[list(ROLLING).index(name)].to_numpy()[100:]
    ours = np.array(seen)[100:, schema.columns.index(name)]
    np.testing.assert_allclose(np.clip(peer, -10, 10), ours, rtol=1e-4, atol=1e-5)
