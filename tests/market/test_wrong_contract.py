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
    cells = [row.split("\t") for row in rows[1:]]
    return [rows[0], *("\t".join([*row[:7], str(volume), row[8]]) for row, volume in zip(cells, volumes, strict=True))]


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
    with pytest.raises(FileRefused, match=r"all 24 multiples of 5, the lot of DOL: x\.csv is DOLK20"):
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
    assert import_file(lake, write("WDOK20.csv", with_volumes(mt5_rows(40), [0] * 30 + fives(10)))).rows == 40


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("WDOJ20.csv", "expected sessions of WDOJ20 up to its last one, 2020-03-31, found one on 2020-04-02"),
        ("WDOK19.csv", "expected sessions of WDOK19 up to its last one, 2019-04-30, found one on 2020-04-02"),
        ("WDOK27.csv", "expected sessions of WDOK27 in the 6 years before 2027, found one on 2020-04-02"),
        ("WDOK35.csv", "expected sessions of WDOK35 in the 6 years before 2035, found one on 2020-04-02"),
    ],
)
def test_refuses_sessions_the_contract_cannot_have_traded_in(
    lake: Lake, write: WriteFile, mt5_rows: Rows, name: str, message: str
) -> None:
    with pytest.raises(FileRefused) as caught:
        import_file(lake, write(name, mt5_rows()))
    assert f"{message}; give the right symbol with --symbol" in str(caught.value)


def test_a_contract_far_from_expiry_stays(lake: Lake, write: WriteFile, mt5_rows: Rows) -> None:
    assert import_file(lake, write("WDOK26.csv", mt5_rows())).contracts == ("WDOK26",)
    assert lake.partitions()[0].day == date(2020, 4, 2)
