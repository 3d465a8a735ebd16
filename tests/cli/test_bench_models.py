"""`pregao bench models`: every piece of work is measured, and its peers do the same work."""

import os
import subprocess
from dataclasses import asdict

import numpy as np
import pytest

from benchmarks import training
from benchmarks.forest_work import as_onnx
from benchmarks.models import ABSENT, INTERPRETER, Sizes, measure
from tests.forest.test_flat import small_forest

SMALL = Sizes(
    trees=12, train_rows=600, one=20, batch=300, rounds=1,
    learning=training.Sizes(bars=3_000, rows=6_000, columns=9, trees=2, rounds=1, flow=False),
)  # fmt: skip


@pytest.fixture
def no_peers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(INTERPRETER, raising=False)


@pytest.mark.usefixtures("no_peers")
def test_every_piece_of_work_is_measured_and_absent_peers_are_named() -> None:
    rows = [asdict(row) for row in measure(SMALL)]
    assert [row["unit"] for row in rows] == ["us"] * 6 + ["k rows/s"] * 3 + ["M bars/s", "s", "MiB"]
    assert all(row["ours"] > 0 for row in rows)
    peers = [row["peer_name"] for row in rows]
    assert peers == ["SingleRowFast", *[None] * 5, "Booster.predict", "inplace_predict", "scikit-learn", *[None] * 3]
    assert [ABSENT in row["work"] for row in rows] == [False, *[True] * 5, *[False] * 6]
    first = rows[0]
    assert first["ratio"] == pytest.approx(first["peer"] / first["ours"], rel=0.02)


def test_forest_becomes_the_trees_of_onnx() -> None:
    """The trees of the small forest, on paper: (x0 <= 1 ? (x1 <= -2 ? 0.5 : 0.25) : 4.0) and a constant 8.0."""
    trees = {name: values.tolist() for name, values in as_onnx(small_forest()).items()}
    assert trees["nodes_treeids"] == [0, 0, 0, 0, 0, 1]
    assert trees["nodes_nodeids"] == [0, 1, 2, 3, 4, 0]
    assert trees["nodes_values"][:2] == [1.0, -2.0]
    assert trees["nodes_truenodeids"][:2] == [1, 3]
    assert trees["nodes_falsenodeids"][:2] == [2, 4]
    assert trees["nodes_missing_value_tracks_true"][:2] == [1, 0]
    assert trees["target_weights"] == [4.0, 0.5, 0.25, 8.0]


@pytest.mark.nightly
def test_peers_of_another_environment_agree() -> None:
    interpreter = os.environ.get(INTERPRETER)
    if interpreter is None or subprocess.run([interpreter, "-c", "import onnx, tl2cgen"], check=False).returncode:
        pytest.skip(f"{INTERPRETER} names no interpreter with the peers")
    names = {row.peer_name for row in measure(SMALL)}
    assert names >= {"SingleRowFast", "tl2cgen", "onnxruntime"}
    assert np.isfinite([row.ratio for row in measure(SMALL) if row.peer_name]).all()
