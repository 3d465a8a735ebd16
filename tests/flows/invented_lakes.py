"""Lakes with invented sessions, filed as if a vendor had sent them."""

from collections.abc import Callable
from datetime import date, timedelta

import numpy as np

from market.bar_statistics import BarSeries
from market.home import Home
from market.instruments import B3
from market.lake import Lake
from market.lake_manifest import Provenance
from market.types import BAR
from tests.homes import MARKET
from tests.market.invented_bars import in_july

VENDOR = Provenance("export.csv", "0" * 64, "test/1", False, "raw")
MINUTE_NS = 60_000_000_000


def fill_real(home: Home, spoil: Callable[[np.ndarray], None] | None = None) -> Lake:
    """Write the small market's trades, the sixth of its second session spoilt."""
    writes, lake = [], Lake(home.lake)
    for index, day in enumerate(MARKET.days()):
        events = MARKET.session_events(index)
        sold = events[events["kind"] == 1]
        if spoil and index == 1:
            spoil(sold[5:6])
        writes.append((lake.draft("trades", MARKET.symbol, day, VENDOR), sold))
    lake.commit(writes)
    return lake


def fill_bars(home: Home, series: BarSeries, origin: Provenance = VENDOR) -> Lake:
    """Write five-minute bars of WDO, moved to days without a holiday."""
    lake, writes, series = Lake(home.lake), [], in_july(series)
    for own in np.unique(series.day):
        day, rows = date(1970, 1, 1) + timedelta(days=int(own)), series.day == own
        bars = np.zeros(int(rows.sum()), dtype=BAR)
        for name in ("open", "high", "low", "close"):
            bars[name] = np.rint(getattr(series, name)[rows] / 0.5)
        bars["volume"] = bars["trades"] = series.volume[rows]
        opens = int(B3.session("WDO", day)["open_ns"][0])
        bars["ts_open_ns"] = opens + (series.minute[rows] - 540) * MINUTE_NS
        bars["ts_close_ns"] = bars["ts_open_ns"] + 5 * MINUTE_NS
        writes.append((lake.draft("bars", "WDO", day, origin, 300), bars))
    lake.commit(writes)
    return lake
