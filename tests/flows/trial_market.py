"""Small invented markets of bars, with and without something to find, taken through the stages to their gates."""

from datetime import date
from pathlib import Path

import numpy as np

from flows.parameters import load_parameters
from flows.stages import backtest, evaluate, features, labels, leaks, train
from flows.stages.dataset import open_dataset
from flows.stages.evaluate import Judged
from market.home import Home
from market.instruments import B3
from market.lake import Lake
from market.lake_manifest import Provenance
from market.types import BAR
from trading.policy import RiskLimits

MINUTE_NS = 60_000_000_000
SESSIONS, FIRST = 90, date(2026, 6, 1)
STEPS = 12  # of the price within a bar
NOISE = 10.0  # ticks a minute
DRIFT = 2.5  # ticks a minute that a lean of strength 1 moves the price
LASTING = 45  # minutes until a lean changes, on average
LEANS = (-1.0, 0.0, 0.0, 0.0, 0.0, 1.0)  # mostly none: where a trade only costs, it matters how choosy a threshold is
PARAMS = Path(__file__).with_suffix(".yaml")


def write_bars(home: Home, contract: str, seed: int, alpha: float) -> None:
    """Write sessions of one-minute bars; with alpha 0 the price is a random walk.

    A lean up or down, which nobody sees, comes now and then and lasts for a while; `alpha` is by how much the price
    follows it. What the last bars did tells of the lean, and so of the next ones.
    """
    lake, random, writes = Lake(home.lake), np.random.default_rng(seed), []
    origin = Provenance(f"trial market {seed} {alpha}", "0" * 64, "test/1", True, "raw")
    price = 60_000.0  # so high that no walk of a market comes down to nothing
    for day in B3.calendar(contract).sessions(FIRST, date(2026, 12, 30))[:SESSIONS]:
        (hours,) = B3.session(contract, day)
        minutes = int(hours["close_ns"] - hours["open_ns"]) // MINUTE_NS
        changes = np.cumsum(random.random(minutes) < 1 / LASTING)
        lean = random.choice(LEANS, size=changes[-1] + 1)[changes]
        steps = random.normal(size=(minutes, STEPS)) * NOISE / STEPS**0.5 + (alpha * DRIFT * lean / STEPS)[:, None]
        path = np.rint(price + np.cumsum(steps).reshape(steps.shape))
        bars = np.zeros(minutes, dtype=BAR)
        bars["open"], bars["high"] = path[:, 0], path.max(axis=1)
        bars["low"], bars["close"] = path.min(axis=1), path[:, -1]
        bars["volume"] = random.integers(200, 400, minutes)
        bars["trades"] = bars["volume"] // 3
        bars["ts_open_ns"] = int(hours["open_ns"]) + np.arange(minutes) * MINUTE_NS
        bars["ts_close_ns"] = bars["ts_open_ns"] + MINUTE_NS
        writes.append((lake.draft("bars", contract, day, origin, 60), bars))
        price = float(path[-1, -1])
    lake.commit(writes)


def judge(home: Home, seed: int, alpha: float) -> Judged:
    """Train on one market, trade its folds, and ask the gates."""
    parameters = load_parameters(PARAMS)
    write_bars(home, parameters.data.contract, seed, alpha)
    features.run(home, parameters)
    labels.run(home, parameters)
    train.run(home, parameters)
    backtest.run(home, parameters, RiskLimits())
    leaks.run(home, parameters)
    return evaluate.judge(home, parameters, open_dataset(home, parameters.data))
