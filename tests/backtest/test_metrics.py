"""The numbers a run is judged by, on runs small enough to work by hand."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backtest.metrics import (
    ROUND_TRIP,
    Trials,
    exposure,
    hit_rate,
    max_drawdown,
    per_hour,
    per_regime,
    profit_factor,
    summarise,
    turnover,
)
from market.errors import ConfigError
from market.types import Regime
from trading.records import Strategy


def trips_earning(*net: float) -> np.ndarray:
    made = np.zeros(len(net), dtype=ROUND_TRIP)
    made["net"] = net
    return made


@pytest.mark.parametrize(
    ("equity", "expected"),
    [
        ([], 0.0),
        ([10.0, 20.0, 30.0], 0.0),
        ([10.0, 30.0, 4.0, 50.0, 24.0], 26.0 / 130.0),  # the same 26 from 50 weighs less
        ([-10.0, -5.0, -20.0], 0.20),  # the peak is the start
        ([0.0, 60.0, -20.0, 100.0], 80.0 / 160.0),
    ],
    ids=["no bars", "always up", "two falls", "never above the start", "through the start"],
)
def test_drawdown_is_the_fall_from_the_peak_over_capital_and_peak(equity, expected):
    assert max_drawdown(np.array(equity), 100.0) == pytest.approx(expected)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-400, 400), max_size=40))
def test_drawdown_equals_the_worst_of_all_pairs(path):
    equity = [0.0, *map(float, path)]
    pairs = ((equity[i] - equity[j]) / (1000.0 + equity[i]) for i in range(len(equity)) for j in range(i, len(equity)))
    assert max_drawdown(np.array(path, dtype=np.float64), 1000.0) == pytest.approx(max(pairs))


def test_session_pnl_is_the_change_of_closing_equity_and_zero_without_bars(make_result):
    result = make_result([[5.0, 12.0], [], [10.0, 30.0], [25.0]])
    assert result.session_pnl().tolist() == [12.0, 0.0, 18.0, -5.0]


def test_session_pnl_of_a_run_that_starts_without_bars(make_result):
    assert make_result([[], [7.0]]).session_pnl().tolist() == [0.0, 7.0]


def test_hit_rate_counts_only_round_trips_that_earned():
    assert hit_rate(trips_earning(10.0, -5.0, 0.0, 2.0)) == 0.5


def test_profit_factor_is_won_over_lost():
    assert profit_factor(trips_earning(10.0, -5.0, 5.0, -1.0)) == 2.5


def test_profit_factor_is_unknown_without_a_loss():
    assert math.isnan(profit_factor(trips_earning(10.0, 0.0)))
    assert math.isnan(profit_factor(trips_earning()))
    assert math.isnan(hit_rate(trips_earning()))


def test_turnover_is_traded_value_per_session_over_capital(make_fills):
    fills = make_fills([(0, 1, 1, 10_000, 0, 0), (1, -1, 2, 11_000, 0, 0)])
    # (10 000 + 22 000) ticks at R$ 5 over 2 sessions of R$ 100 000
    assert turnover(fills, 5.0, 100_000.0, 2) == pytest.approx(0.8)
    assert math.isnan(turnover(fills, 5.0, 100_000.0, 0))


def test_exposure_is_the_share_of_bar_closes_with_a_position(make_fills, make_result):
    # bars close at minutes 1 to 8; long from 1.5 to 4.5, short from the close of bar 6 to 7.5
    fills = make_fills([(1.5, 1, 1, 1, 0, 0), (4.5, -1, 1, 1, 0, 0), (6, -1, 1, 1, 0, 0), (7.5, 1, 1, 1, 0, 0)])
    assert exposure(fills, make_result([[0.0] * 8]).equity_ts_ns) == 5 / 8  # minutes 2, 3, 4, 6, 7
    assert math.isnan(exposure(fills, np.zeros(0, dtype=np.int64)))


def test_regimes_are_told_apart():
    trips = trips_earning(10.0, -4.0, 6.0)
    trips["regime"] = Regime.TREND_UP  # one of them in a volatile minute, which has a row of its own
    trips["strategy"] = [Strategy.VOLATILE, Strategy.TREND_UP, Strategy.VOLATILE]
    up, wild = per_regime(trips)
    assert (up.key, up.round_trips, up.net, up.hit_rate, up.profit_factor) == (Regime.TREND_UP, 1, -4.0, 0.0, 0.0)
    assert (wild.key, wild.round_trips, wild.net, wild.average) == (Strategy.VOLATILE, 2, 16.0, 8.0)
    assert math.isnan(wild.profit_factor)


def test_hours_are_those_of_the_exchange_with_and_without_summer_time():
    trips = trips_earning(1.0, 2.0, 4.0)
    summer_2018 = 1_517_576_400_000_000_000  # 2018-02-02 13:00 UTC, when São Paulo was at UTC-2
    winter_2024 = 1_709_557_199_000_000_000  # 2024-03-04 12:59:59 UTC, UTC-3
    trips["open_ns"] = [summer_2018, winter_2024, winter_2024 + 10**9]
    assert [(part.key, part.net) for part in per_hour(trips)] == [(9, 2.0), (10, 4.0), (11, 1.0)]


def test_a_whole_run_is_summed_up(make_fills, make_decisions, make_result):
    fills = make_fills([(1, 1, 1, 10_000, 1.0, 0), (2, -1, 1, 10_010, 1.0, 1), (3, -1, 1, 10_010, 1.0, 2),
                        (4, 1, 1, 10_014, 1.0, 3)])  # fmt: skip
    decisions = make_decisions([(1, 0, Regime.TREND_UP), (2, 1, 0), (3, 2, Regime.RANGE), (4, 3, 0)])
    result = make_result([[-1.0, 48.0, 47.0, 26.0], [26.0]], fills, decisions)
    metrics = summarise(result, 5.0, 10_000.0)
    assert (metrics.sessions, metrics.round_trips, metrics.fills, metrics.sufficient) == (2, 2, 4, False)
    # +10 ticks and -4 ticks at R$ 5, four fees of R$ 1
    assert (metrics.gross, metrics.fees, metrics.net, metrics.average) == (30.0, 4.0, 26.0, 13.0)
    assert (metrics.hit_rate, metrics.profit_factor) == (0.5, 48.0 / 22.0)
    assert metrics.max_drawdown == pytest.approx(22.0 / 10_048.0)
    # daily 0.0026 and 0: mean 0.0013, sample deviation 0.0013·√2
    assert metrics.sharpe == pytest.approx(math.sqrt(252 / 2))
    assert [part.key for part in metrics.per_regime] == [Regime.TREND_UP, Regime.RANGE]
    assert [part.key for part in metrics.per_hour] == [9]


@pytest.mark.parametrize(("count", "sufficient"), [(99, False), (100, True)])
def test_fewer_than_a_hundred_round_trips_are_insufficient(count, sufficient, make_fills, make_result):
    fills = make_fills([(k, 1 - 2 * (k % 2), 1, 100, 0.0, 0) for k in range(2 * count)])
    assert summarise(make_result([[0.0], [0.0]], fills), 5.0, 1000.0).sufficient is sufficient


def test_a_run_without_a_fill_has_no_ratio_and_no_infinity(make_result):
    metrics = summarise(make_result([]), 5.0, 1000.0)
    named = metrics.as_dict()
    assert (named["sessions"], named["net"], named["max_drawdown"]) == (0, 0.0, 0.0)
    for name in ("sharpe", "deflated_sharpe", "hit_rate", "profit_factor", "turnover", "exposure", "average"):
        assert named[name] is None
    json.dumps(named, allow_nan=False)


def test_named_numbers_leave_out_the_splits(make_result):
    named = summarise(make_result([[1.0], [3.0]]), 5.0, 1000.0).as_dict()
    assert not any(name.startswith("per_") for name in named)
    assert all(value is None or math.isfinite(value) for value in named.values())
    assert named["sufficient"] is False


def test_trials_lower_the_deflated_sharpe_of_a_run(make_result):
    result = make_result([[value] for value in np.cumsum(np.random.default_rng(1).normal(40, 100, 60))])
    alone = summarise(result, 5.0, 10_000.0, Trials(count=1))
    among = summarise(result, 5.0, 10_000.0, Trials(count=200, variance=1.0))
    assert among.deflated_sharpe < alone.deflated_sharpe == alone.probabilistic_sharpe


def test_deflated_sharpe_is_not_told_without_the_trials(make_result):
    assert math.isnan(summarise(make_result([[1.0], [3.0], [2.0]]), 5.0, 1000.0).deflated_sharpe)


@pytest.mark.parametrize("capital", [0.0, -1.0, math.nan, math.inf])
def test_capital_must_be_a_positive_number(capital, make_result):
    with pytest.raises(ConfigError, match="capital"):
        summarise(make_result([[1.0]]), 5.0, capital)


@pytest.mark.parametrize(("count", "variance"), [(0, 0.1), (5, -0.1), (5, math.nan), (5, math.inf)])
def test_trials_must_be_countable(count, variance):
    with pytest.raises(ConfigError, match="trials"):
        Trials(count, variance)
