"""How often each pattern is there: on a market like the real one, on real ticks, and on the demonstration's.

What is stated here stands with its reasons in docs/decisions/0006-agents-patterns-and-strategy.md.
"""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from flows.recorded import open_recorded, schema_of
from market.home import Home
from market.importer import import_file
from market.lake import Lake
from market.synthetic import SyntheticMarket, split_kinds, write_market
from market.types import Kind
from tests.factories import make_constant_forest, make_model
from tests.trading.scenarios import usual_in
from trading.agent_inputs import available_agents
from trading.core import new_desk
from trading.paper import new_trader, run_session
from trading.pattern_state import BUYS, EVALUATED, SELLS
from trading.patterns import PATTERNS, Pattern
from trading.policy import RiskLimits, StrategyParams

P = Pattern
Shares = Mapping[Pattern, float]
# Largest share of the decisions, of each minute, at which a pattern may be there. None is above one in five.
STATED: Shares = {
    P.SWEEP: 0.08, P.ICEBERG: 0.05, P.ABSORPTION: 0.14, P.EXHAUSTION: 0.11, P.DELTA_DIVERGENCE: 0.16,
    P.EXTREME_DELTA: 0.08, P.ACCELERATION: 0.06, P.TAPE_MOMENTUM: 0.12, P.INITIATIVE: 0.05,
    P.ABSORPTION_REVERSAL: 0.02, P.P_SHAPE: 0.20, P.B_SHAPE: 0.20, P.SLOPE_DIVERGENCE: 0.05,
}  # fmt: skip
# Nine trades a minute carry the whole move of a minute there: four of five stand at another price than the last.
DEMONSTRATION = {**STATED, P.SWEEP: 0.17, P.TAPE_MOMENTUM: 0.40, P.P_SHAPE: 0.27, P.B_SHAPE: 0.27}
TICKS, MORNING, MINUTES = "b3/mt5_ticks/DOLK20.csv", date(2020, 4, 2), 297  # with trades


def shares_of(home: Home, first: int = 1) -> Shares:
    """Return the share of the decisions at which each pattern was there, in the sessions from one on; NaN: unknown."""
    dataset = open_recorded(home, None, None)
    feed, schema = dataset.feed, schema_of(dataset, "full")
    days, columns = feed.sessions()[first:], schema.columns
    model = make_model(
        schema, make_constant_forest(len(columns), 0.6), available_agents(columns), StrategyParams(),
        usual_in(schema, feed, days),
    )  # fmt: skip
    trader = new_trader(schema, model, new_desk(RiskLimits(), feed.instrument))
    hits = np.zeros((PATTERNS, 3), dtype=np.int64)
    for day in days:
        run_session(trader, feed, day)
        hits += trader.core.patterns.hits
    known = np.where(hits[:, EVALUATED] > 0, hits[:, EVALUATED], np.nan)
    return dict(zip(Pattern, ((hits[:, BUYS] + hits[:, SELLS]) / known).tolist(), strict=True))


def outside(
    shares: Mapping[Pattern, float], stated: Mapping[Pattern, float], unknown: set[Pattern]
) -> dict[str, float]:
    """Return the patterns that are never there or too often, those aside that the feed cannot tell."""
    assert {pattern for pattern, share in shares.items() if np.isnan(share)} == unknown
    known = {pattern: share for pattern, share in shares.items() if pattern not in unknown}
    return {pattern.name: share for pattern, share in known.items() if not 0 < share <= stated[pattern]}


def test_no_stated_share_is_above_one_in_five() -> None:
    assert set(STATED) == set(Pattern)
    assert max(STATED.values()) <= 0.20


@pytest.mark.parametrize("root", ["WDO", "DOL"])
def test_every_pattern_is_there_sometimes_and_none_too_often(home: Home, root: str) -> None:
    write_market(Lake(home.lake), SyntheticMarket.realistic(f"{root}Q26", date(2026, 6, 1), 3, 3))
    assert outside(shares_of(home), STATED, {P.EXTREME_DELTA}) == {}  # three sessions tell no percentile


@pytest.mark.nightly
def test_every_pattern_is_there_in_twenty_sessions_and_none_too_often(home: Home) -> None:
    write_market(Lake(home.lake), SyntheticMarket.realistic("WDOQ26", date(2026, 6, 1), 21, 11))
    assert outside(shares_of(home), STATED, set()) == {}


def test_every_pattern_is_there_in_a_real_morning_and_none_too_often(realdata: Path, home: Home) -> None:
    import_file(Lake(home.lake), realdata / TICKS)
    # Its quotes have no sizes, and one session tells no percentile.
    assert outside(shares_of(home, 0), STATED, {P.ICEBERG, P.EXTREME_DELTA}) == {}


def test_demonstration_has_its_own_shares(home: Home) -> None:
    write_market(Lake(home.lake), SyntheticMarket(sessions=4))
    shares = shares_of(home)
    assert outside(shares, DEMONSTRATION, {P.EXTREME_DELTA}) == {}
    too_often = {pattern for pattern, share in shares.items() if share > 0.20}
    assert too_often == {P.TAPE_MOMENTUM, P.P_SHAPE, P.B_SHAPE}


def steps(events: np.ndarray) -> float:
    """Return the share of trades at another price than the trade before."""
    return float((np.diff(events["price"][events["kind"] == Kind.TRADE]) != 0).mean())


def test_demonstration_is_unlike_real_ticks_in_the_steps_of_its_price(realdata: Path, tmp_path: Path) -> None:
    """Few trades alone are not the reason: of real ones every eighth, as many a minute, find no pattern too often."""
    whole, thinned = Home(tmp_path / "whole"), Home(tmp_path / "thinned")
    import_file(Lake(whole.lake), realdata / TICKS)
    real, demonstrated = Lake(whole.lake).read_events("DOLK20", MORNING), SyntheticMarket(sessions=1).session_events(0)
    assert steps(real) == pytest.approx(0.27, abs=0.01)
    assert steps(demonstrated) == pytest.approx(0.82, abs=0.01)
    traded = real["kind"] == Kind.TRADE
    kept = real[~traded | (np.cumsum(traded) % 8 == 0)]
    assert (kept["kind"] == Kind.TRADE).sum() / MINUTES == pytest.approx(9.2, abs=0.1)
    lake, source = Lake(thinned.lake), Lake(whole.lake).partitions("trades")[0].provenance
    lake.commit((lake.draft(kind, "DOLK20", MORNING, source), part) for kind, part in split_kinds(kept))
    shares = shares_of(thinned, 0)
    assert np.nanmax(list(shares.values())) <= 0.20
