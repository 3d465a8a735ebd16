"""Traded prices from the turnover: markets made up, restated as Profit does, and recovered."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from market.errors import FileRefused
from market.importer import import_file
from market.instruments import B3
from market.lake import Lake
from market.lake_audit import audit
from market.readers.true_prices import recover
from market.types import Flag

WriteFile = Callable[..., Path]
BARS = 36  # a session of quarter hours


@dataclass(frozen=True)
class Market:
    """What was traded, in points, and the average of each bar."""

    prices: np.ndarray  # open, high, low, close, f8[4, n]
    average: np.ndarray
    volume: np.ndarray
    session: np.ndarray


def market(sessions: int, seed: int, level: float = 5_500.0, tick: float = 0.5) -> Market:
    """A random walk of 40 trades a bar on the tick grid; the average of a bar is that of its trades."""
    rng = np.random.default_rng(seed)
    bars = sessions * BARS
    steps = rng.integers(-2, 3, (bars, 40)) * tick
    path = level + np.cumsum(steps).reshape(bars, 40)
    quantity = rng.integers(1, 400, (bars, 40))
    prices = np.stack([path[:, 0], path.max(axis=1), path.min(axis=1), path[:, -1]])
    volume = quantity.sum(axis=1).astype(np.float64)
    return Market(prices, (path * quantity).sum(axis=1) / volume, volume, np.repeat(np.arange(sessions), BARS))


def restated(made: Market, factors: list[float], decimals: int) -> np.ndarray:
    """Return the prices as a vendor prints them after the rolls: one factor by session."""
    by_bar = np.asarray(factors)[made.session]
    return np.round(made.prices * by_bar, decimals)


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1),
    ends=st.tuples(st.integers(1, 25), st.integers(1, 25)),  # an export begins and ends between two rolls
    months=st.lists(st.integers(15, 25), max_size=3),
    carries=st.lists(st.floats(0.0005, 0.008), min_size=5, max_size=5),
    decimals=st.sampled_from([2, 3]),
)
def test_what_comes_back_is_what_was_traded(
    seed: int, ends: tuple[int, int], months: list[int], carries: list[float], decimals: int
) -> None:
    factors, factor = [], 1.0
    for length, carry in zip([ends[0], *months, ends[1]], carries, strict=False):
        factor *= 1.0 + carry
        factors = [factor] * length + factors
    made = market(len(factors), seed)
    shown = restated(made, factors, decimals)
    found, sure = recover(shown, made.average, made.volume, made.session, 0.5)
    assert np.array_equal(found[:, sure], made.prices[:, sure])
    assert np.array_equal(found[:, ~sure], shown[:, ~sure])
    event(f"share recovered {sure.mean():.1f}")


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("decimals", [2, 3])
def test_months_between_rolls_come_back_whole(seed: int, decimals: int) -> None:
    made = market(84, seed)
    shown = restated(made, [1.0193] * 21 + [1.0125] * 20 + [1.0119] * 22 + [1.0051] * 21, decimals)
    found, sure = recover(shown, made.average, made.volume, made.session, 0.5)
    assert sure.all()
    assert np.array_equal(found, made.prices)


def test_prices_printed_to_whole_points_come_back_too() -> None:
    made = market(30, seed=3, level=118_000.0, tick=5.0)
    shown = restated(made, [1.0224] * 18 + [1.0111] * 12, decimals=0)
    found, sure = recover(shown, made.average, made.volume, made.session, 5.0)
    assert sure.all()
    assert np.array_equal(found, made.prices)


@pytest.mark.parametrize("seed", range(6))
def test_a_small_roll_is_placed_by_the_grid_where_the_turnover_is_unsure(seed: int) -> None:
    """The roll of December 2020 moved prices by a ten-thousandth, half a point, little more than sessions scatter."""
    made = market(48, seed)
    noise = np.random.default_rng(seed).normal(1.0, 3e-4, made.volume.size)
    average = np.clip(made.average * noise, made.prices[2], made.prices[1])
    shown = restated(made, [1.000094] * 24 + [1.0002] * 24, decimals=2)
    found, sure = recover(shown, average, made.volume, made.session, 0.5)
    assert sure.all()
    assert np.array_equal(found, made.prices)


def test_bars_without_a_trade_are_restored_with_their_session() -> None:
    made = market(12, seed=9)
    average, volume = made.average.copy(), made.volume.copy()
    average[50], volume[50] = np.nan, 0.0
    found, sure = recover(restated(made, [1.005] * 12, 2), average, volume, made.session, 0.5)
    assert sure.all()
    assert np.array_equal(found, made.prices)


@pytest.mark.parametrize("shift", [0.17, 0.25, -0.2])
def test_a_session_moved_by_a_difference_is_not_recovered(shift: float) -> None:
    made = market(20, seed=11)
    shown = restated(made, [1.004] * 20, 2)
    shown[:, made.session == 9] += shift
    found, sure = recover(shown, made.average, made.volume, made.session, 0.5)
    assert not sure[made.session == 9].any()
    assert np.array_equal(found[:, sure], made.prices[:, sure])
    assert np.array_equal(found[:, ~sure], shown[:, ~sure])


def test_a_turnover_of_another_market_recovers_nothing() -> None:
    made = market(20, seed=13)
    shown = np.round(made.prices * 1.004 + 0.13 * np.sin(np.arange(made.volume.size)), 2)
    _, sure = recover(shown, made.average, made.volume, made.session, 0.5)
    assert not sure.any()


def test_single_bars_and_bars_without_turnover_recover_nothing() -> None:
    made = market(20, seed=17)
    shown = restated(made, [1.004] * 20, 2)
    assert not recover(shown, made.average, made.volume, np.arange(made.volume.size), 0.5)[1].any()
    assert not recover(shown, made.average * np.nan, made.volume, made.session, 0.5)[1].any()


def profit_rows(made: Market, shown: np.ndarray, days: list[date], turnover: bool = True) -> list[str]:
    rows = []
    for k in range(made.volume.size):
        place = k % BARS
        clock = f"{9 + place // 4:02}:{15 * (place % 4):02}:00"
        prices = ";".join(f"{price:.2f}".replace(".", ",") for price in shown[:, k])
        money = f"{made.average[k] * made.volume[k] * 10:.2f}".replace(".", ",") if turnover else "0,00"
        rows.append(f"WDOFUT;{days[made.session[k]]:%d/%m/%Y};{clock};{prices};{money};{made.volume[k]:.0f}")
    return rows[::-1]


@pytest.fixture
def days() -> list[date]:
    return B3.calendar("WDO").sessions(date(2020, 4, 1), date(2020, 6, 30))


def test_an_export_is_stored_as_traded_with_its_turnover(lake: Lake, write: WriteFile, days: list[date]) -> None:
    made = market(24, seed=19)
    shown = restated(made, [1.007] * 16 + [1.0] * 8, 2)
    path = write("WDOFUT.csv", profit_rows(made, shown, days))
    result = import_file(lake, path, true_prices=True)
    assert (result.rows, result.rejected) == (24 * BARS, 0)
    assert [p.provenance.price_basis for p in lake.partitions()] == ["recovered"] * 16 + ["raw"] * 8
    bars = np.concatenate([lake.read(partition) for partition in lake.partitions()])
    for name, prices in zip(("open", "high", "low", "close"), made.prices, strict=True):
        assert np.array_equal(bars[name], prices * 2)
    assert np.array_equal(bars["turnover"], np.rint(made.average * made.volume * 2))
    assert not (bars["flags"] & Flag.BACK_ADJUSTED).any()
    assert import_file(lake, path, true_prices=True).status == "unchanged"


def test_an_export_replaces_its_own_restated_sessions_by_what_was_traded(
    lake: Lake, write: WriteFile, days: list[date]
) -> None:
    made = market(24, seed=19)
    path = write("WDOFUT.csv", profit_rows(made, restated(made, [1.007] * 16 + [1.0] * 8, 2), days))
    assert import_file(lake, path).price_basis == ("back_adjusted", "raw")
    before = {p.session: lake.folder / p.path for p in lake.partitions()}
    assert import_file(lake, path, true_prices=True).status == "imported"
    held = lake.partitions()
    assert [(p.provenance.price_basis, p.revision) for p in held] == [("recovered", 1)] * 16 + [("raw", 0)] * 8
    closes = np.concatenate([lake.read(partition)["close"] for partition in held])
    assert np.array_equal(closes, made.prices[3] * 2)
    assert [file.exists() for file in before.values()] == [False] * 16 + [True] * 8
    assert audit(lake) == []
    hashed = lake.data_hash()
    assert import_file(lake, path, true_prices=True).status == "unchanged"
    with pytest.raises(FileRefused, match="the lake holds the prices recovered from this very file: leave it so"):
        import_file(lake, path)
    assert lake.data_hash() == hashed


def test_a_restated_session_that_cannot_be_recovered_does_not_stay_beside_the_others(
    lake: Lake, write: WriteFile
) -> None:
    days = B3.calendar("WDO").sessions(date(2020, 4, 1), date(2021, 2, 26))
    made = market(120, seed=37)
    shown = restated(made, [1.02] * 60 + [1.01] * 60, 2)
    shown[:, made.session == 0] += 0.17
    path = write("WDOFUT.csv", profit_rows(made, shown, days))
    import_file(lake, path)
    assert lake.sessions("WDOFUT") == days[:120]
    import_file(lake, path, true_prices=True)
    assert lake.sessions("WDOFUT") == days[1:120]
    assert {p.provenance.price_basis for p in lake.partitions()} == {"recovered"}
    assert audit(lake) == []


def test_restated_sessions_of_another_export_are_not_replaced(lake: Lake, write: WriteFile, days: list[date]) -> None:
    """Two exports of one level, 1.007 throughout: neither can be replaced by itself, or the level would change."""
    made = market(24, seed=19)
    rows = profit_rows(made, restated(made, [1.007] * 24, 2), days)  # newest first
    first, second = (write(f"{name}.csv", part) for name, part in (("a", rows[6 * BARS :]), ("b", rows[: 12 * BARS])))
    import_file(lake, first)  # sessions 0 to 17
    import_file(lake, second)
    before = lake.data_hash()
    for path, found in (
        (first, "overlap nowhere"),
        (second, "import a.csv and this one, all with --true-prices, into"),
    ):
        with pytest.raises(FileRefused, match=found):
            import_file(lake, path, true_prices=True)
    assert lake.data_hash() == before
    assert audit(lake) == []


def test_what_an_export_has_in_common_with_itself_proves_nothing_of_another(
    lake: Lake, write: WriteFile, days: list[date]
) -> None:
    made = market(24, seed=19)
    rows = profit_rows(made, restated(made, [1.007] * 8 + [1.0] * 10 + [1.004] * 6, 2), days)
    first = write("a.csv", rows[6 * BARS :])
    import_file(lake, first)
    import_file(lake, write("b.csv", rows[: 16 * BARS]))  # joins through ten raw sessions, its own are restated
    with pytest.raises(FileRefused, match=r"lake holds \(from b\.csv, .* that overlap nowhere"):
        import_file(lake, first, true_prices=True)


def test_two_exports_with_a_roll_between_join_once_recovered(lake: Lake, write: WriteFile, days: list[date]) -> None:
    made = market(30, seed=23)
    first, later = (
        restated(made, [1.004] * 12 + [1.0] * 18, 2),
        restated(made, [1.010] * 12 + [1.006] * 10 + [1.0] * 8, 2),
    )
    earlier = Market(made.prices[:, : 22 * BARS], made.average[: 22 * BARS], made.volume, made.session[: 22 * BARS])
    old = profit_rows(Market(earlier.prices, earlier.average, made.volume[: 22 * BARS], earlier.session), first, days)
    new = profit_rows(made, later, days)
    apart = Lake(lake.folder / "apart")
    import_file(apart, write("old.csv", old))
    with pytest.raises(FileRefused, match=r"found every price restated by ×1\.00"):
        import_file(apart, write("new.csv", new))
    import_file(lake, write("old.csv", old), true_prices=True)
    import_file(lake, write("new.csv", new), true_prices=True)
    bars = np.concatenate([lake.read(partition) for partition in lake.partitions()])
    assert np.array_equal(bars["close"], made.prices[3] * 2)


def test_true_prices_need_a_turnover_where_prices_were_restated(lake: Lake, write: WriteFile, days: list[date]) -> None:
    made = market(12, seed=29)
    shown = restated(made, [1.007] * 12, 2)
    path = write("WDOFUT.csv", profit_rows(made, shown, days, turnover=False))
    with pytest.raises(FileRefused, match="found no turnover beside 12 back-adjusted sessions, the first 2020-04-01"):
        import_file(lake, path, true_prices=True)
    raw = write("raw.csv", profit_rows(made, made.prices, days, turnover=False))
    assert import_file(lake, raw, true_prices=True).status == "imported"  # there is nothing to recover


def test_sessions_that_cannot_be_recovered_refuse_the_file(lake: Lake, write: WriteFile, days: list[date]) -> None:
    made = market(20, seed=31)
    shown = restated(made, [1.004] * 20, 2)
    shown[:, np.isin(made.session, (4, 9))] += 0.17
    path = write("WDOFUT.csv", profit_rows(made, shown, days))
    with pytest.raises(FileRefused) as caught:
        import_file(lake, path, true_prices=True)
    assert f"found none for 2 sessions, the first {days[4]}; export intraday bars" in str(caught.value)
    assert not lake.folder.exists()


def test_a_rare_session_that_cannot_be_recovered_is_set_aside(lake: Lake, write: WriteFile) -> None:
    days = B3.calendar("WDO").sessions(date(2020, 4, 1), date(2021, 2, 26))
    made = market(120, seed=37)
    shown = restated(made, [1.02] * 60 + [1.01] * 60, 2)
    shown[:, made.session == 0] += 0.17
    result = import_file(lake, write("WDOFUT.csv", profit_rows(made, shown, days)), true_prices=True)
    assert (result.rows, result.rejected) == (119 * BARS, BARS)
    assert f"{BARS} rows of a session whose traded prices the turnover does not tell: set aside" in result.reason
    assert lake.sessions("WDOFUT") == days[1:120]
