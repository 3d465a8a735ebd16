"""Whether a market made the bars of a file; where none did, its partitions say so."""

from typing import TYPE_CHECKING

import numpy as np

from market.bar_statistics import BarSeries
from market.calendar import Calendar
from market.readers.cells import NS_PER_S
from market.realism import judge_by_calendar

if TYPE_CHECKING:
    from market.readers.bar_table import BarTable
    from market.readers.intake import Intake

WEEKENDS = "weekend rows: no market made these"


def note_generated(intake: "Intake", table: "BarTable", calendar: Calendar) -> None:
    """Judge a series of bars and note in the intake what makes one doubt that a market made it.

    Parameters
    ----------
    intake : Intake
        `generated` tells from here on whether the series was invented; a file may hold several.
    table : BarTable
        Rows that passed the screen, in order of time.
    calendar : Calendar
        Of the market it is said to be from.
    """
    # A currency has no volume; how often it traded stands for it.
    volume = table.volume if table.volume.any() else np.nan_to_num(table.trades)
    minute = table.time_ns // (60 * NS_PER_S)
    series = BarSeries(table.day, minute, table.open, table.high, table.low, table.close, volume)
    verdict = judge_by_calendar(series, calendar)
    doubts = "; ".join(verdict.doubts)
    intake.generated = verdict.real is False
    if intake.generated:
        intake.notes.append(
            f"looks generated: {doubts}; marked synthetic: it may train a demonstration, never a champion"
        )
    elif verdict.real and doubts:
        intake.notes.append(f"one doubt whether a market made it: {doubts}")
