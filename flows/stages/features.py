"""Compute the feature rows of every session, through the same compiled update that trades."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from features.batch import compute_sessions
from features.schema import FeatureSchema
from flows.parameters import Parameters
from flows.progress import steps
from flows.stages.artifacts import read_records, read_table, write_records, write_table, write_text
from flows.stages.dataset import open_dataset
from market.home import Home
from market.stream import Feed
from market.types import BAR

ROWS, BARS, SCHEMA = "features/rows.parquet", "features/bars.parquet", "features/schema.json"
KEYS = ("ts_ns", "session", "regime", "close", "atr", "sigma")


@dataclass(frozen=True)
class FeatureTable:
    """The rows of all sessions, one per decision, and the bars they stand on.

    Parameters
    ----------
    schema : FeatureSchema
        Names the columns, in order.
    rows : ndarray of float32, shape (n, columns)
        NaN until warm.
    ts_ns, session, regime, close, atr, sigma : ndarray, shape (n,)
        Decision time, day number of the session (days since 1970), regime code, close in ticks, ATR in ticks, deviation
        of the last 30 returns.
    bars : ndarray of BAR, shape (n,)
        The bar whose close is the decision.
    """

    schema: FeatureSchema
    rows: np.ndarray
    ts_ns: np.ndarray
    session: np.ndarray
    regime: np.ndarray
    close: np.ndarray
    atr: np.ndarray
    sigma: np.ndarray
    bars: np.ndarray

    def of_sessions(self, numbers: Sequence[int]) -> "FeatureTable":
        """Return the rows of the given sessions."""
        chosen = np.isin(self.session, numbers)
        arrays = {name: getattr(self, name)[chosen] for name in ("rows", *KEYS, "bars")}
        return FeatureTable(self.schema, **arrays)


def run(home: Home, parameters: Parameters) -> FeatureTable:
    """Compute and store the rows of every session of the dataset, held-back ones too."""
    dataset = open_dataset(home, parameters.data)
    schema = dataset.schema(parameters)
    table = compute_rows(schema, dataset.feed, dataset.training + dataset.held_back)
    rows = {name: table.rows[:, index] for index, name in enumerate(schema.columns)}
    keys = {name: getattr(table, name) for name in KEYS}
    write_table(home.artifacts / ROWS, {**{f"_{name}": values for name, values in keys.items()}, **rows})
    write_records(home.artifacts / BARS, table.bars)
    write_text(home.artifacts / SCHEMA, schema.to_json())
    return table


def compute_rows(schema: FeatureSchema, feed: Feed, days: Sequence[dt.date]) -> FeatureTable:
    """Return the rows of some sessions, oldest first."""
    computed = compute_sessions(schema, feed, days)
    parts = [next(computed) for _ in steps(days, "features")]
    sizes = [len(part.ts_ns) for part in parts]
    numbers = [int(feed.session(day)[0]["date"]) for day in days]
    return FeatureTable(
        schema,
        np.concatenate([part.rows for part in parts]),
        np.concatenate([part.ts_ns for part in parts]),
        np.repeat(np.array(numbers, dtype=np.int64), sizes),
        np.concatenate([part.regime for part in parts]),
        np.concatenate([part.close for part in parts]),
        np.concatenate([part.atr for part in parts]),
        np.concatenate([part.sigma for part in parts]),
        np.concatenate([part.bars for part in parts]),
    )


def load(home: Home) -> FeatureTable:
    """Read what `run` stored."""
    columns = read_table(home.artifacts / ROWS)
    schema = FeatureSchema.from_json((home.artifacts / SCHEMA).read_text(encoding="utf-8"))
    rows = np.ascontiguousarray(np.stack([columns[name] for name in schema.columns], axis=1), dtype=np.float32)
    keys = {name: columns[f"_{name}"] for name in KEYS}
    return FeatureTable(schema, rows, bars=read_records(home.artifacts / BARS, BAR), **keys)
