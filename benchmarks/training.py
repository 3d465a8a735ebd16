"""What training costs: labels and weights, combinatorial purged splits end to end, and the flow stage by stage."""

from dataclasses import dataclass

import numpy as np

from benchmarks.rows import Row, race, rounded
from flows.meter import Meter
from forest.batch import predict_batch
from forest.flat import ForestKind
from market.types import BAR, Regime
from models.combinatorial import CombinatorialPurged
from models.labels import BarrierParams, triple_barrier
from models.learners import Fitted, LearnerParams, LightGBMParams, Sample, fit
from models.price_path import PricePath, bar_volatility, price_path
from models.spans import spans_of
from models.weights import sample_weights

MINUTE_NS = 60_000_000_000
BARS_OF_A_SESSION = 540
EMBARGO_NS = 30 * MINUTE_NS


@dataclass(frozen=True)
class Sizes:
    """Bars to label, rows and columns to split, trees of each fit, and whether the whole flow runs."""

    bars: int = 1_000_000
    rows: int = 100_000
    columns: int = 118
    trees: int = 100
    rounds: int = 5
    flow: bool = True


def measure(sizes: Sizes = Sizes()) -> list[Row]:
    rows = [labels_row(sizes), *splits_rows(sizes)]
    if sizes.flow:
        from benchmarks import main_job  # takes seconds to load

        rows += [row for row in main_job.measure(paper=False) if row.unit == "s"]
    return rows


def labels_row(sizes: Sizes) -> Row:
    """Bars per second from prices to labels with weights."""
    path, params, costs = drawn_path(sizes.bars), BarrierParams(), np.full(sizes.bars, 1.2)

    def label() -> np.ndarray:
        return sample_weights(
            triple_barrier(path, bar_volatility(path, params.volatility_window), costs, params), path.session
        )

    assert 0.0 < label().mean() < 1.0, "expected labels that share their bars"
    seconds, _ = race(label, lambda: None, rounds=sizes.rounds)
    return Row("triple-barrier labels and their weights", "M bars/s", rounded(sizes.bars / seconds / 1e6))


def splits_rows(sizes: Sizes) -> list[Row]:
    """Seconds and memory of every choice of two blocks in six: split, fit, score, stitch to paths."""
    drawn, label, spans = drawn_table(sizes)
    splitter = CombinatorialPurged(groups=6, test_groups=2, embargo_ns=EMBARGO_NS)
    params = LearnerParams(lightgbm=LightGBMParams(trees=sizes.trees))
    names = tuple(f"column_{place}" for place in range(sizes.columns))
    with Meter("splits") as meter:
        predicted = []
        for train, test in splitter.split(groups=spans):
            sample = Sample(names, drawn[train], label[train], np.ones(len(train)))
            fitted = fit(Regime.TREND_DOWN, sample, params, (ForestKind.LIGHTGBM,))
            assert isinstance(fitted, Fitted), "expected rows enough for a fit"
            out = np.empty(len(test))
            predict_batch(fitted.members[ForestKind.LIGHTGBM].flat, drawn[test], out)
            predicted.append(out)
        paths = splitter.stitch(spans, predicted)
    assert meter.cost is not None
    assert np.isfinite(paths).all(), "expected whole paths"
    what = f"CPCV(6,2), {len(drawn):,} rows of {sizes.columns} columns, {len(predicted)} fits of {sizes.trees} trees"
    return [
        Row(f"{what}, wall time", "s", rounded(meter.cost.seconds)),
        Row(f"{what}, peak memory", "MiB", rounded(meter.cost.peak_mib)),
    ]


def drawn_path(bars: int) -> PricePath:
    """Return minute bars of a walk by ticks, in sessions of nine hours, with a spread of one tick."""
    rng = np.random.default_rng(1)
    drawn = np.zeros(bars, dtype=BAR)
    close = (100_000 + np.cumsum(np.rint(rng.normal(scale=6.0, size=bars)))).clip(min=1_000)
    reach = np.rint(np.abs(rng.normal(scale=4.0, size=(2, bars))))
    drawn["close"], drawn["high"], drawn["low"] = close, close + reach[0], close - reach[1]
    drawn["ts_open_ns"] = np.arange(bars) * MINUTE_NS
    drawn["ts_close_ns"] = drawn["ts_open_ns"] + MINUTE_NS
    return price_path(drawn, np.arange(bars) // BARS_OF_A_SESSION, np.zeros((0, 2), dtype=np.int64), None, 1.0)


def drawn_table(sizes: Sizes) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return rows, labels of 0 and 1 that can partly be learnt, and label intervals of fifteen minutes."""
    rng = np.random.default_rng(2)
    drawn = rng.normal(size=(sizes.rows, sizes.columns)).astype(np.float32)
    label = (0.3 * drawn[:, :8].sum(axis=1) + 2.0 * rng.normal(size=sizes.rows) > 0).astype(np.int64)
    start = np.arange(sizes.rows) * MINUTE_NS
    return drawn, label, spans_of(start, start + 15 * MINUTE_NS, np.arange(sizes.rows) // BARS_OF_A_SESSION)
