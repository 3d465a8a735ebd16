"""Files whose symbol cannot be theirs."""

import re
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from market.errors import FileRefused
from market.importer import import_file
from market.lake import Lake

WriteFile = Callable[..., Path]
Rows = Callable[..., list[str]]


def with_volumes(rows: list[str], volumes: list[int]) -> list[str]:
    """Return the rows with these volumes, and a trade for each contract where there were more trades."""
    cells = [row.split("\t") for row in rows[1:]]
    trades = [min(int(row[6]), volume) or row[6] for row, volume in zip(cells, volumes, strict=True)]
    told = zip(cells, trades, volumes, strict=True)
    return [rows[0], *("\t".join([*row[:6], str(count), str(volume), row[8]]) for row, count, volume in told)]


def with_trades(rows: list[str], trades: int) -> list[str]:
    cells = [row.split("\t") for row in rows[1:]]
    return [rows[0], *("\t".join([*row[:6], str(trades), *row[7:]]) for row in cells)]


def fives(count: int) -> list[int]:
    """Return different multiples of five, in no order."""
    return list(5 * np.random.default_rng(7).permutation(np.arange(1, count + 1)))


@pytest.mark.parametrize(
    ("name", "full"), [("WDOK20_M1.csv", "DOLK20"), ("WDO$_M1.csv", "DOL$"), ("WINJ20.csv", "INDJ20")]
)
def test_refuses_a_mini_that_trades_in_lots_of_the_full_contract(
    lake: Lake, write: WriteFile, mt5_rows: Rows, name: str, full: str
) -> None:
    rows = with_volumes(mt5_rows(), fives(540))
    if full == "INDJ20":
        rows = [re.sub(r"52(\d\d)\.0", lambda points: f"{70_000 + 5 * int(points[1])}", row) for row in rows]
    with pytest.raises(FileRefused) as caught:
        import_file(lake, write(name, rows))
    assert f"all 540 multiples of 5, the lot of {full[:3]}: {name} is {full}; give --symbol {full}" in str(caught.value)
    assert not lake.folder.exists()


def test_the_symbol_inside_a_file_is_doubted_as_its_name_is(lake: Lake, write: WriteFile) -> None:
    rows = [
        f"WDOK20;02/04/2020;{9 + k // 4:02}:{15 * (k % 4):02}:00;5250,00;5252,50;5250,00;5251,00;0,00;{10 + 5 * k}"
        for k in range(24)
    ]
    with pytest.raises(FileRefused, match=r"the lot of DOL: x\.csv is DOLK20; export DOLK20 itself, or --symbol"):
        import_file(lake, write("x.csv", rows))


@pytest.mark.parametrize("symbol", ["DOLK20", "WDOK20"])
def test_a_symbol_given_by_the_user_is_not_doubted(lake: Lake, write: WriteFile, mt5_rows: Rows, symbol: str) -> None:
    result = import_file(lake, write("WDOK20_M1.csv", with_volumes(mt5_rows(), fives(540))), symbol=symbol)
    assert (result.status, result.contracts) == ("imported", (symbol,))


def test_one_volume_that_is_no_lot_is_enough(lake: Lake, write: WriteFile, mt5_rows: Rows) -> None:
    volumes = fives(540)
    volumes[300] += 1
    assert import_file(lake, write("WDOK20.csv", with_volumes(mt5_rows(), volumes))).status == "imported"


@pytest.mark.parametrize(("bars", "refused"), [(19, False), (20, True)])
def test_few_bars_may_all_be_lots_by_chance(
    lake: Lake, write: WriteFile, mt5_rows: Rows, bars: int, refused: bool
) -> None:
    path = write("WDOK20.csv", with_volumes(mt5_rows(bars), fives(bars)))
    if refused:
        with pytest.raises(FileRefused, match="all 20 multiples of 5"):
            import_file(lake, path)
    else:
        assert import_file(lake, path).rows == bars


def test_one_volume_over_and_over_says_nothing(lake: Lake, write: WriteFile, mt5_rows: Rows) -> None:
    assert import_file(lake, write("WDOK20.csv", with_volumes(mt5_rows(), [100] * 540))).status == "imported"


def test_minutes_without_volume_are_not_counted(lake: Lake, write: WriteFile, mt5_rows: Rows) -> None:
    rows = with_volumes(mt5_rows(40), [0] * 30 + fives(10))
    still = [
        re.sub(r"\t5\d{3}\.0(.*)\t5\d{3}\.0\t\d+\t0\t", "\t5250.0\t5250.0\t5250.0\t5250.0\t0\t0\t", row) for row in rows
    ]
    assert import_file(lake, write("WDOK20.csv", still)).rows == 40


TICKS = "<DATE>\t<TIME>\t<BID>\t<ASK>\t<LAST>\t<VOLUME>"


def ticks(quantities: list[int]) -> list[str]:
    """Return a trade every ten seconds from 09:30 on."""
    minutes = [30 + k // 6 for k in range(len(quantities))]
    clocks = [f"{9 + minute // 60:02}:{minute % 60:02}:{10 * (k % 6):02}.000" for k, minute in enumerate(minutes)]
    return [TICKS, *(f"2020.04.02\t{clock}\t\t\t5257.0\t{q}.0" for clock, q in zip(clocks, quantities, strict=True))]


def test_refuses_trades_of_a_mini_in_lots_of_the_full_contract(lake: Lake, write: WriteFile) -> None:
    path = write("WDOK20.csv", ticks([5, 10, 5, 25] * 50))
    with pytest.raises(FileRefused, match=r"trades of WDOK20 in single .*all 200 multiples of 5, the lot of DOL"):
        import_file(lake, path)
    assert not lake.partitions()
    assert import_file(lake, path, symbol="WDOK20").status == "imported"  # who names it himself knows better


@pytest.mark.parametrize(
    ("name", "quantities"),
    [
        ("WDOK20.csv", [5, 10, 5, 25] * 50 + [1]),
        ("WDOK20.csv", [5, 10, 5, 25] * 49),  # too few to tell
        ("DOLK20.csv", [5, 10, 5, 25] * 50),
    ],
)
def test_other_trades_are_taken(lake: Lake, write: WriteFile, name: str, quantities: list[int]) -> None:
    assert import_file(lake, write(name, ticks(quantities))).rows == len(quantities)


@pytest.mark.parametrize(("swapped", "refused"), [(271, True), (270, False)])
def test_refuses_columns_of_trades_and_volume_that_are_swapped(
    lake: Lake, write: WriteFile, mt5_rows: Rows, swapped: int, refused: bool
) -> None:
    rows = with_trades(with_volumes(mt5_rows(), [7] * swapped + [8] * (540 - swapped)), 8)
    path = write("WDOK20.csv", rows)
    if refused:
        with pytest.raises(FileRefused, match=r"found 271 of 540 bars with more trades than contracts"):
            import_file(lake, path)
    else:
        assert import_file(lake, path).rows == 540


@pytest.mark.parametrize("trades", ["100", "0"])
def test_refuses_a_future_without_any_volume(lake: Lake, write: WriteFile, mt5_rows: Rows, trades: str) -> None:
    rows = with_trades(with_volumes(mt5_rows(), [0] * 540), int(trades))
    with pytest.raises(FileRefused, match=r"found 540, most of them a price or trades without a volume.*in contracts"):
        import_file(lake, write("WDOK20.csv", rows))


def test_sets_a_bar_without_a_volume_aside(lake: Lake, write: WriteFile, mt5_rows: Rows) -> None:
    done = import_file(lake, write("WDOK20.csv", with_volumes(mt5_rows(), [0] + [7] * 539)))
    assert (done.rows, done.rejected) == (539, 1)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("WDOJ20.csv", "expected sessions of WDOJ20 up to its last one, 2020-03-31, found one on 2020-04-02"),
        ("WDOK19.csv", "expected sessions of WDOK19 up to its last one, 2019-04-30, found one on 2020-04-02"),
        ("WDOK26.csv", "expected sessions of WDOK26 in the 6 years before 2026-05, found one on 2020-04-02"),
        ("WDOK27.csv", "expected sessions of WDOK27 in the 6 years before 2027-05, found one on 2020-04-02"),
        ("WDOK35.csv", "expected sessions of WDOK35 in the 6 years before 2035-05, found one on 2020-04-02"),
    ],
)
def test_refuses_sessions_the_contract_cannot_have_traded_in(
    lake: Lake, write: WriteFile, mt5_rows: Rows, name: str, message: str
) -> None:
    with pytest.raises(FileRefused) as caught:
        import_file(lake, write(name, mt5_rows()))
    assert f"{message}; check its dates (those of a workbook are --session), or give the right symbol" in str(
        caught.value
    )


@pytest.mark.parametrize(
    ("name", "refused"),
    [
        ("WDOK21.csv", True),  # the same day of another year
        ("WDOK22.csv", True),
        ("DOLJ26.csv", True),  # listed long enough, as far as that is known
        ("WDOJ21.csv", False),  # its last session, 2021-03-31, is 363 days away
    ],
)
def test_refuses_the_front_months_trading_a_year_before_the_last_session(
    lake: Lake, write: WriteFile, mt5_rows: Rows, name: str, refused: bool
) -> None:
    path = write(name, with_volumes(mt5_rows(60), [100] * 60))  # ten trades a bar, at least
    if refused:
        with pytest.raises(FileRefused, match=r"hardly a trade of .* a year or more before its last session, 20"):
            import_file(lake, path)
        assert not lake.folder.exists()
    else:
        assert import_file(lake, path).contracts == (name[:6],)


def test_a_last_session_moved_by_a_year_is_refused(lake: Lake, write: WriteFile, mt5_rows: Rows) -> None:
    rows = mt5_rows(60, date(2020, 4, 30))  # 365 days before that of WDOK21
    with pytest.raises(FileRefused, match="hardly a trade of WDOK21"):
        import_file(lake, write("WDOK21.csv", rows))


@pytest.mark.parametrize(("trades", "refused"), [(1, False), (2, True)])
def test_a_few_trades_far_from_expiry_stay(
    lake: Lake, write: WriteFile, mt5_rows: Rows, trades: int, refused: bool
) -> None:
    rows = with_trades(mt5_rows(60), trades)
    path = write("WDOF25.csv", rows)
    if refused:  # 120 in the session
        with pytest.raises(FileRefused, match=r"hardly a trade of WDOF25 .*, 2024-12-30, found 120 in a session"):
            import_file(lake, path)
    else:
        assert import_file(lake, path).contracts == ("WDOF25",)
        assert lake.partitions()[0].day == date(2020, 4, 2)


def test_one_busy_session_among_quiet_ones_stays(lake: Lake, write: WriteFile, mt5_rows: Rows) -> None:
    quiet = [with_trades(mt5_rows(20, day), 1)[1:] for day in (date(2020, 4, 3), date(2020, 4, 6))]
    rows = [*with_trades(mt5_rows(120), 9), *quiet[0], *quiet[1]]
    assert import_file(lake, write("DOLF22.csv", with_volumes(rows, [100] * 160))).sessions == 3


def test_bars_without_a_number_of_trades_count_as_one_each(lake: Lake, write: WriteFile) -> None:
    rows = [
        f"WDOK21;02/04/2020;{9 + k // 60:02}:{k % 60:02}:00;5250,00;5252,50;5250,00;5251,00;210040,00;4"
        for k in range(100)
    ]
    assert import_file(lake, write("x.csv", rows[:99])).rows == 99
    with pytest.raises(FileRefused, match="found 100 in a session, the first on 2020-04-02"):
        import_file(lake, write("y.csv", rows))
