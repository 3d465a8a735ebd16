"""Every column of brokers, book levels, prints, profile and footprint against a slow twin written from its formula."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest

from features.catalogue import index_of
from features.catalogue_events import EVENT_FEATURES
from tests.features.book_moments import SECOND, TRADE, Book, Seen, Side, watch
from tests.features.test_feature_twins import known, one_sided, over

NAN = math.nan

Twin = Callable[[Seen], float]
TWINS: dict[str, tuple[str, int, Twin]] = {}


def twin(name: str, unit: str, warm: int, value: Twin) -> None:
    TWINS[name] = (unit, warm, value)


# --- brokers


def volume_of(trades: np.ndarray, side: str, broker: int) -> int:
    return int(trades["quantity"][trades[side] == broker].sum())


def ranked(m: Seen, sides: tuple[str, ...]) -> list[int]:
    """Brokers of the earlier sessions by their lots, the lowest id first on ties."""
    if not m.ready:
        return []
    trades = np.concatenate(m.earlier)
    trades = trades[(trades["buyer"] > 0) & (trades["seller"] > 0)]
    lots = {b: sum(volume_of(trades, side, b) for side in sides) for s in sides for b in np.unique(trades[s]).tolist()}
    return sorted(lots, key=lambda broker: (-lots[broker], broker))


def top_share(m: Seen, side: str, rank: int) -> float:
    order, recent = ranked(m, (side,)), m.named[-100:]
    if len(m.named) < 100 or len(order) <= rank:
        return NAN
    return volume_of(recent, side, order[rank]) / int(recent["quantity"].sum())


def changed(m: Seen, side: str) -> float:
    return NAN if len(m.named) < 20 else float(np.mean(m.named[side][-20:][1:] != m.named[side][-20:][:-1]))


def turnover(m: Seen) -> float:
    if len(m.named) < 200:
        return NAN
    now, before = (set(part["buyer"]) | set(part["seller"]) for part in (m.named[-100:], m.named[-200:-100]))
    return 1 - len(now & before) / len(now | before)


def top_five(m: Seen) -> tuple[int, int, int]:
    """Lots bought and sold by the five most active brokers in the last 500 trades, and all lots."""
    recent, five = m.named[-500:], ranked(m, ("buyer", "seller"))[:5]
    bought, sold = (sum(volume_of(recent, side, broker) for broker in five) for side in ("buyer", "seller"))
    return bought, sold, int(recent["quantity"].sum())


def of_five(m: Seen, value: Callable[[int, int, int], float]) -> float:
    return value(*top_five(m)) if m.ready and len(m.named) >= 500 else NAN


twin("agent_turnover", "trades", 200, turnover)
for side in ("buyer", "seller"):
    for rank in range(5):
        twin(f"top_{side}_{rank}_active", "trades", 200, lambda m, s=side, r=rank: top_share(m, s, r))
    twin(
        f"top_{side}s_count", "trades", 200,
        lambda m, s=side: NAN if len(m.named) < 100 else len(np.unique(m.named[s][-100:])) / 100,
    )  # fmt: skip
    twin(f"{side}_changed", "trades", 200, lambda m, s=side: changed(m, s))
twin("top_trader_ratio", "trades", 500, lambda m: of_five(m, lambda bought, sold, lots: (bought + sold) / (2 * lots)))
twin("side_bias", "trades", 500, lambda m: of_five(m, lambda bought, sold, lots: over(bought - sold, bought + sold, 0)))

# --- prints


def aggressors(m: Seen) -> float:
    last = m.trades["side"][-20:]
    return over(int((last == 1).sum()), int((last != 0).sum()), 0.5)


def slope(m: Seen, n: int) -> float:
    prices = m.trades["price"][-n:].astype(float)
    return float(np.polyfit(np.arange(n) - (n - 1) / 2, prices - prices.mean(), 1)[0])


def absorption(m: Seen) -> float:
    last, long = m.since(10, m.trades), m.since(300, m.trades)
    if len(last) == 0 or np.ptp(last["price"]) > 1:
        return 0.0
    much = {s: 0 < one_sided(last, s) >= 1.5 * one_sided(long, s) / 30 for s in (1, -1)}
    return 0.0 if much[1] == much[-1] else (-1.0 if much[1] else 1.0)


twin("is_buyer_aggressor", "trades", 200, aggressors)
for n in (10, 30, 60):
    twin(f"tape_slope_{n}", "trades", n, lambda m, n=n: slope(m, n))
twin("absorption", "seconds", 300, absorption)

# --- best quotes


def quoted(m: Seen, value: Callable[[Book], float]) -> float:
    book = m.book
    fresh = m.now - book.quote_time <= 2 * SECOND
    return value(book) if fresh and 0 < book.bid[0] < book.ask[0] and book.bid[1] > 0 < book.ask[1] else NAN


def mean_size(m: Seen, seconds: int) -> float:
    sizes = [book.bid[1] + book.ask[1] for book in m.books_since(seconds) if book.quoted]
    return sum(sizes) / len(sizes) / 2 if sizes else 0.0


def ofi(m: Seen, seconds: int) -> float:
    return quoted(m, lambda _: over(sum(b.flow for b in m.books_since(seconds)), mean_size(m, seconds), 0.0))


def hidden(m: Seen, side: int) -> float:
    """What aggressors took at the best price since it stands, beyond what it came with."""
    best = [book.bid if side == 1 else book.ask for book in m.books[: len(m.events)]]
    start = len(best) - 1
    while start > 0 and best[start - 1][0] == best[-1][0]:
        start -= 1
    stay = m.events[start + 1 :]
    stay = stay[(stay["kind"] == TRADE) & np.isin(stay["trade_type"], (0, 2, 3, 4, 13))]
    taken = stay[(stay["side"] == -side) & (stay["price"] == best[-1][0])]["quantity"].sum()
    return quoted(m, lambda _: over(max(0, int(taken) - best[start][1]), mean_size(m, 60)))


for n in (1, 10, 300):
    twin(f"ofi_{n}", "seconds", n, lambda m, n=n: ofi(m, n))
twin("hidden_bid", "seconds", 60, lambda m: hidden(m, 1))
twin("hidden_ask", "seconds", 60, lambda m: hidden(m, -1))

# --- levels


def deep(m: Seen, value: Callable[[Book], float]) -> float:
    return value(m.book) if m.book.sound and m.now - m.book.book_time <= 2 * SECOND else NAN


def side_lots(book: Book) -> tuple[int, int]:
    return sum(q for _, q in book.bids[:5]), sum(q for _, q in book.asks[:5])


def mid(book: Book) -> float:
    return (book.bids[0][0] + book.asks[0][0]) / 2


def weighted(book: Book) -> float:
    bids, asks = side_lots(book)
    return (book.bids[0][0] * asks + book.asks[0][0] * bids) / (bids + asks) - mid(book)


def pressure(book: Book) -> float:
    bids, asks = (sum(q / (i + 1) for i, (_, q) in enumerate(side[:5])) for side in (book.bids, book.asks))
    return (bids - asks) / (bids + asks)


def near(side: Side, away: int) -> int:
    return sum(q > 0 and (p - side[0][0]) * away in range(5) for p, q in side[:5])


def gap(side: Side, away: int) -> int:
    """Most empty ticks from one level to the next."""
    prices = [price for price, lots in side[:5] if lots > 0]
    return max([0, *((after - price) * away - 1 for price, after in pairwise(prices))])


def major(book: Book) -> tuple[int, float, float]:
    """Side, distance and size of the nearest large level."""
    mean = sum(q for _, _, q in book.levels) / len(book.levels)
    large = [
        (abs(price - mid(book)), -lots, -side)
        for side, price, lots in book.levels
        if lots > 2 * mean * (1 + 1e-12) and abs(price - mid(book)) <= 0.002 * mid(book) * (1 + 1e-12)
    ]
    if not large:
        return 0, 0.0, 0.0
    away, lots, side = min(large)
    return -side, away, -lots / mean


def rounded(lots: int) -> int:
    """Keep the six leading bits."""
    shift = max(lots.bit_length() - 6, 0)
    return lots >> shift << shift


def liquidity(m: Seen) -> float:
    depths = sorted(lots for session in m.earlier_depths for lots in session if lots > 0)
    if not m.ready or not depths:
        return NAN
    usual = rounded(depths[(len(depths) - 1) // 2])
    spread = deep(m, lambda book: book.asks[0][0] - book.bids[0][0])
    return deep(m, lambda book: 0.7 * min(1, book.lots / usual) + 0.3 * max(0, 1 - (spread - 1) / 4))


def replenishment(m: Seen) -> float:
    before, taken = m.at(10).lots, known(m.since(10, m.trades))
    return deep(m, lambda book: over(max(0, book.lots - before + taken), taken, 0.0) if before > 0 else NAN)


twin("weighted_mid_dev", "seconds", 0, lambda m: deep(m, weighted))
twin(
    "depth_imbalance5", "seconds", 0, lambda m: deep(m, lambda b: (side_lots(b)[0] - side_lots(b)[1]) / b.lots)
)  # fmt: skip
twin("book_pressure", "seconds", 0, lambda m: deep(m, pressure))
twin("bid_levels", "seconds", 0, lambda m: deep(m, lambda b: near(b.bids, -1)))
twin("ask_levels", "seconds", 0, lambda m: deep(m, lambda b: near(b.asks, 1)))
twin("bid_gap", "seconds", 0, lambda m: deep(m, lambda b: gap(b.bids, -1)))
twin("ask_gap", "seconds", 0, lambda m: deep(m, lambda b: gap(b.asks, 1)))
for k, name in enumerate(("side", "distance", "size")):
    twin(f"major_level_{name}", "seconds", 0, lambda m, k=k: deep(m, lambda b: major(b)[k]))
twin("liquidity_score", "seconds", 0, liquidity)
twin("consumption", "seconds", 10, lambda m: deep(m, lambda b: known(m.since(10, m.trades)) / (b.lots / 2)))
twin("replenishment", "seconds", 10, replenishment)

# --- profile and footprint


def by_tick(trades: np.ndarray) -> dict[int, int]:
    return {
        price: int(trades["quantity"][trades["price"] == price].sum()) for price in np.unique(trades["price"]).tolist()
    }


def profiled(m: Seen, value: Callable[[dict[int, int], int], float]) -> float:
    volumes = by_tick(m.session_bars(10_000))
    return value(volumes, control(volumes)) if volumes else NAN


def control(volumes: dict[int, int]) -> int:
    return min(volumes, key=lambda price: (-volumes[price], price))


def value_area(volumes: dict[int, int], poc: int) -> tuple[int, int]:
    """Try every range around the point of control: the smallest, then the lowest."""
    total, prices = sum(volumes.values()), range(min(volumes), max(volumes) + 1)
    sums = dict(zip(prices, np.cumsum([volumes.get(price, 0) for price in prices]).tolist(), strict=True))
    ranges = [
        (high - low, low, high)
        for low in range(prices[0], poc + 1)
        for high in range(poc, prices[-1] + 1)
        if 10 * (sums[high] - sums.get(low - 1, 0)) >= 7 * total
    ]
    _, low, high = min(ranges)
    return low, high


def skew(volumes: dict[int, int], poc: int) -> float:
    above, below = (sum(v for x, v in volumes.items() if (x - poc) * s > 0) for s in (1, -1))
    return (above - below) / sum(volumes.values())


def concentration(m: Seen) -> float:
    volumes = by_tick(m.session_bars(30))
    total = sum(volumes.values())
    return over(sum(v * v for v in volumes.values()), total * total)


def close(m: Seen) -> int:
    return int(m.bars[-1]["close"])


def position(m: Seen, low: int, high: int) -> float:
    return over(close(m) - low, high - low, 0.5)


twin("poc_distance", "bars", 1, lambda m: profiled(m, lambda v, poc: close(m) - poc))
twin("value_area_width", "bars", 1, lambda m: profiled(m, lambda v, poc: np.ptp(value_area(v, poc)) + 1))
twin("value_area_position", "bars", 1, lambda m: profiled(m, lambda v, poc: position(m, *value_area(v, poc))))
twin("volume_profile_skew", "bars", 1, lambda m: profiled(m, skew))
twin("volume_concentration", "bars", 1, concentration)


@dataclass
class Foot:
    """The last bar by price."""

    low: int
    high: int
    buys: dict[int, int]
    sells: dict[int, int]

    def both(self, price: int) -> int:
        return self.buys.get(price, 0) + self.sells.get(price, 0)

    @property
    def prices(self) -> range:
        return range(self.low, self.high + 1)

    def diagonal(self, price: int, side: int) -> bool:
        own, other = (self.buys, self.sells) if side == 1 else (self.sells, self.buys)
        return own.get(price, 0) > 0 and own[price] >= 3 * other.get(price - side, 0)

    def stack(self, side: int, least: int) -> int:
        own = self.buys if side == 1 else self.sells
        marks = "".join("x" if self.diagonal(p, side) and own[p] >= least else " " for p in self.prices)
        return max(len(run) for run in marks.split(" "))

    @property
    def place(self) -> float:
        volumes = {price: self.both(price) for price in self.prices}
        return over(control(volumes) - self.low, self.high - self.low, 0.5) if any(volumes.values()) else 0.5

    def shape(self, side: int) -> float:
        """P (1) or b (-1): volume at one end of the bar, little in the other half."""
        total = sum(self.both(price) for price in self.prices)
        other = sum(self.both(p) for p in self.prices if (2 * p - self.low - self.high) * side < 0)
        near = self.place > 2 / 3 + 1e-12 if side == 1 else self.place < 1 / 3 - 1e-12
        return float(near and total > 0 and 10 * other < 3 * total)


def footed(m: Seen, value: Callable[[Foot], float]) -> float:
    if known(m.opening_trades) == 0:
        return NAN
    trades, bar = m.session_bars(1), m.bars[-1]
    return value(Foot(bar["low"], bar["high"], *(by_tick(trades[trades["side"] == s]) for s in (1, -1))))


def diagonals(foot: Foot) -> float:
    buys, sells = (sum(foot.diagonal(price, side) for price in foot.prices) for side in (1, -1))
    return over(buys - sells, buys + sells, 0.0)


twin("bar_delta", "bars", 1, lambda m: footed(m, lambda f: sum(f.buys.values()) - sum(f.sells.values())))
twin("diagonal_imbalance", "bars", 1, lambda m: footed(m, diagonals))
for side, name in ((1, "buy"), (-1, "sell")):
    twin(
        f"stacked_{name}", "bars", 1,
        lambda m, s=side: NAN if m.large is None else footed(m, lambda f: f.stack(s, m.large)),
    )  # fmt: skip
for end in ("high", "low"):
    twin(
        f"unfinished_{end}", "bars", 1,
        lambda m, e=end: footed(m, lambda f: f.buys.get(getattr(f, e), 0) > 0 < f.sells.get(getattr(f, e), 0)),
    )  # fmt: skip
twin("bar_poc_position", "bars", 1, lambda m: footed(m, lambda f: f.place))
twin("p_shape", "bars", 1, lambda m: footed(m, lambda f: f.shape(1)))
twin("b_shape", "bars", 1, lambda m: footed(m, lambda f: f.shape(-1)))


def expected(m: Seen, name: str) -> float:
    unit, warm, value = TWINS[name]
    have = {"bars": len(m.bars), "trades": len(m.trades), "seconds": m.elapsed // SECOND}[unit]
    return NAN if have < warm or m.is_unknown(name) else float(value(m))


@pytest.fixture(scope="module")
def seen(market, full_schema) -> list[tuple[Seen, np.ndarray]]:
    return watch(full_schema, market)


@pytest.fixture(scope="module")
def seen_by_price(price_market, full_schema) -> list[tuple[Seen, np.ndarray]]:
    return watch(full_schema, price_market)


def compare(name: str, moments: list[tuple[Seen, np.ndarray]]) -> np.ndarray:
    values = np.array([scratch[index_of(name)] for _, scratch in moments])
    wanted = np.array([expected(moment, name) for moment, _ in moments])
    np.testing.assert_allclose(values, wanted, rtol=1e-9, atol=1e-11)
    return wanted


def test_every_column_has_a_twin():
    assert sorted(TWINS) == sorted(feature.name for feature in EVENT_FEATURES)


@pytest.mark.parametrize("feature", EVENT_FEATURES, ids=lambda feature: feature.name)
def test_kernel_equals_its_twin(feature, seen):
    wanted = compare(feature.name, seen)
    values = wanted[np.isfinite(wanted)]
    assert len(values) >= 20, "the market of this test never warms this column"
    assert np.all((values >= feature.low) & (values <= feature.high))
    assert np.unique(values).size > 1


@pytest.mark.parametrize("feature", [f for f in EVENT_FEATURES if f.group in ("book", "depth")], ids=lambda f: f.name)
def test_levels_by_price_without_quotes_equal_the_twin(feature, seen_by_price):
    wanted = compare(feature.name, seen_by_price)
    assert np.unique(wanted[np.isfinite(wanted)]).size > 1
