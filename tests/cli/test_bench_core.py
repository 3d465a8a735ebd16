"""`pregao bench core`: every row is measured, with or without the peer, and the peer must agree."""

import json
import pathlib
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from backtest.sweep import Ending, Path, equity, prepare, trades
from benchmarks import execution, sweep
from benchmarks.core import Sizes, measure
from market.types import Kind, Side

PAIR = (10.0, 30.0)


@pytest.mark.nightly
def test_every_row_is_measured() -> None:
    rows = measure(
        Sizes(60_000, trees=3, rounds=1, resting=execution.Sizes(30_000, 1), grid=sweep.Sizes(5_000, 10, 2, 1))
    )
    assert [row.unit for row in rows] == ["ns"] * 4 + ["M ticks/s"] * 2 + ["M bar-runs/s"]
    assert all(row.ours > 0 for row in rows)
    assert [row.work.split(",")[0] for row in rows[:4]] == ["decision event"] * 2 + ["other event"] * 2
    assert rows[0].ours <= rows[1].ours
    assert rows[2].ours <= rows[3].ours
    assert "540 decisions" in rows[4].work
    assert rows[5].work.startswith("execution only, 10 resting orders, 6 filled, in ")
    if rows[5].peer is None:
        assert "(no hftbacktest here: " in rows[5].work
    if rows[6].peer is None:
        assert "(no vectorbt here)" in rows[6].work


@pytest.mark.parametrize("filled", [[1, 2, 3, 6, 7, 8], [1, 2, 3, 6, 7]])
def test_execution_is_compared_with_a_peer_that_fills_the_same(
    filled: list[int], tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    peer = tmp_path / "python"
    answer = json.dumps({"seconds": 0.5, "filled": filled})
    peer.write_text(f"#!/bin/sh\necho '{answer}'\n")
    peer.chmod(0o755)
    monkeypatch.setenv(execution.INTERPRETER, str(peer))
    if len(filled) < 6:
        with pytest.raises(AssertionError, match="filled as ours"):
            execution.execution_row(execution.Sizes(30_000, 1))
        return
    row = execution.execution_row(execution.Sizes(30_000, 1))
    ticks = execution.level_one_day(30_000).size
    assert row.peer == pytest.approx(ticks / 0.5 / 1e6, rel=5e-3)
    assert row.peer_name == "hftbacktest, equal fills"


def test_the_day_of_best_quotes_never_crosses() -> None:
    events = execution.level_one_day(30_000)
    bid = ask = 0
    for kind, side, price in events[["kind", "side", "price"]].tolist():
        if kind == Kind.TRADE:
            continue
        bid, ask = (price, ask) if side == Side.BUY else (bid, price)
        assert bid < ask or ask == 0


def as_vectorbt(path: Path) -> SimpleNamespace:
    """Return what vectorbt leaves of our own trades: orders at the closes that decide, and the value of the account."""
    import pandas as pd

    made = trades(path, *PAIR, sweep.TERMS)
    asked = (made["ending"] == Ending.LEFT) & (made["closed"] < path.close.size - 1)
    index = np.stack([made["opened"] - 1, made["closed"] - asked], axis=1).ravel()
    price = np.stack([made["opened_at"], made["closed_at"]], axis=1).ravel().astype(float)
    records = pd.DataFrame({"col": 0, "idx": index, "price": price})
    value = sweep.TERMS.capital + equity(path, made, sweep.TERMS)
    return SimpleNamespace(orders=SimpleNamespace(records=records), value=lambda: value)


@pytest.mark.parametrize("wrong", ["nothing", "price", "bar", "count", "value"])
def test_a_peer_that_fills_otherwise_is_no_peer(wrong: str) -> None:
    path = prepare(sweep.crossing_signals(3_000))
    peer: Any = as_vectorbt(path)
    records, value = peer.orders.records, peer.value()
    assert len(records) > 50
    if wrong == "price":
        records.loc[7, "price"] += 1e-3
    elif wrong == "bar":
        records.loc[7, "idx"] += 1
    elif wrong == "count":
        peer.orders.records = records.iloc[:-1]
    elif wrong == "value":
        value[1_500:1_505] += 0.01
    if wrong == "nothing":
        sweep.prove_equal(path, PAIR, peer, 0)
        return
    with pytest.raises(AssertionError):
        sweep.prove_equal(path, PAIR, peer, 0)
