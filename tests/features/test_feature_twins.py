"""Every column against a slow twin written from its formula (signals.md), at decision points and between them."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pytest

from features.catalogue import CATALOGUE, index_of
from features.catalogue_bars import BAR_FEATURES
from features.catalogue_events import EVENT_FEATURES
from features.pipeline import begin_session, snapshot, update_event
from features.state import new_state
from tests.features.unknown_columns import REACH, SIDED

SECOND = 1_000_000_000
NAN = math.nan
BAR_TYPES = (0, 2, 3, 4, 13)
ELSEWHERE = {feature.name for feature in (*BAR_FEATURES, *EVENT_FEATURES)}
TWINNED = [feature for feature in CATALOGUE if feature.name not in ELSEWHERE]


@dataclass
class Moment:
    """What may be known at one instant: closed bars of all sessions, and this session's events so far."""

    session: Any
    now: int
    bars: list[dict[str, Any]]
    events: np.ndarray
    earlier_sizes: list[np.ndarray]
    preload: int

    def column(self, name: str) -> np.ndarray:
        return np.array([float(bar[name]) for bar in self.bars])

    @cached_property
    def closes(self) -> np.ndarray:
        return self.column("close")

    @cached_property
    def volumes(self) -> np.ndarray:
        return self.column("volume")

    @cached_property
    def deltas(self) -> np.ndarray:
        return self.column("buy") - self.column("sell")

    @cached_property
    def returns(self) -> np.ndarray:
        """r, with the first bar of a session measured from its open."""
        before = [b["open"] if b["first"] else self.bars[k - 1]["close"] for k, b in enumerate(self.bars)]
        return np.log(self.closes / np.array(before, dtype=float))

    @cached_property
    def trades(self) -> np.ndarray:
        events = self.events
        return events[(events["kind"] == 1) & np.isin(events["trade_type"], BAR_TYPES)]

    @property
    def opening_trades(self) -> np.ndarray:
        """Trades of this session up to its last closed bar."""
        return self.trades[self.trades["ts_event_ns"] < self.bars[-1]["time"]]

    @property
    def elapsed(self) -> int:
        return self.now - int(self.session["open_ns"])

    def is_unknown(self, name: str) -> bool:
        """Tell whether no aggressor was shown yet, or the window begins before the feed was back."""
        losses = self.events["ts_event_ns"][self.events["kind"] == 8] - int(self.session["open_ns"])
        again = int(self.session["open_ns"]) + (losses // SECOND + 1) * SECOND
        lost = name in REACH and len(losses) > 0 and self.begin(REACH[name]) < again.max()
        return bool(lost or (name in SIDED and known(self.trades) == 0))

    @property
    def seconds_begun(self) -> int:
        """Seconds of the session begun: a close ends one, any other event lies in one, on its first instant too."""
        at_close = int(self.events["kind"][-1]) == 9
        return self.elapsed // SECOND if at_close else self.elapsed // SECOND + 1

    def begin(self, seconds: int) -> int:
        """Where the window of so many seconds begins: as many seconds before a close, on a whole one elsewhere."""
        return int(self.session["open_ns"]) + (self.seconds_begun - seconds) * SECOND

    def since(self, seconds: int, records: np.ndarray, until: int | None = None) -> np.ndarray:
        """Records of the last `seconds` seconds up to now, or of those before a whole second."""
        begin = self.begin(seconds) if until is None else until - seconds * SECOND
        times = records["ts_event_ns"]
        late = times >= begin if begin >= int(self.session["open_ns"]) else np.ones(len(times), bool)
        return records[late & (times < until)] if until is not None else records[late]

    @cached_property
    def quotes(self) -> list[dict[str, int]]:
        """The best quotes after each book event, and the order flow of that event."""
        book = {"bid": 0, "bid_size": 0, "ask": 0, "ask_size": 0, "time": 0, "flow": 0, "quoted": 0}
        states = []
        for event in self.events[np.isin(self.events["kind"], (4, 5, 8))]:
            old, book = book, dict(book, flow=0, quoted=0)
            book["at"] = int(event["ts_event_ns"])
            if event["kind"] in (4, 8):  # nothing is known of the book after a gap
                book.update(bid=0, bid_size=0, ask=0, ask_size=0)
            else:
                side = "bid" if event["side"] == 1 else "ask"
                book[side], book[f"{side}_size"] = int(event["price"]), int(event["quantity"])
                book.update(time=int(event["ts_event_ns"]), quoted=1)
                if old[side] > 0 and book[side] > 0:
                    book["flow"] = best_level_flow(old, book, side)
            states.append(book)
        return states

    @cached_property
    def quote_times(self) -> np.ndarray:
        return np.array([state["at"] for state in self.quotes], dtype=np.int64)

    def spread(self, at: int | None = None) -> float:
        """The spread now, or before the events of a moment, if the book was valid: two-sided, not crossed, fresh."""
        count = len(self.quotes) if at is None else int(np.searchsorted(self.quote_times, at, side="left"))
        if count == 0:
            return NAN
        book, time = self.quotes[count - 1], self.now if at is None else at
        valid = 0 < book["bid"] < book["ask"] and time - book["time"] <= 2 * SECOND
        return float(book["ask"] - book["bid"]) if valid else NAN

    @property
    def sample_times(self) -> list[int]:
        """The 600 whole seconds before the last event."""
        start = int(self.session["open_ns"])
        last = self.seconds_begun - 1
        return [start + second * SECOND for second in range(last - 599, last + 1)]

    @cached_property
    def large(self) -> int | None:
        if len(self.earlier_sizes) < self.preload:
            return None
        sizes = np.sort(np.minimum(np.concatenate(self.earlier_sizes), 1023))
        return int(sizes[math.ceil(0.95 * len(sizes)) - 1])


def best_level_flow(old: dict[str, int], new: dict[str, int], side: str) -> int:
    price, size, before, size_before = new[side], new[f"{side}_size"], old[side], old[f"{side}_size"]
    if side == "bid":
        return (price >= before) * size - (price <= before) * size_before
    return -(price <= before) * size + (price >= before) * size_before


def over(a: float, b: float, zero: float = NAN) -> float:
    return a / b if b != 0 else zero


def signed(trades: np.ndarray) -> int:
    return int((trades["side"].astype(np.int64) * trades["quantity"]).sum())


def known(trades: np.ndarray) -> int:
    return int(trades["quantity"][trades["side"] != 0].sum())


def one_sided(trades: np.ndarray, side: int) -> int:
    return int(trades["quantity"][trades["side"] == side].sum())


def vwap(trades: np.ndarray) -> float:
    return float((trades["price"].astype(np.int64) * trades["quantity"]).sum() / trades["quantity"].sum())


def clip10(value: float) -> float:
    return max(-10.0, min(10.0, value))


def z_prior(values: np.ndarray, n: int, zero: float) -> float:
    prior = values[-n - 1 : -1]
    return zero if np.ptp(prior) == 0 else (values[-1] - prior.mean()) / prior.std()


def ema(values: np.ndarray, n: int) -> float:
    alpha, state = 2 / (n + 1), values[0]
    for value in values[1:]:
        state = alpha * value + (1 - alpha) * state
    return float(state)


def wilder(values: list[float]) -> list[float]:
    out = [values[0]]
    for value in values[1:]:
        out.append((13 * out[-1] + value) / 14)
    return out


def directional(m: Moment) -> tuple[list[float], list[float], list[float]]:
    """Wilder averages of the true range and of both directional moves."""
    ranges, plus, minus = [], [], []
    for k, bar in enumerate(m.bars):
        if bar["first"]:
            ranges.append(float(bar["high"] - bar["low"]))
            plus.append(0.0)
            minus.append(0.0)
            continue
        last = m.bars[k - 1]
        ranges.append(float(max(bar["high"], last["close"]) - min(bar["low"], last["close"])))
        up, down = bar["high"] - last["high"], last["low"] - bar["low"]
        plus.append(float(up) if up > 0 and up > max(down, 0) else 0.0)
        minus.append(float(down) if down > 0 and down > max(up, 0) else 0.0)
    return wilder(ranges), wilder(plus), wilder(minus)


def atr(m: Moment) -> float:
    return directional(m)[0][-1]


def adx(m: Moment) -> float:
    dx = []
    for tr, plus, minus in zip(*directional(m), strict=True):
        up, down = over(100 * plus, tr, 0.0), over(100 * minus, tr, 0.0)
        dx.append(over(100 * abs(up - down), up + down, 0.0))
    return wilder(dx)[-1]


def rsi(m: Moment) -> float:
    changes = np.diff(m.closes)
    gain, loss = wilder(list(np.maximum(changes, 0)))[-1], wilder(list(np.maximum(-changes, 0)))[-1]
    if loss == 0:
        return 100.0 if gain > 0 else 50.0
    return 100 - 100 / (1 + gain / loss)


Twin = Callable[[Moment], float]
TWINS: dict[str, tuple[str, int, Twin]] = {}


def twin(name: str, unit: str, warm: int, value: Twin) -> None:
    TWINS[name] = (unit, warm, value)


for n in (10, 20, 50, 100):
    twin(f"volatility_{n}", "bars", n, lambda m, n=n: m.returns[-n:].std())
for a, b in ((10, 20), (20, 50), (50, 100)):
    twin(
        f"volatility_ratio_{a}_{b}", "bars", b, lambda m, a=a, b=b: over(m.returns[-a:].std(), m.returns[-b:].std(), 1)
    )


def garman_klass(m: Moment) -> float:
    o, h, l, c = (m.column(name)[-20:] for name in ("open", "high", "low", "close"))  # noqa: E741
    return math.sqrt(max(0.0, np.mean(0.5 * np.log(h / l) ** 2 - (2 * math.log(2) - 1) * np.log(c / o) ** 2)))


twin("volatility_gk", "bars", 20, garman_klass)
twin(
    "parkinson_20", "bars", 20,
    lambda m: math.sqrt(np.mean(np.log(m.column("high")[-20:] / m.column("low")[-20:]) ** 2) / (4 * math.log(2))),
)  # fmt: skip
twin(
    "bb_position", "bars", 20,
    lambda m: over(m.closes[-1] - m.closes[-20:].mean(), 2 * m.closes[-20:].std(), 0),
)  # fmt: skip
twin("atr_pct", "bars", 84, lambda m: atr(m) / m.closes[-1])
for n in (1, 2, 5, 10, 20, 50):
    twin(f"returns_{n}", "bars", n + 1, lambda m, n=n: math.log(m.closes[-1]) - math.log(m.closes[-1 - n]))


def first_bar(m: Moment) -> int:
    return max(k for k, bar in enumerate(m.bars) if bar["first"])


def gap_open(m: Moment) -> float:
    k = first_bar(m)
    return math.log(m.bars[k]["open"] / m.bars[k - 1]["close"]) if k > 0 else NAN


twin("gap_open", "bars", 1, gap_open)
twin("ret_session", "bars", 1, lambda m: math.log(m.closes[-1] / m.bars[first_bar(m)]["open"]))
for n in (20, 50):
    twin(f"volume_ratio_{n}", "bars", n, lambda m, n=n: over(m.volumes[-10:].mean(), m.volumes[-n:].mean(), 1))
    twin(f"volume_zscore_{n}", "bars", n + 1, lambda m, n=n: clip10(z_prior(m.volumes, n, 0.0)))
    twin(
        f"price_position_{n}", "bars", n,
        lambda m, n=n: over(
            m.closes[-1] - m.column("low")[-n:].min(), m.column("high")[-n:].max() - m.column("low")[-n:].min(), 0.5
        ),
    )  # fmt: skip
for a, b in ((5, 20), (20, 50)):
    twin(f"ma_{a}_{b}_ratio", "bars", b, lambda m, a=a, b=b: m.closes[-a:].mean() / m.closes[-b:].mean() - 1)


def momentum(m: Moment) -> float:
    now, five, twenty = np.log(m.closes[[-1, -6, -21]])
    return clip10(over((now - five) / 5 - (five - twenty) / 15, m.returns[-20:].std(), 0.0))


twin("momentum_5_20", "bars", 21, momentum)
twin(
    "sharpe_20", "bars", 20,
    lambda m: clip10(over(m.returns[-20:].mean(), m.returns[-20:].std(), 0.0) * math.sqrt(20)),
)  # fmt: skip
twin("rsi_14", "bars", 84, rsi)
twin("adx_14", "bars", 168, adx)
twin("di_diff", "bars", 84, lambda m: 100 * over(directional(m)[1][-1] - directional(m)[2][-1], atr(m), 0.0))
for n, warm in ((9, 84), (20, 84), (50, 150)):
    twin(f"ema{n}_distance", "bars", warm, lambda m, n=n: over(m.closes[-1] - ema(m.closes, n), atr(m)))


def minutes(m: Moment) -> tuple[float, float]:
    """Minutes since the open, and minutes of the session."""
    start = int(m.session["open_ns"])
    return (m.now - start) / 6e10, (int(m.session["close_ns"]) - start) / 6e10


twin("time_normalized", "bars", 1, lambda m: minutes(m)[0] / minutes(m)[1])
twin("minute_sin", "bars", 1, lambda m: math.sin(2 * math.pi * minutes(m)[0] / minutes(m)[1]))
twin("hour_cos", "bars", 1, lambda m: math.cos(2 * math.pi * minutes(m)[0] / minutes(m)[1]))
twin("day_of_week", "bars", 1, lambda m: int(m.session["weekday"]) / 4)
twin("is_opening_30min", "bars", 1, lambda m: float(minutes(m)[0] < 30))
twin("is_closing_30min", "bars", 1, lambda m: float(minutes(m)[0] >= minutes(m)[1] - 30))
twin(
    "is_lunch_hour", "bars", 1,
    lambda m: float(int(m.session["lunch_start_ns"]) <= m.now < int(m.session["lunch_end_ns"])),
)  # fmt: skip

for n in (10, 20, 50, 100):
    twin(
        f"order_flow_imbalance_{n}", "trades", n,
        lambda m, n=n: over(signed(m.trades[-n:]), known(m.trades[-n:]), 0.0),
    )  # fmt: skip
twin("cumulative_signed_volume", "trades", 100, lambda m: signed(m.trades) / int(m.trades["quantity"].sum()))
twin("volume_weighted_return", "trades", 100, lambda m: math.log(m.trades["price"][-1] / vwap(m.trades[-100:])))
twin("vwap_distance", "trades", 1, lambda m: math.log(m.trades["price"][-1] / vwap(m.trades)))
twin(
    "signed_volume",
    "bars",
    20,
    lambda m: NAN if known(m.opening_trades) == 0 else over(m.deltas[-1], m.volumes[-20:].mean(), 0),
)
twin("delta_z", "bars", 51, lambda m: NAN if known(m.opening_trades) == 0 else z_prior(m.deltas, 50, NAN))


def count(m: Moment, seconds: int, side: int | None = None) -> int:
    recent = m.since(seconds, m.trades)
    return len(recent) if side is None else int((recent["side"] == side).sum())


twin("trade_intensity", "seconds", 60, lambda m: count(m, 60) / 60)
twin("trade_intensity_ratio", "seconds", 1800, lambda m: min(10, over(count(m, 60), count(m, 1800) / 30, 1)))
twin("trade_velocity", "seconds", 300, lambda m: over(count(m, 60) / 60, count(m, 300) / 300, 1))
for n in (5, 10):
    twin(
        f"trade_flow_{n}",
        "seconds",
        n,
        lambda m, n=n: over(signed(m.since(n, m.trades)), known(m.since(n, m.trades)), 0),
    )


def flow_z(m: Moment, seconds: int) -> float:
    prior = np.array([signed(m.since(seconds, m.trades, until=at)) for at in m.sample_times], dtype=float)
    value = signed(m.since(seconds, m.trades))
    return 0.0 if np.ptp(prior) == 0 else (value - prior.mean()) / prior.std()


for n in (5, 10):
    twin(f"signed_flow_z_{n}", "seconds", 600, lambda m, n=n: flow_z(m, n))
for name, side in (("buy", 1), ("sell", -1)):
    twin(f"{name}_intensity", "seconds", 300, lambda m, s=side: over(count(m, 10, s) / 10, count(m, 300) / 300))
    twin(
        f"aggressive_{name}_ratio", "seconds", 60,
        lambda m, s=side: over(one_sided(m.since(60, m.trades), s), known(m.since(60, m.trades)), 0.5),
    )  # fmt: skip


def large_share(m: Moment) -> float:
    recent = m.since(60, m.trades)["quantity"]
    return NAN if m.large is None else over(int(recent[recent >= m.large].sum()), int(recent.sum()))


twin("large_trade_ratio", "seconds", 60, large_share)


def spread_z(m: Moment) -> float:
    samples = np.array([m.spread(at) for at in m.sample_times])
    samples = samples[np.isfinite(samples)]
    if not math.isfinite(m.spread()) or len(samples) < 60:
        return NAN
    return 0.0 if np.ptp(samples) == 0 else (m.spread() - samples.mean()) / samples.std()


def sized(m: Moment, value: Callable[[dict[str, int]], float]) -> float:
    """A value of the last quotes, where they are valid and carry sizes."""
    if not math.isfinite(m.spread()) or m.quotes[-1]["bid_size"] == 0 or m.quotes[-1]["ask_size"] == 0:
        return NAN
    return value(m.quotes[-1])


def ofi(m: Moment, seconds: int) -> float:
    recent = [state for state in m.quotes if state["at"] >= m.begin(seconds)]
    both = [s["bid_size"] + s["ask_size"] for s in recent if s["quoted"] and s["bid"] > 0 and s["ask"] > 0]
    return sized(m, lambda _: sum(s["flow"] for s in recent) / (np.mean(both) / 2))


twin("spread", "seconds", 0, lambda m: m.spread())
twin("spread_z", "seconds", 600, spread_z)
twin(
    "micro_dev", "seconds", 0,
    lambda m: sized(
        m,
        lambda q: (
            (q["bid"] * q["ask_size"] + q["ask"] * q["bid_size"]) / (q["ask_size"] + q["bid_size"])
            - (q["bid"] + q["ask"]) / 2
        ),
    ),
)  # fmt: skip
twin(
    "book_imbalance", "seconds", 0,
    lambda m: sized(m, lambda q: (q["bid_size"] - q["ask_size"]) / (q["bid_size"] + q["ask_size"])),
)  # fmt: skip
for n in (5, 60):
    twin(f"ofi_{n}", "seconds", n, lambda m, n=n: ofi(m, n))


def naive_bars(session: Any, events: np.ndarray, bar_ns: int) -> list[dict[str, Any]]:
    """Bars of one session by plain loops; the opening print belongs to the first."""
    start, close = int(session["open_ns"]), int(session["close_ns"])
    bars: list[dict[str, Any]] = []
    for end in range(start + bar_ns, close + 1, bar_ns):
        inside = (events["ts_event_ns"] < end) & ((events["ts_event_ns"] >= end - bar_ns) | (end == start + bar_ns))
        trades = events[inside & (events["kind"] == 1) & np.isin(events["trade_type"], BAR_TYPES)]
        if not len(trades) and not bars:
            continue
        prices = [int(p) for p in trades["price"]] or [bars[-1]["close"]]
        buy, sell = (int(trades["quantity"][trades["side"] == s].sum()) for s in (1, -1))
        bars.append(
            {
                "time": end, "first": not bars, "open": prices[0], "high": max(prices), "low": min(prices),
                "close": prices[-1], "volume": int(trades["quantity"].sum()), "buy": buy, "sell": sell,
                            }
        )  # fmt: skip
    return bars


def expected(m: Moment, name: str) -> float:
    unit, warm, value = TWINS[name]
    have = {"bars": len(m.bars), "trades": len(m.trades), "seconds": m.elapsed // SECOND}[unit]
    started = bool(m.bars) and m.bars[-1]["time"] > int(m.session["open_ns"])
    if have < warm or (unit == "bars" and not started) or m.is_unknown(name):
        return NAN
    return float(value(m))


@pytest.fixture(scope="module")
def moments(market, full_schema) -> list[tuple[Moment, np.ndarray]]:
    """Every third decision point and some events between, with the values the kernels gave there."""
    state, found, past, sizes = new_state(full_schema), [], [], []
    row = np.empty(state.columns.size, dtype=np.float32)
    rng = np.random.default_rng(5)
    for session, events in zip(market.sessions, market.events, strict=True):
        hours = session[0]
        begin_session(state, hours)
        bars, closed = naive_bars(hours, events, full_schema.bar_ns), 0
        for i, event in enumerate(events):
            decided = update_event(state, event)
            closed += decided
            if (decided and closed % 3 == 0) or (event["kind"] != 9 and closed > 0 and rng.random() < 0.004):
                snapshot(state, row)
                moment = Moment(
                    hours, int(event["ts_event_ns"]), past + bars[:closed], events[: i + 1], list(sizes),
                    full_schema.preload_sessions,
                )  # fmt: skip
                found.append((moment, state.scratch.copy()))
        past = past + bars
        sizes.append(found[-1][0].trades["quantity"])
    return found


def test_every_column_has_a_twin():
    assert sorted(TWINS) == sorted(feature.name for feature in TWINNED)


@pytest.mark.parametrize("name", [feature.name for feature in TWINNED])
def test_kernel_equals_its_twin(name, moments):
    values = np.array([scratch[index_of(name)] for _, scratch in moments])
    wanted = np.array([expected(moment, name) for moment, _ in moments])
    np.testing.assert_allclose(values, wanted, rtol=1e-9, atol=1e-11)
    assert np.isfinite(wanted).sum() >= 20, "the market of this test never warms this column"


@pytest.mark.parametrize("feature", TWINNED, ids=lambda feature: feature.name)
def test_values_stay_in_the_range_of_the_catalogue(feature, moments):
    values = np.array([scratch[index_of(feature.name)] for _, scratch in moments])
    values = values[np.isfinite(values)]
    assert np.all((values >= feature.low) & (values <= feature.high))


@pytest.mark.parametrize("feature", TWINNED, ids=lambda feature: feature.name)
def test_no_column_is_constant_on_a_moving_market(feature, moments):
    values = np.array([scratch[index_of(feature.name)] for _, scratch in moments])
    assert np.unique(values[np.isfinite(values)]).size > 1
