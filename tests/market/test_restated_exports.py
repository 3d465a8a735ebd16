"""When one export of a series may stand beside another, and what is said where it may not."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.errors import FileRefused
from market.importer import import_file
from market.lake import Lake
from market.overlap import Overlap, Relation, describe_difference

WriteFile = Callable[..., Path]
DAYS = (1, 2, 3, 6, 7, 8)  # of April 2020


def export(raw: tuple[int, ...] = (), adjusted: tuple[int, ...] = (), shift: float = 0.13) -> list[str]:
    rows = []
    for day in sorted(raw + adjusted):
        off = shift if day in adjusted else 0.0
        prices = ";".join(f"{price + off:.2f}".replace(".", ",") for price in (5250, 5252.5, 5249, 5251))
        rows += [f"WDOFUT;{day:02}/04/2020;{hour:02}:00:00;{prices};0,00;{hour}" for hour in range(9, 18)]
    return rows


@pytest.mark.parametrize(
    ("held", "offered", "allowed"),
    [
        (export(raw=DAYS[:3]), export(raw=DAYS[3:]), True),  # nothing was restated
        (export(adjusted=DAYS[:3]), export(adjusted=DAYS[3:]), False),
        (export(raw=DAYS[:3]), export(adjusted=DAYS[3:]), False),
        (export(adjusted=DAYS[:3]), export(raw=DAYS[3:]), False),
        (export(adjusted=DAYS[:2], raw=DAYS[2:3]), export(raw=DAYS[3:]), False),  # a roll may lie between
        (export(adjusted=DAYS[:2], raw=DAYS[2:4]), export(raw=DAYS[3:]), True),  # 6 April is equal
        (export(adjusted=DAYS[:4]), export(adjusted=DAYS[3:]), True),
        (export(raw=(1, 3), adjusted=(2,)), export(raw=DAYS[3:]), True),  # a spliced piece inside
        (export(raw=DAYS[3:]), export(raw=(1, 3), adjusted=(2,)), True),
    ],
)
def test_an_export_joins_another_where_neither_was_restated_or_a_session_is_equal(
    lake: Lake, write: WriteFile, held: list[str], offered: list[str], allowed: bool
) -> None:
    import_file(lake, write("held.csv", held))
    before = lake.data_hash()
    path = write("offered.csv", offered)
    if allowed:
        import_file(lake, path)
        assert lake.sessions("WDOFUT") == [date(2020, 4, day) for day in DAYS]
        return
    with pytest.raises(FileRefused, match=r"in common with what the lake holds \(from held\.csv, which told"):
        import_file(lake, path)
    assert lake.data_hash() == before


@given(
    ratio=st.floats(0.9, 1.1).filter(lambda ratio: abs(ratio - 1) > 1e-3),
    seed=st.integers(0, 2**32 - 1),
    level=st.sampled_from([10_000, 24_000]),
)
def test_a_common_ratio_is_told_to_within_its_rounding(ratio: float, seed: int, level: int) -> None:
    rng = np.random.default_rng(seed)
    old = rng.integers(level - 500, level + 500, 5_000)
    new = np.rint(old * ratio + rng.uniform(-0.02, 0.02, old.size)).astype(np.int64)
    told = describe_difference([Overlap(Relation.DIFFERS, old, new)])
    assert told.startswith("every price restated by ×")
    assert float(told.rpartition("×")[2]) == pytest.approx(ratio, abs=2e-6)


def test_what_differs_beside_equal_prices_is_named(lake: Lake, write: WriteFile) -> None:
    rows = export(raw=DAYS[:2])
    import_file(lake, write("held.csv", rows))
    other = [f"{row.rpartition(';')[0]};99" for row in rows]
    with pytest.raises(FileRefused, match=r"found other content \(the same 1\d common prices, but another volume\)"):
        import_file(lake, write("offered.csv", other))


def test_one_price_of_its_own_is_other_content() -> None:
    old = np.arange(10_000, 10_100)
    new = old * 2
    new[40] += 3
    assert describe_difference([Overlap(Relation.DIFFERS, old, new)]).startswith("other content (100 of 100")
