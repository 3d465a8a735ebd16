"""The stylised facts that the synthetic market is held to, measured on the real files again."""

from pathlib import Path

import numpy as np
import pytest

from tests import measured
from tests.measured import LAGS, Source, mean_shape, one_tick_share, read_morning, read_sessions, unusual_sizes
from tests.stylised import autocorrelation, inside_share, log_returns, spread_shares


def test_spread_and_trades_inside_it_on_a_real_morning(realdata: Path, tmp_path: Path) -> None:
    events = read_morning(realdata, tmp_path)
    assert spread_shares(events) == pytest.approx(measured.MORNING_SPREAD, abs=0.0006)
    assert inside_share(events) == pytest.approx(measured.MORNING_INSIDE, abs=0.0006)


def test_mini_in_a_calm_market_stands_at_one_tick(realdata: Path) -> None:
    assert one_tick_share(realdata) == pytest.approx(measured.BOOK_SAMPLE_ONE_TICK, abs=0.0006)


@pytest.mark.parametrize(
    ("source", "root", "shape"),
    [(measured.WDO_YEARS, "WDO", measured.WDO_SHAPE), (measured.WIN_YEARS, "WIN", measured.WIN_SHAPE)],
)
def test_shape_of_the_day_over_two_years(
    realdata: Path, tmp_path: Path, source: Source, root: str, shape: tuple[float, ...]
) -> None:
    sessions = read_sessions(realdata, tmp_path, source)
    assert mean_shape(sessions, root, source[2], source[3]) == pytest.approx(shape, abs=0.006)


@pytest.mark.parametrize(
    ("source", "memory", "absolute", "unusual"),
    [
        (
            measured.WDO_MINUTES, measured.WDO_MEMORY, measured.WDO_ABSOLUTE_MEMORY,
            measured.WDO_MEMORY_WITHOUT_TIME_OF_DAY,
        ),
        (
            measured.WIN_MINUTES, measured.WIN_MEMORY, measured.WIN_ABSOLUTE_MEMORY,
            measured.WIN_MEMORY_WITHOUT_TIME_OF_DAY,
        ),
        (
            measured.CRASH_MINUTES, measured.CRASH_MEMORY, measured.CRASH_ABSOLUTE_MEMORY,
            measured.CRASH_MEMORY_WITHOUT_TIME_OF_DAY,
        ),
    ],
)  # fmt: skip
def test_memory_of_returns_of_a_minute(
    realdata: Path, tmp_path: Path, source: Source, memory: list[float], absolute: list[float], unusual: list[float]
) -> None:
    sessions = read_sessions(realdata, tmp_path, source)
    returns = [log_returns(bars) for _, bars in sessions]
    assert [autocorrelation(returns, lag) for lag in LAGS] == pytest.approx(memory, abs=0.0006)
    sizes = [np.abs(values) for values in returns]
    assert [autocorrelation(sizes, lag) for lag in LAGS] == pytest.approx(absolute, abs=0.0006)
    apart = unusual_sizes(sessions, source[1][:3])
    assert [autocorrelation(apart, lag) for lag in LAGS] == pytest.approx(unusual, abs=0.0006)
