"""A roll is a change of contract: nothing of the old one reaches the new one's features."""

from datetime import date

import numpy as np

from features.pipeline import compute_session
from flows.recorded import open_recorded
from market.home import Home
from market.lake import Lake
from market.synthetic import SyntheticMarket, write_market
from tests.homes import MARKET, SCHEMA, fill_lake


def test_no_window_crosses_contracts(home: Home) -> None:
    fill_lake(home)
    first = MARKET.days()[0]
    alone = compute_session(SCHEMA, open_recorded(home, MARKET.symbol, None).feed, first)
    before = SyntheticMarket(symbol="WINM26", first=date(2026, 5, 20), sessions=3, seed=5, trades_per_session=600)
    assert before.days()[-1] < first
    write_market(Lake(home.lake), before)
    rolled = compute_session(SCHEMA, open_recorded(home, MARKET.symbol, None).feed, first)
    assert rolled.rows.tobytes() == alone.rows.tobytes()
    assert np.isnan(rolled.rows[0]).all()  # cold: the sessions of the old contract are no preload
