"""Was a bar series printed by a market, or invented?

Every market leaves the same traces, whatever it trades: big moves follow big moves and come with volume, volume
persists and has its hours, extreme moves are common, a bar's range has the geometry of many small steps. Generators
miss several of them at once. One trace missing is a doubt to be told; two condemn a series, and a few do so alone.

Each threshold lies between what windows of real files show (17 series of three futures, a stock and two currencies,
windows of 5, 10 and 20 sessions) and what generators give; the figure beside it is the real extreme.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from market import bar_statistics as statistics
from market.bar_statistics import BarSeries
from market.calendar import ROUND_THE_CLOCK, Calendar

FEWEST_SESSIONS = 5
FEWEST_RETURNS = 300  # within sessions; below it real windows and generators overlap
DOUBTS_THAT_CONDEMN = 2
# Exchanges test on Saturdays (4 % of a real window) and currencies open late on Sunday (2 % of a week).
MOST_ON_WEEKENDS = 0.05
WEEKEND = frozenset({5, 6})
# 08:45 to 19:00: no session of the exchange's tables begins earlier or ends later.
EXCHANGE_HOURS = (8 * 60 + 45, 19 * 60)
MOST_OUTSIDE_HOURS = 0.01  # the share of rows an import may set aside


@dataclass(frozen=True)
class Realism:
    """A verdict.

    Parameters
    ----------
    real : bool or None
        False where the series was invented; None where it is too short to tell.
    doubts : tuple of str
        One sentence per trace that is missing, with its number and threshold; for None, what is too short.
    """

    real: bool | None
    doubts: tuple[str, ...]


@dataclass(frozen=True)
class _Trace:
    """What a market's bars show: a number within [low, high]."""

    measure: Callable[[BarSeries], float]
    low: float
    high: float
    sentence: str
    decisive: bool = False


_ANY = float("inf")


def _volume_with_moves(series: BarSeries) -> float:
    return statistics.correlation(series.volume_ranks, series.move_ranks)


def _moves_follow_moves(series: BarSeries) -> float:
    return statistics.persistence(series, series.move_ranks)


def _ranges_follow_ranges(series: BarSeries) -> float:
    return statistics.persistence(series, series.range_ranks)


def _volume_follows_volume(series: BarSeries) -> float:
    return statistics.persistence(series, series.volume_ranks)


def _returns_follow_returns(series: BarSeries) -> float:
    return statistics.persistence(series, series.returns, (1,))


def _fat_tails(series: BarSeries) -> float:
    return statistics.kurtosis(series.returns)


def _uneven_volume(series: BarSeries) -> float:
    return statistics.distance_from_uniform(series.volume)


def _unchanged(series: BarSeries) -> float:
    return float((series.returns == 0).mean())


def _opens_at_close(series: BarSeries) -> float:
    return float((series.open[series.pairs] == series.close[series.pairs - 1]).mean())


_TRACES = (
    # real windows: 0 to 0.04
    _Trace(statistics.share_on_weekends, 0.0, MOST_ON_WEEKENDS, "a share of {:.2f} of bars is on weekends", True),
    # 0 to 0.23, at the locked limits of March 2020
    _Trace(statistics.share_of_copies, 0.0, 0.5, "a share of {:.2f} of bars copies the bar before", True),
    # 0
    _Trace(statistics.share_computed, 0.0, 0.01, "a share of {:.2f} of prices has more than five decimals"),
    # 0.16 to 0.71
    _Trace(_volume_with_moves, 0.1, 0.95, "volume and absolute return correlate by {:.2f}"),
    # -0.03 to 0.62: weak in short windows, so the bound only asks for more than nothing
    _Trace(_moves_follow_moves, 0.01, _ANY, "absolute returns have a mean autocorrelation of {:.3f}"),
    # 0.10 to 0.82
    _Trace(_ranges_follow_ranges, 0.08, _ANY, "ranges have a mean autocorrelation of {:.2f}"),
    # 0.30 to 0.90
    _Trace(_volume_follows_volume, 0.2, 0.99, "volume has a mean autocorrelation of {:.2f}"),
    # 0.03 to 0.83
    _Trace(statistics.explained_by_time_of_day, 0.015, _ANY, "the time of day explains a share of {:.3f} of volume"),
    # 3.06 to 585; a normal law has 3
    _Trace(_fat_tails, 3.25, _ANY, "returns have a kurtosis of {:.2f}"),
    # 0.14 to 0.996
    _Trace(_uneven_volume, 0.08, 0.9999, "volume lies {:.3f} from a uniform distribution"),
    # -0.35 to 0.25
    _Trace(_returns_follow_returns, -0.4, 0.4, "returns have an autocorrelation of {:.2f}"),
    # 0.00 to 0.26
    _Trace(_unchanged, 0.0, 0.5, "a share of {:.2f} of closes does not move"),
    # 0.02 to 0.88
    _Trace(_opens_at_close, 0.0, 0.97, "a share of {:.2f} of bars opens exactly at the close before"),
    # 1.75 to 2.98
    _Trace(statistics.range_to_body, 1.2, 4.0, "bars range over {:.2f} times their open-to-close distance"),
    # 0.013 to 0.41
    _Trace(statistics.share_without_wick, 0.003, 0.7, "a share of {:.3f} of bars opens or closes at its high or low"),
)


def judge_by_calendar(series: BarSeries, calendar: Calendar) -> Realism:
    """Judge a series of intraday bars by the days and hours of its market."""
    hours = EXCHANGE_HOURS if calendar.name not in ROUND_THE_CLOCK else None
    return judge(series, hours, bool(calendar.weekdays & WEEKEND))


def judge(series: BarSeries, hours: tuple[int, int] | None = None, weekends: bool = False) -> Realism:
    """Judge a series of intraday bars.

    Parameters
    ----------
    series : BarSeries
        Bars of several sessions.
    hours : tuple of int, optional
        First and last minute of the day in which the market may trade; None for one that trades around the clock.
    weekends : bool
        Whether the market trades on Saturdays and Sundays.
    """
    days = np.unique(series.day).size
    if days < FEWEST_SESSIONS or series.pairs.size < FEWEST_RETURNS:
        return Realism(None, (_too_short(days, series.pairs.size),))
    traces = [trace for trace in _TRACES if not (weekends and trace.measure is statistics.share_on_weekends)]
    missing = [(trace, found) for trace in traces if not trace.low <= (found := trace.measure(series)) <= trace.high]
    doubts = [_tell(trace, found) for trace, found in missing]
    outside = 0.0 if hours is None else float(((series.minute < hours[0]) | (series.minute > hours[1])).mean())
    night = outside > MOST_OUTSIDE_HOURS
    if night:
        doubts.insert(
            0, f"a share of {outside:.2f} of bars is outside the market's hours; at most {MOST_OUTSIDE_HOURS}"
        )
    condemned = night or any(trace.decisive for trace, _ in missing) or len(doubts) >= DOUBTS_THAT_CONDEMN
    return Realism(not condemned, tuple(doubts))


def _tell(trace: _Trace, found: float) -> str:
    bound = f"at least {trace.low}" if found < trace.low else f"at most {trace.high}"
    return f"{trace.sentence.format(found)}; real markets show {bound}"


def _too_short(days: int, returns: int) -> str:
    return (
        f"too short to judge: {days} sessions with {returns} bars that follow another; "
        f"{FEWEST_SESSIONS} and {FEWEST_RETURNS} are needed"
    )
