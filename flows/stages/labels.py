"""Label every decision of the training sessions, and weigh the labels."""

from dataclasses import dataclass

import numpy as np

from flows.parameters import Parameters
from flows.stages import features
from flows.stages.artifacts import read_records, write_json, write_records
from flows.stages.dataset import Dataset, open_dataset, round_trip_ticks
from market.home import Home
from models.labels import (
    LABEL,
    BarrierParams,
    bar_volatility,
    check_shares,
    price_path,
    refuse_below_cost,
    triple_barrier,
)
from models.training_table import TrainingTable, join_labels

LABELS, SHARES = "labels/labels.parquet", "labels/shares.json"


@dataclass(frozen=True)
class Labelled:
    """The training table and the shares of its classes, undecided ones included."""

    table: TrainingTable
    shares: dict[str, float]


def run(home: Home, parameters: Parameters) -> Labelled:
    """Label the rows of the training sessions; held-back sessions get no label at all.

    Raises
    ------
    DataError
        If a class is too rare or too common to learn from.
    ConfigError
        If barriers are below the cost of a round trip in any session.
    """
    dataset = open_dataset(home, parameters.data)
    dearest = round_trip_ticks(dataset, parameters.costs, dataset.training).max()
    refuse_below_cost(parameters.labels, float(dearest))
    rows = training_rows(features.load(home), dataset)
    labels = label_rows(rows, parameters.labels, dataset.feed.holes())
    shares = check_shares(labels)
    table = join_rows(rows, labels)
    write_records(home.artifacts / LABELS, labels)
    named = {"down": shares.down, "undecided": shares.undecided, "up": shares.up}
    write_json(home.artifacts / SHARES, named)
    return Labelled(table, named)


def load(home: Home, dataset: Dataset) -> TrainingTable:
    """Read what `run` stored."""
    labels = read_records(home.artifacts / LABELS, LABEL)
    return join_rows(training_rows(features.load(home), dataset), labels)


def training_rows(table: features.FeatureTable, dataset: Dataset) -> features.FeatureTable:
    """Return the rows of the training sessions alone."""
    return table.of_sessions([int(dataset.feed.session(day)[0]["date"]) for day in dataset.training])


def label_rows(rows: features.FeatureTable, params: BarrierParams, holes: np.ndarray) -> np.ndarray:
    """Return the LABEL record of every row; `holes` as `Feed.holes` tells them."""
    path = price_path(rows.bars, rows.session, holes)
    return triple_barrier(path, bar_volatility(path, params.volatility_window), params)


def join_rows(rows: features.FeatureTable, labels: np.ndarray) -> TrainingTable:
    """Join rows and their labels, and weigh the labels."""
    return join_labels(rows.schema.columns, rows, labels)
