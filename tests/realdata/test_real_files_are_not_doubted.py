"""No real file is marked synthetic, nor doubted, at its import."""

from pathlib import Path

import numpy as np
import pytest

from market.errors import PregaoError
from market.importer import import_file
from market.instruments import Declaration, declare
from market.lake import Lake

DECLARED = {
    "PETR4": Declaration(0.01, 1.0, 1.0, "BRL", "b3_stocks"),
    "EURUSD": Declaration(0.00001, 1.0, 100_000.0, "USD", "forex", "Europe/Athens"),
    "USDBRL": Declaration(0.00001, 1.0, 100_000.0, "BRL", "forex", "Europe/Berlin"),
    "BTCUSDT": Declaration(0.1, 0.001, 1.0, "USDT", "always", "UTC"),
}
INSTRUMENTS = {symbol: declare(symbol, declaration) for symbol, declaration in DECLARED.items()}
# What this release reads and what it refuses differ; the readers' own tests say which. These it must read.
READ = {
    "WDO.csv", "PETR4_B_0_1min.csv", "WDOFUT_F_0_15min.csv", "WDO_1min.csv", "WINJ20_1min.csv", "WINFUT_1min.csv",
    "WDOFUT_F_0_5min.export_2022-01-08.csv", "WIN_5min_test.csv", "USDBRL.csv", "DOLK20.csv",
}  # fmt: skip


@pytest.mark.nightly
def test_every_real_file_that_is_read_is_taken_for_real(realdata: Path, tmp_path: Path) -> None:
    read: set[str] = set()
    for k, path in enumerate(sorted(item for item in realdata.rglob("*") if item.is_file())):
        lake = Lake(tmp_path / str(k), INSTRUMENTS)
        try:
            result = import_file(lake, path)
        except PregaoError:
            continue
        read.add(path.name)
        assert {p.provenance.synthetic for p in lake.partitions()} == {False}, (path, result.reason)
        assert "doubt" not in result.reason, path
    assert read >= READ, READ - read


def test_the_same_bars_shuffled_would_be_marked(realdata: Path, tmp_path: Path) -> None:
    """The rows of a real file under the times of others: nothing but their order is invented."""
    path = realdata / "b3/profit_bars_reheadered/WIN_5min_test.csv"
    head, *rows = path.read_text(encoding="utf-8").splitlines()
    stamps = [row.split(",")[:3] for row in rows]
    values = [row.split(",")[3:] for row in rows]
    moved = [values[k] for k in np.random.default_rng(20260601).permutation(len(values))]
    invented = [",".join([*stamp, *value]) for stamp, value in zip(stamps, moved, strict=True)]
    (tmp_path / "WIN_5min_test.csv").write_text("\n".join([head, *invented, ""]), encoding="utf-8")
    lake = Lake(tmp_path / "lake")
    result = import_file(lake, tmp_path / "WIN_5min_test.csv")
    assert "looks generated" in result.reason
    assert {p.provenance.synthetic for p in lake.partitions()} == {True}


@pytest.mark.parametrize("share", [0.04, 0.06])
def test_more_weekends_than_an_exchanges_tests_name_a_generated_file(
    realdata: Path, tmp_path: Path, share: float
) -> None:
    """Saturdays with the bars of the Friday before, 4 % of the rows or 6 %: both are refused, one by that name."""
    head, *rows = (realdata / "b3/mt5_bars/WDOK20_M1.csv").read_text(encoding="utf-8").splitlines()
    friday = [row for row in rows if row.startswith("2020.04.03")][: int(share * len(rows)) + 1]
    saturday = [row.replace("2020.04.03", "2020.04.04") for row in friday]
    path = tmp_path / "DOLK20_M1.csv"
    path.write_bytes("".join(f"{row}\r\n" for row in [head, *rows, *saturday]).encode())
    with pytest.raises(PregaoError, match="not a session of the exchange") as refused:
        import_file(Lake(tmp_path / "lake"), path)
    assert ("no market made these" in str(refused.value)) is (share > 0.05)
