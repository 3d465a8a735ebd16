"""What models cost: forests beside other runtimes, then labels, weights, splits and the flow that trains them.

onnxruntime and tl2cgen have an environment of their own: PREGAO_FOREST_PEERS names an interpreter that has onnx,
onnxruntime, treelite and tl2cgen. What a peer computes is held to what we compute before it is timed.
"""

import json
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import training
from benchmarks.forest_work import (
    Models,
    as_onnx,
    compiled_trees,
    fast_single_row,
    score_each,
    score_from_python,
    train,
)
from benchmarks.rows import Row, less_is_better, more_is_better, race, rounded
from forest.batch import predict_batch

INTERPRETER = "PREGAO_FOREST_PEERS"
ABSENT = f"no peers here: {INTERPRETER} names no interpreter"


@dataclass(frozen=True)
class Sizes:
    """Trees and rows of the forests, rounds of each race, and what training takes."""

    trees: int = 200
    train_rows: int = 20_000
    one: int = 500
    batch: int = 20_000
    rounds: int = 20
    learning: training.Sizes = field(default_factory=training.Sizes)


@dataclass(frozen=True)
class Peers:
    """A process that scores with onnxruntime, what it makes of the rows, and the folder of tl2cgen's libraries."""

    process: Any
    scores: dict[str, list[float]]
    folder: Path

    def score(self, name: str, count: int, one: bool) -> None:
        """Wait for onnxruntime to score the first rows, together or one by one."""
        self.process.stdin.write(json.dumps([name, count, one]) + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "done\n", f"expected {name} scored by the peers"


def measure(sizes: Sizes = Sizes()) -> list[Row]:
    models = train(sizes.trees, sizes.train_rows, sizes.batch)
    with _peers(models) as peers:
        rows = [*_compiled_rows(models, peers, sizes), *_python_rows(models, peers, sizes)]
        rows += _batch_rows(models, peers, sizes)
    return [*rows, *training.measure(sizes.learning)]


def _compiled_rows(models: Models, peers: Peers | None, sizes: Sizes) -> Iterator[Row]:
    """One row at a time, called from a compiled loop on both sides."""
    rows = np.ascontiguousarray(models.rows[: sizes.one])
    for name in ("lightgbm", "xgboost"):
        out, theirs = np.empty(len(rows)), np.empty(len(rows))
        work, ours = f"one row, {name}, from compiled code", _each(models, name, rows, out)
        if name == "lightgbm":
            yield _raced(work, ours, fast_single_row(models.lightgbm, rows, theirs), len(rows), sizes, "SingleRowFast")
            assert np.array_equal(out.view(np.int64), theirs.view(np.int64)), "expected LightGBM's own bits"
        if peers is None:
            yield _alone(work, ours, len(rows), sizes)
            continue
        yield _raced(work, ours, compiled_trees(peers.folder / f"{name}.so", rows, theirs), len(rows), sizes, "tl2cgen")
        np.testing.assert_allclose(theirs, out, rtol=1e-3, atol=1e-4)


def _python_rows(models: Models, peers: Peers | None, sizes: Sizes) -> Iterator[Row]:
    """One row at a time, called from Python on both sides."""
    rows = models.rows[: sizes.one]
    for name, forest in models.flat.items():
        work, ours = f"one row, {name}, from Python", score_from_python(forest, rows)
        if peers is None:
            yield _alone(work, ours, len(rows), sizes)
            continue
        yield _raced(work, ours, _onnx(peers, name, len(rows), one=True), len(rows), sizes, "onnxruntime")


def _batch_rows(models: Models, peers: Peers | None, sizes: Sizes) -> Iterator[Row]:
    """All rows at once, one thread."""
    rows, out = models.rows, np.empty(len(models.rows))
    own: dict[str, tuple[str, Callable[[], object]]] = {
        "lightgbm": ("Booster.predict", lambda: models.lightgbm.predict(rows, raw_score=True)),
        "xgboost": ("inplace_predict", lambda: models.xgboost.inplace_predict(rows, predict_type="margin")),
        "random forest": ("scikit-learn", lambda: models.sklearn.predict_proba(rows)[:, 1]),
    }
    for name, forest in models.flat.items():

        def ours(forest: Any = forest) -> None:
            predict_batch(forest, rows, out)

        peer, theirs = own[name]
        ours()
        assert np.array_equal(out, np.asarray(theirs(), dtype=np.float64)), f"expected {peer}'s own bits"
        yield _raced_batch(name, ours, theirs, peer, sizes)
        if peers is not None:
            np.testing.assert_allclose(peers.scores[name], out, rtol=1e-3, atol=1e-4)
            yield _raced_batch(name, ours, _onnx(peers, name, len(rows), one=False), "onnxruntime", sizes)


def _each(models: Models, name: str, rows: np.ndarray, out: np.ndarray) -> Callable[[], object]:
    return lambda: score_each(models.flat[name], rows, out)


def _onnx(peers: Peers, name: str, count: int, one: bool) -> Callable[[], object]:
    return lambda: peers.score(name, count, one)


def _raced(
    work: str, ours: Callable[[], object], theirs: Callable[[], object], count: int, sizes: Sizes, peer: str
) -> Row:
    mine, other = race(ours, theirs, rounds=sizes.rounds)
    return less_is_better(work, "us", mine / count * 1e6, other / count * 1e6, peer)


def _alone(work: str, ours: Callable[[], object], count: int, sizes: Sizes) -> Row:
    mine, _ = race(ours, lambda: None, rounds=sizes.rounds)
    return Row(f"{work} ({ABSENT})", "us", rounded(mine / count * 1e6))


def _raced_batch(name: str, ours: Callable[[], object], theirs: Callable[[], object], peer: str, sizes: Sizes) -> Row:
    mine, other = race(ours, theirs, rounds=max(1, sizes.rounds // 4))
    thousands = sizes.batch / 1e3
    return more_is_better(f"batch, {name}, one thread", "k rows/s", thousands / mine, thousands / other, peer)


@contextmanager
def _peers(models: Models) -> Iterator[Peers | None]:
    """Start the process of peers, and end it."""
    interpreter = os.environ.get(INTERPRETER)
    if interpreter is None:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="pregao-bench-") as name:
        folder = Path(name)
        models.lightgbm.save_model(folder / "lightgbm.txt")
        models.xgboost.save_model(folder / "xgboost.json")
        np.save(folder / "rows.npy", models.rows)
        for kind, forest in models.flat.items():
            np.savez(folder / f"{kind}.npz", **as_onnx(forest))  # type: ignore[arg-type]
        script = Path(__file__).with_name("forest_peers.py")
        pipe = subprocess.PIPE
        with subprocess.Popen([interpreter, str(script), name], stdin=pipe, stdout=pipe, text=True) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            yield Peers(process, json.loads(_said(process.stdout)), folder)
            process.stdin.close()


def _said(stream: Any) -> str:
    """Return the first line that is an object; the peers' libraries may print before it."""
    found: str | None = next((line for line in stream if line.startswith("{")), None)
    assert found is not None, f"expected peers that start; {INTERPRETER} needs onnx, onnxruntime, treelite and tl2cgen"
    return found
