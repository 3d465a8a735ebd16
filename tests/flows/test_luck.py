"""What is measured of luck, from backtests small enough to work on paper."""

import datetime as dt
import math
from statistics import NormalDist

import numpy as np
import pytest

from backtest.result import BacktestResult
from flows.stages import backtest
from flows.stages.artifacts import write_json, write_table
from flows.stages.luck import measure_luck
from flows.stages.standing import Standing
from market.home import Home
from trading.records import DECISION, FILL, ORDER

DAYS = tuple(dt.date(2026, 6, 1) + dt.timedelta(days=number) for number in range(12))
NET = np.array([30.0, -10.0, 20.0, 40.0, -20.0, 30.0, 10.0, 20.0, -10.0, 30.0, 20.0, 10.0])


def deflated(daily: np.ndarray, trials: int, variance: float) -> float:
    """The formulas of the paper, from scratch."""
    normal, ratio, euler = NormalDist(), float(daily.mean() / daily.std(ddof=1)), 0.5772156649015329
    away = (daily - daily.mean()) / daily.std()
    best = (1 - euler) * normal.inv_cdf(1 - 1 / trials) + euler * normal.inv_cdf(1 - 1 / (trials * math.e))
    spread = 1 - float(np.mean(away**3)) * ratio + (float(np.mean(away**4)) - 1) / 4 * ratio**2
    return normal.cdf((ratio - math.sqrt(variance) * best) * math.sqrt(len(daily) - 1) / math.sqrt(spread))


def store(home: Home, grid: np.ndarray, rival: dict[str, object] | None = None) -> None:
    """Leave what the backtest stage leaves."""
    empty = (np.zeros(0, dtype=kind) for kind in (DECISION, ORDER, FILL))
    result = BacktestResult(*empty, np.cumsum(NET), np.arange(12), np.arange(12), DAYS, "d" * 64)
    table = {"ts_ns": result.equity_ts_ns, "equity_reais": result.equity, "session_index": result.session_index}
    write_table(home.artifacts / backtest.EQUITY, table)
    for name, records in ((backtest.DECISIONS, result.decisions), (backtest.ORDERS, result.orders),
                          (backtest.FILLS, result.fills)):  # fmt: skip
        backtest.write_records(home.artifacts / name, records)
    days = [day.isoformat() for day in DAYS]
    write_json(home.artifacts / backtest.METRICS, {"session_days": days, "decision_hash": "d" * 64})
    columns = {f"0.{place}": column for place, column in enumerate(grid.T)}
    write_table(home.artifacts / backtest.TRIALS, {"session": np.array(days), **columns})
    none = {"version": None, "sessions": [], "net": [], "outdated": "", "missing": ""}
    write_json(home.artifacts / backtest.CHAMPION, none | (rival or {}))


def test_ratio_is_deflated_by_every_trial_and_the_spread_of_the_grid(home: Home) -> None:
    grid = np.column_stack([NET, NET - 20.0, -NET])
    store(home, grid)
    found = measure_luck(home, Standing(registered=300, tried={"a": 20}))
    ratios = [column.mean() / column.std(ddof=1) for column in grid.T]
    assert found.trials == 320
    assert found.deflated_sharpe == pytest.approx(deflated(NET, 320, float(np.var(ratios, ddof=1))))
    assert (found.configurations, found.champion_exists, found.compared, found.lower_bound) == (3, False, 0, None)


def test_wider_spread_of_earlier_runs_is_taken_and_a_narrower_one_is_not(home: Home) -> None:
    grid = np.column_stack([NET, NET - 20.0, -NET])
    store(home, grid)
    own = float(np.var([column.mean() / column.std(ddof=1) for column in grid.T], ddof=1)) * 252
    for known, taken in ((own / 2, own), (own * 4, own * 4)):
        found = measure_luck(home, Standing(registered=320, ratio_variance=known))
        assert found.deflated_sharpe == pytest.approx(deflated(NET, 320, taken / 252))


def test_choice_that_always_holds_is_not_overfitted(home: Home) -> None:
    store(home, np.column_stack([NET, NET - 100.0]))
    assert measure_luck(home, Standing()).pbo == 0.0


def test_thresholds_that_never_traded_change_nothing_but_the_number_of_trials(home: Home) -> None:
    grid = np.column_stack([NET, NET - 20.0, -NET])
    store(home, grid)
    here = measure_luck(home, Standing(tried={"a": 20}))
    store(home, np.column_stack([np.zeros(12), grid, np.zeros((12, 4))]))
    assert measure_luck(home, Standing(tried={"a": 20})) == here


def test_one_threshold_leaves_nothing_to_choose(home: Home) -> None:
    store(home, NET[:, None])
    assert measure_luck(home, Standing()).pbo is None


def test_champion_is_beaten_by_what_is_earned_more_on_common_sessions(home: Home) -> None:
    rival = {"version": 3, "sessions": [day.isoformat() for day in DAYS[4:]], "net": (NET[4:] - 7.0).tolist()}
    store(home, np.column_stack([NET, NET]), rival)
    found = measure_luck(home, Standing(champion=3))
    assert (found.champion_exists, found.compared) == (True, 8)
    assert found.lower_bound == pytest.approx(7.0)


def test_champion_that_saw_every_session_is_compared_on_none(home: Home) -> None:
    store(home, np.column_stack([NET, NET]), {"version": 3, "sessions": [], "net": []})
    found = measure_luck(home, Standing(champion=3))
    assert (found.champion_exists, found.compared, found.lower_bound) == (True, 0, None)


def test_champion_that_cannot_be_compared_says_why(home: Home) -> None:
    store(home, np.column_stack([NET, NET]), {"version": 3, "outdated": "format 5"})
    found = measure_luck(home, Standing(champion=3))
    assert (found.champion_exists, found.compared, found.champion_outdated, found.champion_missing) == (
        True, 0, "format 5", "",
    )  # fmt: skip


def test_market_without_a_trade_has_no_ratio(home: Home) -> None:
    store(home, np.zeros((12, 2)))
    write_table(home.artifacts / backtest.EQUITY,
                {"ts_ns": np.arange(12), "equity_reais": np.zeros(12), "session_index": np.arange(12)})  # fmt: skip
    found = measure_luck(home, Standing(tried={"a": 2}))
    assert (found.deflated_sharpe, found.pbo, found.configurations) == (None, None, 0)
