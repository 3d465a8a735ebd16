"""Hand-made fills, decisions and runs, and one full report."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta

import numpy as np
import pytest

from backtest.metrics import Split
from backtest.report import (
    Calibration,
    EquityCurve,
    Gate,
    LearningCurve,
    MonthOfNotes,
    PaperSummary,
    PriceChart,
    ReportData,
)
from backtest.result import BacktestResult
from market.types import BAR
from trading.records import DECISION, FILL

MINUTE_NS = 60 * 1_000_000_000
DAY_NS = 24 * 60 * MINUTE_NS
# 2024-03-04 12:00 UTC, 09:00 in São Paulo
OPEN_NS = 1_709_553_600_000_000_000

Rows = Sequence[tuple[float, ...]]
MakeRecords = Callable[[Rows], np.ndarray]


def records(dtype: np.dtype, names: Sequence[str], rows: Rows) -> np.ndarray:
    """Return records with the named fields set and the others zero."""
    made = np.zeros(len(rows), dtype=dtype)
    for position, name in enumerate(names):
        made[name] = [row[position] for row in rows]
    return made


@pytest.fixture(scope="session")
def make_fills() -> MakeRecords:
    """Rows of minute after the open, side, quantity, price in ticks, fee in R$, decision."""

    def make(rows: Rows) -> np.ndarray:
        timed = [(OPEN_NS + round(minute * MINUTE_NS), *rest) for minute, *rest in rows]
        return records(FILL, ("ts_ns", "side", "quantity", "price", "fee", "decision"), timed)

    return make


@pytest.fixture(scope="session")
def make_decisions() -> MakeRecords:
    """Rows of minute after the open, number in the session, regime; each in its regime's row of the policy."""

    def make(rows: Rows) -> np.ndarray:
        timed = [(OPEN_NS + round(minute * MINUTE_NS), *rest) for minute, *rest in rows]
        made = records(DECISION, ("ts_ns", "sequence", "regime"), timed)
        made["strategy"] = made["regime"]
        return made

    return make


@pytest.fixture(scope="session")
def make_result() -> Callable[..., BacktestResult]:
    """A run from the equity of each session, one point a minute, and its fills and decisions."""

    def make(
        sessions: Sequence[Sequence[float]], fills: np.ndarray | None = None, decisions: np.ndarray | None = None
    ) -> BacktestResult:
        stamps = [
            OPEN_NS + day * DAY_NS + (k + 1) * MINUTE_NS for day, eq in enumerate(sessions) for k in range(len(eq))
        ]
        return BacktestResult(
            decisions=np.zeros(0, dtype=DECISION) if decisions is None else decisions,
            orders=np.zeros(0),
            fills=np.zeros(0, dtype=FILL) if fills is None else fills,
            equity=np.array([value for equity in sessions for value in equity], dtype=np.float64),
            equity_ts_ns=np.array(stamps, dtype=np.int64),
            session_index=np.repeat(np.arange(len(sessions)), [len(equity) for equity in sessions]),
            sessions=tuple(date(2024, 3, 4) + timedelta(days=k) for k in range(len(sessions))),
            decision_hash="0" * 64,
        )

    return make


@pytest.fixture(scope="session")
def walk() -> np.ndarray:
    """Three sessions of 400 bars, a seeded walk around 5 000 points of WDO (tick 0.5)."""
    draw = np.random.default_rng(11)
    made = np.zeros(1200, dtype=BAR)
    close = 10_000 + np.cumsum(draw.integers(-3, 4, 1200))
    made["close"] = close
    made["open"] = np.append(10_000, close[:-1])
    made["high"] = np.maximum(made["open"], close) + draw.integers(0, 3, 1200)
    made["low"] = np.minimum(made["open"], close) - draw.integers(0, 3, 1200)
    made["ts_open_ns"] = OPEN_NS + np.arange(1200) // 400 * DAY_NS + np.arange(1200) % 400 * MINUTE_NS
    made["ts_close_ns"] = made["ts_open_ns"] + MINUTE_NS
    return made


@pytest.fixture(scope="session")
def bare_report() -> ReportData:
    """A report of a run that produced nothing."""
    return ReportData("Empty", "no run", synthetic=False, provenance={}, metrics={"sufficient": False})


@pytest.fixture(scope="session")
def full_report(walk: np.ndarray, make_fills: MakeRecords) -> ReportData:
    """A report with every part, and every verdict in it."""
    equity = np.cumsum(np.random.default_rng(5).normal(1.0, 20.0, 1200))
    fills = make_fills([(5, 1, 1, 10_003, 1.2, 4), (30, -1, 1, 10_011, 1.2, 29), (50, -1, 1, 9_998, 1.2, 49)])
    numbers: dict[str, float | int | bool | None] = {
        "net": 12_345.6, "sharpe": 1.42, "deflated_sharpe": 0.97, "max_drawdown": 0.034, "profit_factor": 1.31,
        "round_trips": 240, "hit_rate": 0.54, "average": 51.44, "gross": 12_921.6, "fees": 576.0,
        "probabilistic_sharpe": 0.998, "exposure": 0.21, "turnover": 3.2, "fills": 480, "sessions": 120,
        "sufficient": True,
    }  # fmt: skip
    return ReportData(
        title="WDO one minute",
        subtitle="WDO$N · 2024",
        synthetic=True,
        provenance={"source": "market.synthetic", "price_basis": "raw"},
        metrics=numbers,
        per_instrument=(("WDO$N", numbers), ("WIN$N", numbers)),
        per_regime=tuple(Split(key, 60, 100.0 * key - 150.0, 2.5, 0.5, float("nan")) for key in range(5)),
        per_hour=(Split(9, 240, 12_345.6, 51.44, 0.54, 1.31),),
        curve=EquityCurve(walk["ts_close_ns"], equity, np.arange(1200) // 400, 100_000.0),
        prices=(PriceChart("WDO$N", walk, fills, 0.5),),
        calibration=Calibration(np.array([0.4, 0.5, 0.6]), np.array([0.42, 0.5, 0.57]), np.array([90, 200, 80]), 0.021),
        importance={f"feature_{k:02d}": 1.0 / (k + 1) for k in range(25)},
        permutation={"feature_00": 0.004, "feature_01": -0.0002},
        shapley={"feature_00": 0.7, "feature_01": 0.3},
        folds=(120.0, -40.5, 310.0),
        learning=LearningCurve(np.array([0.25, 0.5, 1.0]), np.array([0.69, 0.688, 0.684]), 0.6925),
        coverage={
            "all": {"rows": 4_321, "covered": 0.612, "target": 0.6, "abstained": 0.187},
            "3": {"rows": 0, "covered": None, "target": 0.6, "abstained": None},
        },
        yardstick={
            name: {
                "rows": 5_432,
                "majority": 0.517,
                "frequency_brier": 0.2497,
                "accuracy": 0.498,
                "brier": 0.2731,
                "model_accuracy": model,
                "model_brier": model,
            }
            for name, model in (("next_bars", None), ("next_bars_shared", 0.523), ("barriers", 0.561))
        },
        challenger_gates=(
            Gate("net_sharpe", True, 1.42, 1.0, "annualised, after fees"),
            Gate("pbo", False, 0.31, 0.2, "the chosen trial is often below the median out of sample"),
        ),
        champion_gates=(Gate("improvement", None, None, 0.0, "no champion to compare with"),),
        drift={"adx_14": 0.02, "vwap_distance": 0.18, "ofi_5": 0.61},
        unwatched=("adx_bin", "slope_trend"),
        paper=PaperSummary(5, 2612, 31, -412.6, True, "ab" * 32),
        lineage={"commit": "3f2b1c9", "data hash": "cd" * 32},
        months=(MonthOfNotes(date(2024, 3, 1), 11, 40, -1234.5, 44.0, 3.21, -1281.71),),
    )
