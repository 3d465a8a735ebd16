"""The training table: what it holds, which rows train, and which tables no honest model can come from."""

from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import pytest

from market.errors import DataError, NotEnoughData
from market.types import Flag, Regime, bars
from models.labels import BarrierParams, triple_barrier
from models.price_path import bar_volatility, price_path
from models.training_table import TrainingTable, join_labels, leaked_columns, refuse_unfit, trainable

FIRST = date(2026, 6, 1)
BARRIERS = BarrierParams(horizon_bars=2, sigma_multiple=0.0, min_ticks=3, volatility_window=2)


@dataclass(frozen=True)
class SessionFake:
    """The part of a session's features that training reads."""

    rows: np.ndarray
    ts_ns: np.ndarray
    regime: np.ndarray
    bars: np.ndarray


@dataclass(frozen=True)
class RowsFake:
    """Several sessions, one after the other."""

    rows: np.ndarray
    ts_ns: np.ndarray
    session: np.ndarray
    regime: np.ndarray
    sigma: np.ndarray


def build_table(columns, sessions, barriers, half_life_sessions=float("inf")):
    """Label stacked sessions the way the labels stage does."""
    ordered = [sessions[day] for day in sorted(sessions)]
    numbers = [day.toordinal() - date(1970, 1, 1).toordinal() for day in sorted(sessions)]
    session = np.repeat(numbers, [len(one.rows) for one in ordered])
    path = price_path(np.concatenate([one.bars for one in ordered]), session, np.zeros((0, 2), dtype=np.int64), None, 0)
    labels = triple_barrier(path, bar_volatility(path, barriers.volatility_window), np.zeros(len(session)), barriers)
    stacked = [np.concatenate([getattr(one, name) for one in ordered]) for name in ("rows", "ts_ns", "regime")]
    rows = RowsFake(stacked[0], stacked[1], session, stacked[2], np.zeros(len(session)))
    return join_labels(columns, rows, labels, half_life_sessions)


def session_of(closes, day=0, regime=Regime.RANGE):
    records = bars(len(closes))
    records["ts_close_ns"] = 1_000_000 * day + 60 * np.arange(1, len(closes) + 1)
    for name in ("high", "low", "close"):
        records[name] = closes
    rows = np.column_stack([closes, np.arange(len(closes))]).astype(np.float32)
    return SessionFake(rows, records["ts_close_ns"].copy(), np.full(len(closes), regime, np.uint8), records)


# σ is known from row 2 of the first session on. Row 2 sees 105 two bars on: up. Row 3 sees 105, then 104: up.
# Row 4: 104 then 101, four down. Row 5: 101, three down. Row 6 has no later bar.
CLOSES = [100, 101, 100, 101, 105, 104, 101]


def two_sessions(**changes):
    return {FIRST: session_of(CLOSES, 0), FIRST + timedelta(days=1): replace(session_of(CLOSES, 1), **changes)}


def test_labels_sessions_and_intervals_of_two_sessions():
    table = build_table(["close", "minute"], two_sessions(), BARRIERS)
    # Rows 0 and 1 move no more than one tick in two bars; in the first session their σ is not known either.
    assert table.label.tolist() == [0, 0, 1, 1, -1, -1, 0] + [0, 0, 1, 1, -1, -1, 0]
    assert set(table.session[:7]) == {20605}  # 2026-06-01 in days since 1970
    assert set(table.session[7:]) == {20606}
    assert np.flatnonzero(np.isnan(table.ret_ticks)).tolist() == [0, 1, 6, 13]
    assert table.start_ns[2] == 180
    assert table.end_ns[2] == 300
    assert table.columns == ("close", "minute")
    assert table.target()[[2, 4]].tolist() == [1, 0]


def test_gap_in_the_bars_drops_the_labels_that_reach_over_it():
    day = session_of(CLOSES, 0)
    day.bars["flags"][4] = Flag.AFTER_GAP
    table = build_table(["a", "b"], {FIRST: day}, BARRIERS)
    assert table.label[2:4].tolist() == [0, 0]


def test_only_warm_decided_rows_of_a_known_regime_train_and_weigh():
    rows = session_of(CLOSES, 1).rows
    rows[2, 0] = np.nan
    regime = np.array([3, 3, 3, 0, 3, 1, 2], dtype=np.uint8)
    table = build_table(["a", "b"], two_sessions(rows=rows, regime=regime), BARRIERS)
    assert np.flatnonzero(trainable(table)).tolist() == [2, 3, 4, 5, 11, 12]
    assert np.flatnonzero(table.weight > 0).tolist() == [2, 3, 4, 5, 11, 12]


def test_old_sessions_fade_with_the_half_life():
    table = build_table(["a", "b"], two_sessions(), BARRIERS, half_life_sessions=1)
    assert table.weight[2:6] * 2 == pytest.approx(table.weight[9:13])


def table_of(sessions=12, rows_each=10):
    """A table that may be trained on."""
    count = sessions * rows_each
    random = np.random.default_rng(5)
    at = np.arange(count, dtype=np.int64)
    return TrainingTable(
        columns=("flow", "spread"),
        rows=random.normal(size=(count, 2)).astype(np.float32),
        ts_ns=at,
        session=at // rows_each,
        regime=np.full(count, Regime.RANGE, np.uint8),
        sigma=np.ones(count),
        label=np.where(at % 2, 1, -1).astype(np.int8),
        weight=np.ones(count),
        start_ns=at,
        end_ns=at + 1,
        ret_ticks=np.where(at % 2, 1, -1) * random.exponential(size=count),
    )


def test_sound_table_is_accepted():
    refuse_unfit(table_of())


def never_finite(table):
    rows = table.rows.copy()
    rows[:, 1] = np.nan
    return replace(table, rows=rows)


def constant_while_warm(table):
    rows = table.rows.copy()
    rows[:, 0] = 2.5
    rows[0] = [9.0, np.nan]  # varies only in a row that is not warm
    return replace(table, rows=rows)


def one_class(table):
    return replace(table, label=np.abs(table.label))


def no_regime(table):
    return replace(table, regime=np.zeros_like(table.regime))


def one_session_undecided(table):
    return replace(table, label=np.where(table.session == 4, 0, table.label))


def leaked_into(table, values):
    rows = table.rows.copy()
    rows[:, 1] = values
    return replace(table, rows=rows)


def label_as_column(table):
    return leaked_into(table, table.label)


def label_turned_and_scaled(table):
    return leaked_into(table, 7 - 0.01 * table.label)


def label_in_noise(table):
    return leaked_into(table, table.label + 0.4 * np.random.default_rng(2).normal(size=len(table.rows)))


def return_bent(table):
    return leaked_into(table, np.exp(table.ret_ticks))


def return_turned(table):
    """Rank as the return turned round, of which the label, here at random, tells nothing."""
    table = replace(table, ret_ticks=np.random.default_rng(3).permutation(table.ret_ticks))
    return leaked_into(table, -table.ret_ticks)


def mostly_missing(table):
    rows = table.rows.copy()
    rows[30:, 1] = np.nan
    return replace(table, rows=rows)


@pytest.mark.parametrize(
    ("damage", "error", "message"),
    [
        (never_finite, DataError, "never finite: spread"),
        (constant_while_warm, DataError, "constant over all trainable rows: flow"),
        (one_class, DataError, "all 120 trainable labels are 1"),
        (label_as_column, DataError, "tells the outcome: spread"),
        (label_turned_and_scaled, DataError, "tells the outcome: spread"),
        (label_in_noise, DataError, "tells the outcome: spread"),
        (return_bent, DataError, "tells the outcome: spread"),
        (return_turned, DataError, "tells the outcome: spread"),
        (mostly_missing, NotEnoughData, "found 3 .*least often finite is spread, in 25% of the rows"),
        (no_regime, NotEnoughData, r"found 0 \(0 of 120"),
        (one_session_undecided, NotEnoughData, r"at least 12 sessions, found 11 \(110 of 120"),
    ],
)
def test_unfit_table_is_refused_with_its_reason(damage, error, message):
    with pytest.raises(error, match=message):
        refuse_unfit(damage(table_of()))


def test_columns_that_foretell_much_but_not_all_are_no_leak():
    """Three quarters of the pairs in order is an edge nobody has, and still no proof of a look ahead."""
    table = table_of()
    refuse_unfit(leaked_into(table, 0.75 * table.label + np.random.default_rng(2).normal(size=len(table.rows))))


@pytest.mark.parametrize("seed", range(5))
def test_leaks_are_ranked_as_scipy_and_the_curve_rank_them(seed):
    from scipy.stats import spearmanr

    random = np.random.default_rng(seed)
    base = table_of()
    near = base.ret_ticks + random.normal(size=len(base.rows)) * random.uniform(0.05, 0.4)
    table = leaked_into(base, near)
    column = table.rows[:, 1]
    pairs = [(u > d) + 0.5 * (u == d) for u in column[table.label > 0] for d in column[table.label < 0]]
    told = max(abs(2 * np.mean(pairs) - 1), abs(spearmanr(column, table.ret_ticks).statistic))
    assert leaked_columns(table).tolist() == [False, told >= 0.95]


def test_selecting_rows_keeps_the_arrays_together():
    chosen = table_of().select(np.array([3, 7]))
    assert chosen.ts_ns.tolist() == [3, 7]
    assert chosen.rows.shape == (2, 2)
    assert chosen.label.tolist() == [1, 1]


@pytest.mark.parametrize("change", [{"columns": ("flow",)}, {"weight": np.ones(3)}])
def test_arrays_that_do_not_fit_together_are_refused(change):
    with pytest.raises(DataError, match="table: expected"):
        replace(table_of(), **change)
