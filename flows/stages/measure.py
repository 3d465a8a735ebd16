"""Two measurements that gates read: does live equal batch, and how long does a decision take."""

import time
from datetime import date

import numpy as np

from features.pipeline import begin_session as begin_features
from features.pipeline import snapshot, update_bar, update_event
from features.state import new_state
from flows.stages.dataset import Dataset
from flows.stages.features import FeatureTable
from flows.stages.train import BUNDLE
from flows.stages.trainer import paper_trader
from market.home import Home
from registry.bundle import Bundle, load_bundle
from registry.signing import public_key
from trading.paper import begin_session, step

_ROUNDS = 3


def count_differing_rows(dataset: Dataset, table: FeatureTable, day: date) -> tuple[int, int]:
    """Replay a session one event at a time, as live does, and compare with the stored batch rows.

    Returns
    -------
    tuple of int
        Decision points compared, and how many differ in any bit.
    """
    feed, schema = dataset.feed, table.schema
    state, row = new_state(schema), np.zeros(len(schema.columns), dtype=np.float32)
    update = update_bar if feed.kind == "bars" else update_event
    rows: list[bytes] = []
    days = [*feed.preload(day, schema.preload_sessions), day]
    for session in days:
        begin_features(state, feed.session(session)[0])
        for record in feed.load(session):
            if update(state, record) and session == day:
                snapshot(state, row)
                rows.append(row.tobytes())
    batch = table.rows[table.session == int(feed.session(day)[0]["date"])]
    stored = [one.tobytes() for one in batch]
    differing = sum(a != b for a, b in zip(rows, stored, strict=False)) + abs(len(rows) - len(stored))
    return max(len(rows), len(stored)), differing


def decision_latency_us(home: Home, dataset: Dataset, day: date) -> float:
    """Return the 99th percentile of the time from a decision event to its decision, µs, called from Python.

    The session is traded several times and a decision counts with its quickest: what else the machine did meanwhile
    says nothing of the model.
    """
    bundle = load_bundle(home.artifacts / BUNDLE, public_key(home.keys))
    rounds = [_decision_times(dataset, bundle, day) for _ in range(_ROUNDS)]
    return float(np.percentile(np.min(rounds, axis=0), 99)) / 1000.0


def _decision_times(dataset: Dataset, bundle: Bundle, day: date) -> list[int]:
    """Return how long each decision of a session took, ns."""
    trader = paper_trader(dataset, bundle.manifest.costs, bundle.schema, bundle.model)
    begin_session(trader, dataset.feed, day)
    taken: list[int] = []
    for record in dataset.feed.load(day):
        started = time.perf_counter_ns()
        if step(trader, record):
            taken.append(time.perf_counter_ns() - started)
    return taken
