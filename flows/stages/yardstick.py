"""The yardstick: a plain forest that asks whether the close is higher in five bars, over the same folds as our model.

Ten columns (close, volume, spread, RSI, MACD with its signal and histogram, ATR, a mean of 60 closes, the last return),
200 trees, seed 42. What cannot beat it has learnt nothing. RSI, MACD (in ATR, as here everywhere), ATR and return are
the catalogue's, replayed from each session's preload; the other four are read off the bars. Prices stand in it as
they are, a fault of the original that is part of what it measures.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from itertools import chain
from typing import Any

import numpy as np

from features.batch import Turn, replay_side_by_side
from flows.parameters import Parameters
from flows.stages import features, labels
from flows.stages.artifacts import read_json, read_table
from flows.stages.dataset import Dataset
from flows.stages.train import OUT_OF_FOLD, SUMMARY
from market.home import Home
from market.lanes import LANES
from models.calibration import brier
from models.forward_labels import forward_labels
from models.price_path import PricePath
from models.spans import Split, as_indices, read_rows, spans_of

COMPUTED = ("rsi_14", "macd_line", "macd_signal", "macd_histogram", "atr_14", "returns_1")
COLUMNS = ("close", "volume", "spread", "ma60", *COMPUTED)
TREES, SEED, MEAN_BARS = 200, 42, 60


@dataclass(frozen=True)
class Comparison:
    """How well some rows were foretold; shares in [0, 1], None where there was nothing to count.

    Parameters
    ----------
    rows : int
    majority : float
        Share of the more frequent class.
    frequency_brier : float
        Brier score of the rows' own share of ups, given to each of them.
    accuracy, brier : float
        Of the yardstick.
    model_accuracy, model_brier : float
        Of our model.
    """

    rows: int
    majority: float | None = None
    frequency_brier: float | None = None
    accuracy: float | None = None
    brier: float | None = None
    model_accuracy: float | None = None
    model_brier: float | None = None


def measure_yardstick(home: Home, parameters: Parameters, dataset: Dataset) -> dict[str, dict[str, Any]]:
    """Return what the yardstick and our model foretold in the folds' test sessions.

    Returns
    -------
    dict
        `Comparison` fields by question: `next_bars` over all rows the yardstick answered, to which our model has no
        answer of its own; `next_bars_shared` over those that both answered, and `barriers`, the same rows by our own
        labels. Each is at home in its own question.
    """
    rows = labels.training_rows(features.load(home), dataset)
    path = labels.path_of(rows, parameters.labels, dataset.feed)
    known = forward_labels(path)
    columns = columns_of(path, rows.bars["volume"], computed_columns(rows, dataset))
    spans = spans_of(known["start_ns"], known["end_ns"], rows.session)
    usable = np.isfinite(columns).all(axis=1) & (known["label"] != 0)
    days = [fold["test_days"] for fold in read_json(home.artifacts / SUMMARY)["folds"]]
    up = (known["label"] > 0).astype(np.int64)
    foretold = foretell(columns, up, list(fold_rows(spans, usable, days, parameters.splits.embargo_ns)))
    compared = _compare(rows.ts_ns, up, foretold, read_table(home.artifacts / OUT_OF_FOLD))
    return {name: asdict(one) for name, one in compared}


def computed_columns(rows: features.FeatureTable, dataset: Dataset) -> np.ndarray:
    """Return `COMPUTED` of every row, f4[n, 6], from the bars the rows stand on: no event has to be read again."""
    schema, feed = replace(rows.schema, columns=COMPUTED), dataset.feed
    turns = {day: Turn(feed.session(day), _bars_of(rows, feed.session(day))) for day in dataset.training}
    replays = [[turns[one] for one in (*feed.preload(day, schema.preload_sessions), day)] for day in dataset.training]
    parts = [replay_side_by_side(schema, replays[at : at + LANES], LANES) for at in range(0, len(replays), LANES)]
    return np.concatenate([one.rows for one in chain(*parts)])


def _bars_of(rows: features.FeatureTable, session: np.ndarray) -> np.ndarray:
    return np.asarray(rows.bars[rows.session == int(session[0]["date"])])


def columns_of(path: PricePath, volume: np.ndarray, computed: np.ndarray) -> np.ndarray:
    """Return the rows of `COLUMNS`, f8[n, 10]; NaN until 60 bars are known and the computed columns are warm."""
    mean = np.full(path.close.size, np.nan)
    if mean.size >= MEAN_BARS:
        mean[MEAN_BARS - 1 :] = np.lib.stride_tricks.sliding_window_view(path.close, MEAN_BARS).mean(axis=1)
    return np.column_stack([path.close, volume, path.ask - path.bid, mean, computed])


def fold_rows(
    spans: np.ndarray, usable: np.ndarray, folds: Sequence[Sequence[str]], embargo_ns: int
) -> Iterator[Split]:
    """Yield each fold's training and test rows as indices: all sessions before its test days, purged, and these.

    Parameters
    ----------
    spans : SPAN[n]
        The labels.
    usable : bool[n]
    folds : sequence of sequences of str
        Test days of our model, ISO. A fold whose days have no usable row is left out.
    """
    rows = read_rows(spans)
    for number, texts in enumerate(folds):
        days = np.array([date.fromisoformat(text) for text in texts], dtype="datetime64[D]").astype(np.int64)
        test = usable & rows.of(days)
        if test.any():
            before = usable & (spans["session"] < days[0])
            yield as_indices(rows.purge(before, test, embargo_ns), test, f"the yardstick's fold {number}")


def foretell(columns: np.ndarray, up: np.ndarray, folds: Sequence[Split]) -> np.ndarray:
    """Return the probability of up that each fold's forest gives to its test rows, f8[n]; NaN for all others."""
    from sklearn.ensemble import RandomForestClassifier

    out = np.full(len(up), np.nan)
    for train, test in folds:
        forest = RandomForestClassifier(n_estimators=TREES, random_state=SEED, n_jobs=1)
        forest.fit(columns[train], up[train])
        out[test] = forest.predict_proba(columns[test]) @ forest.classes_  # classes are 0 and 1, or one of them
    return out


def _compare(
    ts_ns: np.ndarray, up: np.ndarray, foretold: np.ndarray, ours: dict[str, np.ndarray]
) -> Iterator[tuple[str, Comparison]]:
    answered = np.flatnonzero(np.isfinite(foretold))
    yield "next_bars", compare(up[answered], foretold[answered])
    _, shared, own = np.intersect1d(ts_ns[answered], ours["ts_ns"], return_indices=True)
    both = foretold[answered][shared], ours["probability"][own]
    yield "next_bars_shared", compare(up[answered][shared], *both)
    yield "barriers", compare(ours["up"][own], *both)


def compare(up: np.ndarray, yardstick: np.ndarray, model: np.ndarray | None = None) -> Comparison:
    """Score probabilities of up, f8[n] each, by what happened (1 up, 0 down); above one half is a word for up."""
    if not len(up):
        return Comparison(0)
    share = float(np.mean(up))
    ours = (None, None) if model is None else _scores(up, model)
    return Comparison(len(up), max(share, 1 - share), share * (1 - share), *_scores(up, yardstick), *ours)


def _scores(up: np.ndarray, p: np.ndarray) -> tuple[float, float]:
    """Return the share of rows that were foretold rightly, and the Brier score."""
    return float(np.mean((p > 0.5) == (up == 1))), brier(p, up)
