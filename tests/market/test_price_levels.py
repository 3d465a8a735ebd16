"""Records of a series that a vendor restated differently are never joined."""

from datetime import date

import numpy as np
import pytest

from market.errors import LakeError
from market.instruments import B3
from market.lake import Lake
from market.lake_manifest import Provenance
from market.price_levels import disagreements
from market.series import Series
from market.types import BAR
from tests.factories import MINUTE_NS

DAYS = list(B3.calendar("WDO").sessions(date(2020, 3, 2), date(2020, 4, 9)))


def provenance(name: str, basis: str = "back_adjusted") -> Provenance:
    return Provenance(name, name[0] * 64, "hand/1", False, basis)


def bars_of(day: date, minutes: int, ratio: float = 1.0) -> np.ndarray:
    """Return the bars of a session whose price climbs a tick every quarter of an hour, restated by a ratio."""
    session = B3.session("WDO", day)
    opens, closes = int(session["open_ns"][0]), int(session["close_ns"][0])
    out = np.zeros((closes - opens) // (minutes * MINUTE_NS), dtype=BAR)
    out["ts_open_ns"] = opens + np.arange(out.size) * minutes * MINUTE_NS
    out["ts_close_ns"] = out["ts_open_ns"] + minutes * MINUTE_NS
    quarter = 10_000 + 20 * DAYS.index(day) + np.arange(out.size) * minutes // 15
    for name, above in (("open", 0), ("high", 3), ("low", -3), ("close", 1)):
        out[name] = np.rint((quarter + above) * ratio)
    out["volume"], out["trades"], out["instrument"] = 7, 3, B3.of("WDO").id
    return out


def fill(lake: Lake, contract: str, days: list[date], minutes: int, ratio: float, basis: str = "back_adjusted") -> None:
    origin = provenance(f"{minutes}min.csv", basis)
    lake.commit((lake.draft("bars", contract, day, origin, minutes * 60), bars_of(day, minutes, ratio)) for day in days)


def test_lengths_of_another_level_are_told_with_their_ratio(lake: Lake) -> None:
    fill(lake, "WDOFUT", DAYS, 15, 1.0)
    fill(lake, "WDOFUT", DAYS[1:], 5, 1.0125)
    (found,) = disagreements(lake, "WDOFUT")
    assert (found.first, found.second, len(found.sessions)) == (("bars", 300), ("bars", 900), len(DAYS) - 1)
    assert found.difference.startswith("every price restated by ×")
    assert float(found.difference.rpartition("×")[2]) == pytest.approx(1 / 1.0125, abs=1e-5)
    assert "from 2020-03-03" in found.sentence


@pytest.mark.parametrize(("contract", "ratio"), [("WDOFUT", 1.0), ("WDOK20", 1.0125)])
def test_the_same_level_and_single_contracts_are_joined(lake: Lake, contract: str, ratio: float) -> None:
    fill(lake, contract, DAYS[:20], 15, 1.0, "raw")
    fill(lake, contract, DAYS[10:], 5, ratio, "raw")
    assert not list(disagreements(lake, contract))
    bars = Series(lake, contract, DAYS[18], DAYS[21]).bars(900)
    assert bars.size == 4 * bars_of(DAYS[18], 15).size


def test_lengths_that_share_no_session_are_of_unknown_level_where_one_was_restated(lake: Lake) -> None:
    fill(lake, "WDOFUT", DAYS[:10], 15, 1.0, "raw")
    fill(lake, "WDOFUT", DAYS[10:], 5, 1.0)
    (found,) = disagreements(lake, "WDOFUT")
    assert found.sessions == ()
    fill(lake, "WDO", DAYS[:10], 15, 1.0, "raw")
    fill(lake, "WDO", DAYS[10:], 5, 1.0, "raw")
    assert not list(disagreements(lake, "WDO"))


def test_a_reader_takes_the_record_that_all_sessions_have(lake: Lake) -> None:
    fill(lake, "WDOFUT", DAYS[:20], 15, 1.0)
    fill(lake, "WDOFUT", DAYS[5:], 5, 1.0125)
    closes = [int(bars["close"][0]) for _, bars in Series(lake, "WDOFUT", DAYS[18], DAYS[21]).session_bars(900)]
    assert closes == [round((10_000 + 20 * k + 1) * 1.0125) for k in (18, 19, 20, 21)]
    stored = Series(lake, "WDOFUT", DAYS[0], DAYS[19]).bars(900)["close"][0]
    assert stored == 10_001  # no session lacks it: as it is held


def test_a_reader_refuses_to_splice_where_no_record_covers_the_span(lake: Lake) -> None:
    fill(lake, "WDOFUT", DAYS[:20], 15, 1.0)
    fill(lake, "WDOFUT", DAYS[5:], 5, 1.0125)
    with pytest.raises(LakeError, match=r"one level, found bars of 900 s beside bars of 300 s of WDOFUT: .*×0"):
        Series(lake, "WDOFUT", DAYS[0], DAYS[-1]).bars(900)


def test_a_days_bar_is_built_from_open_to_close(lake: Lake) -> None:
    fill(lake, "WDOFUT", DAYS[:2], 5, 1.0)
    first, second = Series(lake, "WDOFUT", DAYS[0], DAYS[1]).bars(86_400)
    session, own = B3.session("WDO", DAYS[0]), bars_of(DAYS[0], 5)
    assert (first["ts_open_ns"], first["ts_close_ns"]) == (session["open_ns"][0], session["close_ns"][0])
    assert (first["high"], first["close"], first["volume"]) == (own["high"].max(), own["close"][-1], 7 * own.size)
    assert second["open"] == 10_020
