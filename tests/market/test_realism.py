"""Which invented bars are told from real ones, and each statistic against a reference library or a case on paper."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.stats

from market import bar_statistics as statistics
from market.bar_statistics import BarSeries, series_of_bars
from market.calendar import FIRST_DAY, LAST_DAY, shipped_calendar
from market.realism import EXCHANGE_HOURS, judge, judge_by_calendar
from market.types import Flag
from tests.factories import make_bar
from tests.market.invented_bars import (
    GENERATORS,
    Generator,
    Plan,
    clustered_with_uniform_volume,
    flat_filled,
    lively,
    on_weekends,
    open_and_noise,
    random_walk_with_constant_volume,
    random_walk_with_lognormal_volume,
    shuffled_lively,
    through_the_night,
)

HOURS = (525, 1140)


def by_hand(rows: list[tuple[float, float, float, float]], days: list[int] | None = None) -> BarSeries:
    prices = np.array(rows, dtype=np.float64).T
    day = np.array(days or [0] * len(rows))
    return BarSeries(day, 540 + np.arange(len(rows)), *prices, volume=np.ones(len(rows)))


# --- the verdict ---


@pytest.mark.parametrize("minutes", [1, 5, 15])
@pytest.mark.parametrize("seed", range(3))
def test_a_series_with_every_trace_is_real(minutes: int, seed: int) -> None:
    verdict = judge(lively(Plan(12, minutes, seed)), HOURS)
    assert verdict.real
    assert verdict.doubts == ()


TOLD = {
    random_walk_with_constant_volume: ("uniform", "time of day", "volume and absolute return", "kurtosis"),
    random_walk_with_lognormal_volume: ("time of day", "volume and absolute return", "ranges", "kurtosis"),
    open_and_noise: ("more than five decimals", "opens exactly", "high or low", "kurtosis"),
    clustered_with_uniform_volume: ("uniform", "time of day", "volume and absolute return"),
    shuffled_lively: ("absolute returns", "ranges", "time of day"),
    on_weekends: ("on weekends",),
    through_the_night: ("outside the market's hours",),
    flat_filled: ("copies the bar before",),
}


@pytest.mark.parametrize("generate", GENERATORS)
def test_tells_invented_bars_and_why(generate: Generator) -> None:
    verdict = judge(generate(Plan(15, 1, 11)), HOURS)
    assert verdict.real is False
    for reason in TOLD[generate]:
        assert any(reason in doubt for doubt in verdict.doubts), (reason, verdict.doubts)


def test_tells_two_hundred_invented_files_of_five_sessions_and_more() -> None:
    rng = np.random.default_rng(20260601)
    missed = []
    for k in range(200):
        generate = GENERATORS[k % len(GENERATORS)]
        plan = Plan(int(rng.integers(5, 21)), 5 if rng.random() < 0.75 else 1, 1000 + k)
        if judge(generate(plan), HOURS).real is not False:
            missed.append((generate.__name__, plan))
    assert missed == []


def test_one_missing_trace_is_told_but_does_not_condemn() -> None:
    series = lively(Plan(12, 5, 1))
    computed = replace(series, close=series.close - 1e-7 * np.pi)
    verdict = judge(computed, HOURS)
    assert verdict.real is True
    assert verdict.doubts == ("a share of 0.25 of prices has more than five decimals; real markets show at most 0.01",)


def test_two_missing_traces_condemn() -> None:
    series = lively(Plan(12, 5, 1))
    opens = np.append(series.open[0], series.close[:-1])
    chained = replace(series, open=opens, high=np.maximum(series.high, opens), low=np.minimum(series.low, opens))
    verdict = judge(replace(chained, high=chained.high + 1e-7 * np.pi), HOURS)
    assert verdict.real is False
    assert [doubt.partition(" of ")[2][5:] for doubt in verdict.doubts] == [
        "of prices has more than five decimals; real markets show at most 0.01",
        "of bars opens exactly at the close before; real markets show at most 0.97",
    ]


def test_a_weekend_or_a_night_condemns_alone() -> None:
    for generate in (on_weekends, through_the_night):
        verdict = judge(generate(Plan(10, 5, 3)), HOURS)
        assert verdict.real is False
        assert len(verdict.doubts) == 1


def test_a_market_around_the_clock_has_no_night() -> None:
    assert judge(through_the_night(Plan(10, 5, 3))).real is True


def test_one_saturday_bar_in_fifty_is_a_test_of_the_exchange() -> None:
    series = lively(Plan(10, 5, 3))
    tested = replace(series, day=np.where(np.arange(series.day.size) >= series.day.size - 20, 20_617 - 7, series.day))
    assert judge(tested, HOURS).real is True


@pytest.mark.parametrize(
    ("plan", "why"),
    [
        (Plan(4, 1, 1), "4 sessions with 2156 bars"),
        (Plan(5, 15, 1), "5 sessions with 175"),
        (Plan(30, 540, 1), "0 bars"),
    ],
)
def test_too_short_a_series_gets_no_verdict(plan: Plan, why: str) -> None:
    verdict = judge(random_walk_with_constant_volume(plan), HOURS)
    assert verdict.real is None
    assert why in verdict.doubts[0]


def test_an_empty_series_gets_no_verdict() -> None:
    none = np.zeros(0)
    assert judge(BarSeries(none, none, none, none, none, none, none)).real is None


@pytest.mark.parametrize("scale", [0.5, 1024.0])
def test_the_unit_of_prices_and_volumes_does_not_matter(scale: float) -> None:
    for generate in (lively, clustered_with_uniform_volume):
        series = generate(Plan(8, 5, 2))
        scaled = {name: getattr(series, name) * scale for name in ("open", "high", "low", "close", "volume")}
        assert judge(replace(series, **scaled), HOURS) == judge(series, HOURS)


def test_a_dead_series_is_not_real_and_divides_by_nothing() -> None:
    series = lively(Plan(8, 5, 2))
    flat = np.full(series.close.size, 100.0)
    with np.errstate(all="raise"):
        verdict = judge(BarSeries(series.day, series.minute, flat, flat, flat, flat, flat * 0))
    assert verdict.real is False


# --- the statistics ---


def test_ranks_share_the_mean_of_ties() -> None:
    rng = np.random.default_rng(1)
    for values in (rng.integers(0, 20, 200), rng.normal(size=50), np.ones(5), np.zeros(1)):
        assert np.array_equal(statistics.ranks(values), scipy.stats.rankdata(values) - 1)


def test_correlation_and_kurtosis_against_scipy() -> None:
    rng = np.random.default_rng(2)
    left, right = rng.normal(size=300), rng.standard_t(4, size=300)
    both = left + right
    assert statistics.correlation(left, both) == pytest.approx(scipy.stats.pearsonr(left, both).statistic)
    assert statistics.correlation(left, np.ones(300)) == 0.0
    assert statistics.kurtosis(right) == pytest.approx(scipy.stats.kurtosis(right, fisher=False))
    assert statistics.kurtosis(np.ones(9)) == 0.0


def test_distance_from_uniform_against_scipy() -> None:
    values = np.random.default_rng(3).lognormal(5, 1, 400)
    law = scipy.stats.uniform(values.min(), np.ptp(values))
    assert statistics.distance_from_uniform(values) == pytest.approx(scipy.stats.kstest(values, law.cdf).statistic)
    assert statistics.distance_from_uniform(np.full(5, 7.0)) == 1.0


def test_persistence_takes_pairs_of_one_day_only() -> None:
    rows = [(1.0, 1.0, 1.0, 1.0)] * 12
    series = by_hand(rows, [0] * 6 + [1] * 6)
    assert list(series.pairs) == [1, 2, 3, 4, 5, 7, 8, 9, 10, 11]
    values = np.array([0, 1, 0, 1, 0, 1, 0, 1, 0, 1], dtype=np.float64)  # alternates within and across days
    assert statistics.persistence(series, values, (1,)) == pytest.approx(-1.0)
    assert statistics.persistence(series, values, (2,)) == pytest.approx(1.0)
    jumping = np.array([0, 1, 0, 1, 0, 0, 1, 0, 1, 0], dtype=np.float64)  # breaks between the days
    assert statistics.persistence(series, jumping, (1,)) == pytest.approx(-1.0)
    assert statistics.persistence(series, values, (1, 2)) == pytest.approx(0.0)


def test_returns_leave_the_night_out() -> None:
    series = by_hand([(1, 1, 1, 1), (1, 2, 1, 2), (9, 9, 9, 9), (9, 9, 3, 3)], [0, 0, 1, 1])
    assert list(series.returns) == pytest.approx([np.log(2), -np.log(3)])
    assert list(series.move_ranks) == [0, 1]


def test_time_of_day_explains_what_it_makes_and_nothing_else() -> None:
    series = lively(Plan(10, 5, 4))
    made = replace(series, volume=(series.minute // 30).astype(np.float64))
    assert statistics.explained_by_time_of_day(made) == pytest.approx(1.0)
    drawn = [
        statistics.explained_by_time_of_day(replace(series, volume=np.random.default_rng(seed).normal(size=1080)))
        for seed in range(50)
    ]
    assert abs(np.mean(drawn)) < 0.005  # the adjustment takes out what chance explains
    assert statistics.explained_by_time_of_day(replace(series, volume=np.ones(1080))) == 0.0


def test_shapes_of_bars_on_paper() -> None:
    e = np.e
    series = by_hand([(1, e**2, 1, e), (1, e, e**-1, 1), (1, e, e**-1, 1), (1, 1, 1, 1)])
    assert statistics.range_to_body(series) == pytest.approx(6.0)  # ranges 2, 2, 2, 0 over bodies 1, 0, 0, 0
    assert statistics.share_without_wick(series) == pytest.approx((0.25 + 0.5) / 2)  # tops of 1, bottoms of 2 in 4
    assert statistics.share_of_copies(series) == pytest.approx(1 / 3)
    assert statistics.range_to_body(by_hand([(1, 2, 1, 1)])) == np.inf


def test_decimals_that_no_vendor_prints() -> None:
    printed = by_hand([(1.16879, 1.16906, 1.16852, 1.16855), (163_785.0, 3306.5, 5553.123, 0.00001)])
    assert statistics.share_computed(printed) == 0.0
    assert statistics.share_computed(by_hand([(1.168791, 1.16906, 5000.0000071, 1.0)])) == 0.5


def test_weekends_are_saturday_and_sunday() -> None:
    days = np.datetime64("2026-06-01") + np.arange(7)  # a Monday and what follows
    series = by_hand([(1, 1, 1, 1)] * 7, [int(day) for day in days.astype(np.int64)])
    assert statistics.share_on_weekends(series) == pytest.approx(2 / 7)
    assert statistics.share_on_weekends(by_hand([(1, 1, 1, 1)] * 2, [int(days.astype(np.int64)[4])] * 2)) == 0.0
    assert statistics.share_on_weekends(by_hand([(1, 1, 1, 1)], [int(days.astype(np.int64)[5])])) == 1.0


def test_bars_marked_empty_say_nothing() -> None:
    bars = np.concatenate([make_bar(0, (10, 12, 9, 11), 5), make_bar(1, (11, 11, 11, 11), 0, int(Flag.EMPTY))])
    series = series_of_bars(bars, np.array([7, 7]), np.array([540, 541]))
    assert [list(values) for values in (series.day, series.minute, series.high, series.volume)] == [
        [7],
        [540],
        [12],
        [5],
    ]


# --- by calendar ---


def test_a_market_that_trades_on_weekends_may() -> None:
    series = on_weekends(Plan(12, 5, 3))
    assert judge(series, HOURS, weekends=True).real is True
    assert judge_by_calendar(series, shipped_calendar("always")).real is True
    assert judge_by_calendar(series, shipped_calendar("forex")).real is False


def test_a_market_with_hours_is_held_to_them() -> None:
    series = through_the_night(Plan(12, 5, 3))
    assert judge_by_calendar(series, shipped_calendar("b3_dollar")).real is False
    assert judge_by_calendar(series, shipped_calendar("forex")).real is True


@pytest.mark.parametrize("name", ["b3_dollar", "b3_index", "b3_stocks"])
def test_no_session_of_the_tables_lies_outside_the_exchanges_hours(name: str) -> None:
    calendar = shipped_calendar(name)
    days = calendar.sessions(FIRST_DAY, LAST_DAY)
    hours = [calendar.hours_on(day) for day in days]
    first, last = EXCHANGE_HOURS
    assert len(days) > 3_000
    assert min(60 * own.open.hour + own.open.minute for own in hours) >= first
    assert max(60 * own.close.hour + own.close.minute for own in hours) <= last
