"""The realistic synthetic market beside the four stylised facts of real files (`tests.measured`).

Thirty sessions of fixed seeds; the bands say how near the market is meant to come, not what it gives.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from market.bars import bars_from_events
from market.errors import ConfigError
from market.instruments import B3
from market.synthetic import SyntheticMarket
from market.synthetic_microstructure import WIDE
from market.types import Flag, Kind
from tests import measured
from tests.measured import LAGS, unusual_sizes
from tests.stylised import autocorrelation, inside_share, intraday_shape, log_returns, spread_shares

FIRST, SESSIONS = date(2026, 6, 1), 30
MINUTE_NS = 60_000_000_000


class Facts:
    """The facts of one market; five levels change none of them, so one is enough."""

    def __init__(self, market: SyntheticMarket) -> None:
        root = market.symbol[:3]
        sessions = [market.session_events(index) for index in range(market.sessions)]
        hours = [B3.session(root, day) for day in market.days()]
        self.bars = [bars_from_events(*both, MINUTE_NS) for both in zip(sessions, hours, strict=True)]
        self.spread = np.mean([spread_shares(records) for records in sessions], axis=0)
        self.inside = float(np.mean([inside_share(records) for records in sessions]))
        self.trades = float(np.mean([np.count_nonzero(records["kind"] == Kind.TRADE) for records in sessions]))
        noons = [int(day["lunch_start_ns"][0]) for day in hours]
        self.shape = np.mean([intraday_shape(*both) for both in zip(self.bars, noons, strict=True)], axis=0)
        self.returns = [log_returns(bars) for bars in self.bars]
        self.unusual = unusual_sizes(list(zip(market.days(), self.bars, strict=True)), root)


def realistic(symbol: str, seed: int = 1, alpha: float = 0.0) -> SyntheticMarket:
    return replace(SyntheticMarket.realistic(symbol, FIRST, SESSIONS, seed, alpha), levels=1)


@pytest.fixture(scope="module")
def dollar() -> Facts:
    return Facts(realistic("WDOQ26"))


@pytest.fixture(scope="module")
def index() -> Facts:
    return Facts(realistic("WINQ26"))


@pytest.fixture(scope="module", params=["dollar", "index"])
def facts(request: pytest.FixtureRequest) -> Facts:
    found: Facts = request.getfixturevalue(request.param)
    return found


def test_spread_is_distributed_as_on_the_real_morning(facts: Facts) -> None:
    """No file holds quotes of WIN: both markets are held to the DOL's morning, as both presets say."""
    real = measured.MORNING_SPREAD
    assert facts.spread[0] == 0
    assert facts.spread[1] == pytest.approx(real[1], abs=0.06)
    assert facts.spread[2] == pytest.approx(real[2], abs=0.06)
    assert 0.005 < facts.spread[3] < 0.06
    assert facts.spread[4:].sum() < 0.005


def test_trades_inside_the_spread_are_as_many_as_on_the_real_morning(facts: Facts) -> None:
    assert facts.inside == pytest.approx(measured.MORNING_INSIDE, abs=0.03)


@pytest.mark.parametrize(
    ("market", "real"), [("dollar", measured.WDO_SHAPE), ("index", measured.WIN_SHAPE)], ids=["WDO", "WIN"]
)
def test_day_has_the_shape_of_two_real_years(
    market: str, real: tuple[float, ...], request: pytest.FixtureRequest
) -> None:
    shape = request.getfixturevalue(market).shape
    assert np.corrcoef(shape, real)[0, 1] > 0.97
    assert np.mean(np.abs(shape / np.array(real) - 1)) < 0.12


def test_returns_of_a_minute_have_no_memory(facts: Facts) -> None:
    """The real ones are within 0.05 of nothing too, the first a little below it: the last trade was at bid or ask."""
    for lag in (1, 2, 3, 5, 10, 30):
        assert abs(autocorrelation(facts.returns, lag)) < 0.06


@pytest.mark.parametrize(
    ("market", "real"),
    [("dollar", measured.WDO_ABSOLUTE_MEMORY), ("index", measured.WIN_ABSOLUTE_MEMORY)],
    ids=["WDO", "WIN"],
)
def test_size_of_returns_remembers_about_as_long(
    market: str, real: tuple[float, ...], request: pytest.FixtureRequest
) -> None:
    sizes = [np.abs(values) for values in request.getfixturevalue(market).returns]
    for lag, expected in zip(LAGS, real, strict=True):
        assert 0.5 * expected < autocorrelation(sizes, lag) < 1.7 * expected


@pytest.mark.parametrize(
    ("market", "real"),
    [("dollar", measured.WDO_MEMORY_WITHOUT_TIME_OF_DAY), ("index", measured.WIN_MEMORY_WITHOUT_TIME_OF_DAY)],
    ids=["WDO", "WIN"],
)
def test_size_of_returns_remembers_more_than_the_time_of_day(
    market: str, real: tuple[float, ...], request: pytest.FixtureRequest
) -> None:
    """The real market has a burst of the first minute or two besides, which this one has not in the WDO."""
    apart = request.getfixturevalue(market).unusual
    near, *later = [autocorrelation(apart, lag) for lag in LAGS]
    assert 0.4 * real[0] < near < 1.5 * real[0]
    assert np.mean(later) == pytest.approx(np.mean(real[1:]), rel=0.4)


def test_trades_are_as_many_as_asked_for(facts: Facts) -> None:
    assert facts.trades == pytest.approx(20_000, rel=0.15)


@pytest.mark.parametrize(("symbol", "alpha", "low", "high"), [
    ("WDOQ26", 0.0, -0.1, 0.1), ("WINQ26", 0.0, -0.1, 0.1), ("WDOQ26", 2.0, 0.12, 0.5), ("WINQ26", 2.0, 0.15, 0.5),
])  # fmt: skip
def test_flow_tells_the_next_ten_minutes_only_where_alpha_is_planted(
    symbol: str, alpha: float, low: float, high: float
) -> None:
    """1,500 independent spans of ten minutes: 0.1 is four standard errors."""
    bars = Facts(realistic(symbol, seed=4, alpha=alpha)).bars
    known, ahead = [], []
    for day in bars:
        delta = (day["buy_volume"] - day["sell_volume"]) / np.maximum(day["buy_volume"] + day["sell_volume"], 1)
        known.append(np.convolve(delta, np.ones(5) / 5)[4:-14])
        ahead.append((day["close"][10:].astype(float) - day["close"][:-10])[4:])
    assert low < np.corrcoef(np.concatenate(known), np.concatenate(ahead))[0, 1] < high


def test_realistic_market_has_all_its_abilities_and_is_always_marked() -> None:
    market = replace(SyntheticMarket.realistic("WDOQ26", FIRST, 2, 5), halts=1.0, gaps=1.0, trades_per_session=3000)
    records = np.concatenate([market.session_events(0), market.session_events(1)])
    assert set(records["kind"].tolist()) >= {
        Kind.TRADE, Kind.QUOTE_SIDE, Kind.LEVEL_SET, Kind.LEVEL_DELETE, Kind.STATE, Kind.GAP,
    }  # fmt: skip
    assert np.all(records["flags"] == Flag.SYNTHETIC)
    assert np.all(records["instrument"] == 1)
    again = replace(SyntheticMarket.realistic("WDOQ26", FIRST, 2, 5), halts=1.0, gaps=1.0, trades_per_session=3000)
    assert again.session_events(1).tobytes() == market.session_events(1).tobytes()


CHANGES: list[Callable[[SyntheticMarket], SyntheticMarket]] = [
    lambda market: replace(market, levels=5),
    lambda market: replace(market, arrivals="hawkes"),
    lambda market: replace(market, halts=0.5),
    lambda market: replace(market, gaps=0.5),
    lambda market: replace(market, shape=((540, 1000), (1080, 500))),
    lambda market: replace(market, microstructure=WIDE),
    lambda market: replace(market, microstructure=WIDE._replace(inside_1024=401)),
]


def test_every_ability_changes_the_hash_and_an_unused_one_does_not() -> None:
    plain = SyntheticMarket()
    hashes = {plain.sha256(), *(change(plain).sha256() for change in CHANGES)}
    assert len(hashes) == 1 + len(CHANGES)
    assert replace(plain, levels=1, arrivals="poisson", halts=0.0, gaps=0.0).sha256() == plain.sha256()


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"impact": 0.7}, "impact"),
        ({"sweep": (1, 1, 1, 1, 1, 1, 1, 7)}, "sweep"),
        ({"sweep": (0, 1, 1, 1, 1, 1, 1, 1)}, "sweep"),
        ({"resting_spread": 3}, "resting_spread"),
        ({"race_rate": 0.5}, "race_rate"),
        ({"crowd": (-0.5, 1.0, 2.5)}, "crowd"),
        ({"wide_8": 9}, "wide_8"),
        ({"inside_1024": 2000}, "inside_1024"),
        ({"trades_per_order": 0.5}, "trades_per_order"),
    ],
)
def test_refuses_a_microstructure_no_session_could_hold(changed: dict[str, object], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        SyntheticMarket(microstructure=WIDE._replace(**changed))  # type: ignore[arg-type]
