"""Models, rows and compiled loops for `benchmarks.models`: ours, LightGBM's fast path for one row, and compiled C."""

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import lightgbm
import numba
import numpy as np
import xgboost
from sklearn.ensemble import RandomForestClassifier

from forest.convert import from_lightgbm, from_sklearn, from_xgboost
from forest.flat import MISSING_RIGHT, FlatForest, ForestKind
from forest.predict import predict_row
from market.kernel import kernel

COLUMNS = 65
RAW_SCORE, FLOAT32 = 1, 0  # of LightGBM's C API


@dataclass(frozen=True)
class Models:
    """The three learners, trained on the same rows, and the flat forest of each."""

    lightgbm: Any
    xgboost: Any
    sklearn: Any
    flat: dict[str, FlatForest]
    rows: np.ndarray


def train(trees: int, train_rows: int, rows: int) -> Models:
    """Train 31 leaves, 31 leaves and depth 10 on drawn rows, part of whose label can be learnt."""
    rng = np.random.default_rng(1)
    drawn = rng.normal(size=(train_rows + rows, COLUMNS)).astype(np.float32)
    noise = 2.0 * rng.normal(size=len(drawn))
    label = (0.3 * drawn[:, :8].sum(axis=1) + drawn[:, 9] * drawn[:, 10] + noise > 0)[:train_rows].astype(int)
    known = drawn[:train_rows]
    common = {"objective": "binary", "num_leaves": 31, "learning_rate": 0.05, "num_threads": 1, "verbosity": -1}
    light = lightgbm.train(common | {"seed": 1}, lightgbm.Dataset(known, label), trees)
    given = {"grow_policy": "lossguide", "max_leaves": 31, "max_depth": 0, "eta": 0.05, "nthread": 1, "seed": 1}
    extreme = xgboost.train({"objective": "binary:logistic", **given}, xgboost.DMatrix(known, label), trees)
    random = RandomForestClassifier(trees, max_depth=10, min_samples_leaf=10, n_jobs=1, random_state=1)
    random.fit(known, label)
    flat = {
        "lightgbm": from_lightgbm(light.model_to_string()),
        "xgboost": from_xgboost(bytes(extreme.save_raw("json"))),
        "random forest": from_sklearn(random),
    }
    return Models(light, extreme, random, flat, drawn[train_rows:])


@kernel
def score_each(forest: FlatForest, rows: np.ndarray, out: np.ndarray) -> None:
    """Score rows one by one in compiled code, as the decision path does."""
    for i in range(rows.shape[0]):
        out[i] = predict_row(forest, rows[i])


def score_from_python(forest: FlatForest, rows: np.ndarray) -> Callable[[], None]:
    """Return the same from Python, a call for each row."""
    each = [np.ascontiguousarray(row) for row in rows]

    def run() -> None:
        for row in each:
            predict_row(forest, row)

    return run


def fast_single_row(booster: Any, rows: np.ndarray, out: np.ndarray) -> Callable[[], None]:
    """Return LightGBM's SingleRowFast over the rows, called from a compiled loop as ours is."""
    from lightgbm.basic import _LIB

    config, length = ctypes.c_void_p(), np.zeros(1, dtype=np.int64)
    failed = _LIB.LGBM_BoosterPredictForMatSingleRowFastInit(
        booster._handle, RAW_SCORE, 0, -1, FLOAT32, ctypes.c_int32(rows.shape[1]), ctypes.c_char_p(b"num_threads=1"),
        ctypes.byref(config),
    )  # fmt: skip
    handle = config.value
    assert failed == 0, "expected LightGBM to take one row at a time"
    assert handle is not None
    call: Any = _LIB["LGBM_BoosterPredictForMatSingleRowFast"]
    call.argtypes, call.restype = (ctypes.c_size_t, *[ctypes.c_void_p] * 3), ctypes.c_int

    def run(handle: int, rows: np.ndarray, length: np.ndarray, out: np.ndarray) -> None:
        for i in range(rows.shape[0]):
            call(handle, rows[i].ctypes, length.ctypes, out[i:].ctypes)

    loop: Callable[..., None] = numba.njit(nogil=True, error_model="numpy")(run)
    return lambda: loop(np.uint64(handle), rows, length, out)


def compiled_trees(library: Path, rows: np.ndarray, out: np.ndarray) -> Callable[[], None]:
    """Return tl2cgen's C over the rows, called from a compiled loop as ours is; it takes its own width of numbers."""
    loaded = ctypes.CDLL(str(library))
    loaded.get_threshold_type.restype = ctypes.c_char_p
    width = np.dtype(loaded.get_threshold_type().decode())
    given, made = rows.astype(width), np.zeros(len(rows), dtype=width)
    loop = _tree_loop(loaded)

    def run() -> None:
        made[:] = 0.0
        loop(given, made)
        out[:] = made

    return run


@cache
def _tree_loop(library: Any) -> Callable[..., None]:
    call: Any = library.predict
    call.argtypes, call.restype = (ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p), None

    def run(rows: np.ndarray, out: np.ndarray) -> None:
        for i in range(rows.shape[0]):
            call(rows[i].ctypes, 1, out[i:].ctypes)

    loop: Callable[..., None] = numba.njit(nogil=True, error_model="numpy")(run)
    return loop


def as_onnx(forest: FlatForest) -> dict[str, np.ndarray]:
    """Return a forest as the attributes of ONNX's TreeEnsembleRegressor."""
    sizes = np.diff(forest.roots)
    tree = np.repeat(np.arange(len(sizes)), sizes)
    place = np.arange(len(tree)) - np.repeat(forest.roots[:-1], sizes)
    step = forest.nodes["step"].astype(np.int64)
    leaf = step == 0
    scale = len(sizes) if forest.header[0] == ForestKind.SKLEARN else 1
    return {
        "nodes_treeids": tree,
        "nodes_nodeids": place,
        "nodes_featureids": forest.nodes["feature"].astype(np.int64),
        "nodes_modes": ~leaf,
        "nodes_values": np.where(leaf, 0.0, forest.nodes["threshold"]),
        "nodes_truenodeids": np.where(leaf, 0, place + step),
        "nodes_falsenodeids": np.where(leaf, 0, place + step + 1),
        "nodes_missing_value_tracks_true": (~leaf & (forest.rules[: len(tree)] & MISSING_RIGHT == 0)).astype(np.int64),
        "target_treeids": tree[leaf],
        "target_nodeids": place[leaf],
        "target_ids": np.zeros(int(leaf.sum()), dtype=np.int64),
        "target_weights": forest.values[leaf] / scale,
        "base_values": forest.base,
    }
