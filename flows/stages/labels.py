"""Label every decision of the training sessions, and weigh the labels."""

import numpy as np

from flows.parameters import Parameters
from flows.stages import features
from flows.stages.artifacts import read_records, write_json, write_records
from flows.stages.dataset import Dataset, open_dataset, round_trip_ticks
from market.costs import CostParams
from market.home import Home
from market.quote_bars import quote_bars
from market.stream import Feed
from models.labels import LABEL, BarrierParams, check_shares, triple_barrier
from models.meta_labels import meta_labels
from models.price_path import PricePath, bar_volatility, price_path
from models.training_table import TrainingTable, join_labels

LABELS, SHARES = "labels/labels.parquet", "labels/shares.json"


def run(home: Home, parameters: Parameters) -> None:
    """Label the rows of the training sessions, and store the labels and the shares of their classes.

    Held-back sessions get no label at all. `long_paid` and `short_paid` among the shares are those of rows at which
    that side's trade would have paid its cost: what a signal without an edge may expect.

    Raises
    ------
    DataError
        If a class is too rare or too common to learn from.
    """
    dataset = open_dataset(home, parameters.data)
    rows = training_rows(features.load(home), dataset)
    path, costs = path_of(rows, parameters.labels, dataset.feed), costs_of(rows, parameters.costs, dataset.feed)
    labels = label_path(path, costs, parameters.labels)
    shares = check_shares(labels)
    write_records(home.artifacts / LABELS, labels)
    named = {"down": shares.down, "undecided": shares.undecided, "up": shares.up}
    named |= _paid_shares(path, labels, costs, parameters.labels.horizon_bars)
    write_json(home.artifacts / SHARES, named)


def load(home: Home, parameters: Parameters, dataset: Dataset) -> TrainingTable:
    """Read what `run` stored, and weigh it."""
    labels = read_records(home.artifacts / LABELS, LABEL)
    return join_rows(training_rows(features.load(home), dataset), labels, parameters)


def training_rows(table: features.FeatureTable, dataset: Dataset) -> features.FeatureTable:
    """Return the rows of the training sessions alone."""
    return table.of_sessions([int(dataset.feed.session(day)[0]["date"]) for day in dataset.training])


def label_rows(rows: features.FeatureTable, parameters: Parameters, feed: Feed) -> np.ndarray:
    """Return the LABEL record of every row; `feed` is what the rows come from."""
    costs = costs_of(rows, parameters.costs, feed)
    return label_path(path_of(rows, parameters.labels, feed), costs, parameters.labels)


def label_path(path: PricePath, costs: np.ndarray, params: BarrierParams) -> np.ndarray:
    """Return the LABEL record of every bar; costs are those of a round trip at each, f8[n], in ticks."""
    return triple_barrier(path, bar_volatility(path, params.volatility_window), costs, params)


def path_of(rows: features.FeatureTable, params: BarrierParams, feed: Feed) -> PricePath:
    """Return the bars of the rows with bid and ask: the feed's quotes, or half a stated spread beside the trades."""
    quotes = _quotes(rows, feed) if feed.kind == "events" and len(rows.bars) else None
    return price_path(rows.bars, rows.session, feed.holes(), quotes, params.spread_ticks)


def costs_of(rows: features.FeatureTable, params: CostParams, feed: Feed) -> np.ndarray:
    """Return what a round trip costs on each row's day, f8[n], in ticks."""
    days, row = np.unique(rows.session, return_inverse=True)
    each = round_trip_ticks(feed.instrument, params, days.astype("datetime64[D]").tolist())
    return np.asarray(each[row])


def _quotes(rows: features.FeatureTable, feed: Feed) -> np.ndarray:
    closes, age = rows.bars["ts_close_ns"], rows.schema.book_max_age_ns
    days = np.unique(rows.session).astype("datetime64[D]")
    own = [closes[rows.session == day.astype(np.int64)] for day in days]
    return np.concatenate([quote_bars(feed.load(day.item()), one, age) for day, one in zip(days, own, strict=True)])


def _paid_shares(path: PricePath, labels: np.ndarray, costs: np.ndarray, horizon_bars: int) -> dict[str, float]:
    shares = {}
    for name, side in (("long_paid", 1), ("short_paid", -1)):
        sides = np.full(len(labels), side)
        take = meta_labels(path, labels["barrier_ticks"], sides, costs, horizon_bars)["take"]
        shares[name] = float(np.mean(take[take >= 0]))
    return shares


def join_rows(rows: features.FeatureTable, labels: np.ndarray, parameters: Parameters) -> TrainingTable:
    """Join rows and their labels, and weigh the labels."""
    return join_labels(rows.schema.columns, rows, labels, parameters.learners.half_life_sessions)
