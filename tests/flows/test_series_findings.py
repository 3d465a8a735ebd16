"""What a whole series tells of its lots, its volumes and its price level."""

from datetime import date

import numpy as np
import pytest

from flows.validation import check_lake
from market.home import Home
from market.lake import Lake
from market.lake_manifest import Provenance
from tests.factories import make_trade, stack
from tests.market.test_price_levels import DAYS, bars_of, fill
from tests.market.test_series import moved

VENDOR = Provenance("export.csv", "0" * 64, "test/1", False, "raw")


def found(home: Home, lake: Lake) -> dict[str, list[str]]:
    """Return the names of what is found in each series, by its label."""
    reports = check_lake(home, lake, None, None).reports
    return {report.label: [finding.check.name for finding in report.findings] for report in reports}


def test_records_of_another_level_are_told_with_their_ratio(home: Home) -> None:
    lake = Lake(home.lake)
    fill(lake, "WDOFUT", DAYS[:15], 15, 1.0)
    fill(lake, "WDOFUT", DAYS[5:], 5, 1.0125)
    for report in check_lake(home, lake, None, None).reports:
        told = next(finding for finding in report.findings if finding.check.name == "other_level")
        assert (len(told.sessions), told.check.refuses) == (10, False)
        assert "bars of 900 s beside bars of 300 s of WDOFUT: every price restated by ×0.9876" in told.sentence


@pytest.mark.parametrize(("quantities", "refused"), [([5, 10], True), ([5, 11], False)])
def test_trades_of_a_mini_in_full_lots_refuse_it(home: Home, quantities: list[int], refused: bool) -> None:
    lake, day = Lake(home.lake), date(2020, 4, 1)
    trades = moved(stack([make_trade(7.0 * k, 10_000 + k % 5, quantities[k % 2]) for k in range(240)]), day)
    lake.commit([(lake.draft("trades", "WDOK20", day, VENDOR), trades)])
    assert ("full_lots" in found(home, lake)["WDOK20 trades"]) is refused


def test_bars_of_a_mini_in_full_lots_refuse_it(home: Home) -> None:
    lake = Lake(home.lake)
    bars = bars_of(DAYS[0], 15)
    bars["volume"] = 5 * np.arange(1, bars.size + 1)
    lake.commit([(lake.draft("bars", "WDOJ20", DAYS[0], VENDOR, 900), bars)])
    assert "full_lots" in found(home, lake)["WDOJ20 bars 15 min"]


def test_a_future_without_volume_is_refused(home: Home) -> None:
    lake = Lake(home.lake)
    bars = bars_of(DAYS[0], 15)
    bars["volume"][3:] = 0
    lake.commit([(lake.draft("bars", "WDOJ20", DAYS[0], VENDOR, 900), bars)])
    (reason,) = (one for one in check_lake(home, lake, None, None).reasons if "without a volume" in one)
    at = f"{9 + (3 * 15) // 60:02}:{(3 * 15) % 60:02}"
    assert f"bars that traded or moved without a volume: {bars.size - 3} of 1 session" in reason
    assert f"({DAYS[0]} {at})" in reason
