"""What must hold on every market: symmetry, causality, and that no fill is kinder than the market was."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from market.types import TradeType
from tests.factories import OPEN_NS, make_clock
from tests.trading.fills.markets import Scene, draw_scene
from tests.trading.fills.scenes import MID, NEW, REPLACE, STOP, ask, play, reports
from tests.trading.fills.twin import latency_of
from trading.fills.latency import draw_latency, draw_unit
from trading.fills.venue import new_venue
from trading.policy import VenueParams
from trading.records import OrderState

SCENES = 400


def told(scene: Scene, events: int | None = None) -> np.ndarray:
    """Return the reports until the last event."""
    shown = scene.events[:events]
    until = int(shown["ts_event_ns"][-1]) if len(shown) else 0
    made = play(new_venue(scene.params), [scene.requests], [shown[k : k + 1] for k in range(len(shown))])
    return made[made["ts_ns"] <= until]


def scenes(first_seed: int, quiet: bool = False) -> Iterator[Scene]:
    rng = np.random.default_rng(first_seed)
    for _ in range(SCENES):
        yield draw_scene(rng, quiet=quiet)


def with_prices(scene: Scene, change: object) -> Scene:
    """Return a scene whose every price is changed; 0, which is none, stays."""
    out = Scene(scene.requests.copy(), scene.events.copy(), scene.params)
    for array, names in ((out.requests, ("price", "stop_price")), (out.events, ("price",))):
        for name in names:
            array[name] = np.where(array[name] > 0, change(array[name]), 0)  # type: ignore[operator]
    return out


def mirror(scene: Scene) -> Scene:
    out = with_prices(scene, lambda prices: 2 * MID - prices)
    out.requests["side"] *= -1
    out.events["side"] *= -1
    buys, sells = (scene.events["trade_type"] == kind for kind in (TradeType.BUY_AGGRESSION, TradeType.SELL_AGGRESSION))
    out.events["trade_type"][buys], out.events["trade_type"][sells] = (
        TradeType.SELL_AGGRESSION,
        TradeType.BUY_AGGRESSION,
    )
    return out


def fills_of(scene: Scene, made: np.ndarray) -> Iterator[tuple[np.void, int, np.void]]:
    """Yield (request that made the order, price, report) of every fill."""
    before: dict[int, tuple[int, int]] = {}
    for report in made:
        order = int(report["order"])
        filled, notional = before.get(order, (0, 0))
        if report["filled"] > filled:
            more = int(report["filled"]) - filled
            price, rest = divmod(int(report["notional"]) - notional, more)
            assert rest == 0
            news = scene.requests[(scene.requests["order"] == order) & (scene.requests["kind"] == NEW)]
            yield news[0], price, report
        before[order] = int(report["filled"]), int(report["notional"])


def unambiguous(scene: Scene) -> Scene:
    """Return the scene without a second order of one id."""
    news = scene.requests["kind"] == NEW
    ids = np.where(news, scene.requests["order"], -1 - np.arange(len(news)))
    keep = np.isin(np.arange(len(news)), np.unique(ids, return_index=True)[1])
    return replace(scene, requests=scene.requests[keep])


def test_mirrored_market_gives_mirrored_reports() -> None:
    for scene in scenes(100):
        straight, mirrored = told(scene), told(mirror(scene))
        expected = straight.copy()
        expected["notional"] = 2 * MID * straight["filled"].astype(np.int64) - straight["notional"]
        for name in ("price", "stop_price"):
            expected[name] = np.where(straight[name] > 0, 2 * MID - straight[name], 0)
        assert mirrored.tobytes() == expected.tobytes()


def test_market_a_thousand_ticks_higher_gives_the_same_reports() -> None:
    for scene in scenes(200):
        here, there = told(scene), told(with_prices(scene, lambda prices: prices + 1000))
        there["notional"] -= 1000 * there["filled"].astype(np.int64)
        for name in ("price", "stop_price"):
            there[name] = np.where(there[name] > 0, there[name] - 1000, 0)
        assert here.tobytes() == there.tobytes()


def test_what_comes_later_changes_no_report() -> None:
    for scene in scenes(300):
        for events in (5, 15, 25):
            whole, part = told(scene), told(scene, events)
            until = scene.events["ts_event_ns"][events - 1]
            # Events and meetings at one and the same time as the next event belong to it.
            sure = part["ts_ns"] < until
            assert whole[: sure.sum()].tobytes() == part[sure].tobytes()


def test_no_fill_is_better_than_the_order_allows_or_earlier_than_its_arrival() -> None:
    count = 0
    for scene in map(unambiguous, scenes(400)):
        made = told(scene)
        assert (made["filled"] <= made["quantity"]).all()
        replaced = set(scene.requests["order"][scene.requests["kind"] == REPLACE])
        for request, price, report in fills_of(scene, made):
            side, number = int(request["side"]), int(np.flatnonzero(scene.requests == request)[0])
            if report["price"] > 0:
                assert side * (price - report["price"]) <= 0
            if request["type"] == STOP and request["order"] not in replaced:
                assert side * (price - report["stop_price"]) >= 0
            assert report["ts_ns"] >= request["ts_ns"] + latency_of(scene.params, 0, number)
            count += 1
    assert count > SCENES


def test_reports_only_grow_and_are_numbered() -> None:
    dead = {OrderState.FILLED, OrderState.CANCELED, OrderState.REJECTED, OrderState.EXPIRED}
    for scene in map(unambiguous, scenes(500)):
        made = told(scene)
        assert made["number"].tolist() == list(range(1, len(made) + 1))
        assert all(a <= b for a, b in pairwise(made["ts_ns"]))
        known = scene.requests["order"][scene.requests["kind"] == NEW]
        for order in np.unique(made["order"]):
            own = made[made["order"] == order]
            if order not in known:
                continue
            first = int(np.flatnonzero(own["kind"] == NEW)[0])
            for earlier, later in pairwise(own[first:]):
                assert later["filled"] >= earlier["filled"]
                if earlier["state"] in dead:
                    assert later["state"] == earlier["state"]
                    assert later["filled"] == earlier["filled"]


def test_latency_is_drawn_from_the_number_alone_and_follows_its_quantiles() -> None:
    quantiles = np.array([1000, 5000, 40_000], dtype=np.int64)
    drawn = np.array([draw_latency(quantiles, 7, OPEN_NS, number) for number in range(20_000)])
    assert drawn.tolist() == [draw_latency(quantiles, 7, OPEN_NS, number) for number in range(20_000)]
    assert (drawn.min(), drawn.max()) == pytest.approx((1000, 40_000), rel=0.01)
    assert np.quantile(drawn, [0.25, 0.5, 0.75]) == pytest.approx([3000, 5000, 22_500], rel=0.03)
    others = [draw_latency(quantiles, seed, OPEN_NS + day, 0) for seed, day in ((7, 1), (8, 0))]
    assert drawn[0] not in others
    units = np.array([draw_unit(0, 0, number) for number in range(2000)])
    assert abs(np.corrcoef(units[1:], units[:-1])[0, 1]) < 0.06


def test_no_request_overtakes_another() -> None:
    params = VenueParams(latency_quantiles_ms=(1.0, 500.0), seed=3)
    asked = [ask(k / 1000, k + 1, quantity=1) for k in range(12)]
    arrivals = [int(request["ts_ns"][0]) + latency_of(params, 0, k) for k, request in enumerate(asked)]
    assert arrivals != sorted(arrivals)
    made = reports(asked, [make_clock(1)], params)
    assert made["order"].tolist() == list(range(1, 13))
    assert made["ts_ns"].tolist() == np.maximum.accumulate(arrivals).tolist()


def test_seed_decides_the_run() -> None:
    differing = 0
    for scene in scenes(700):
        drawn = replace(scene, params=replace(scene.params, latency_quantiles_ms=(1.0, 200.0)))
        other = replace(drawn, params=replace(drawn.params, seed=drawn.params.seed + 1))
        assert told(drawn).tobytes() == told(drawn).tobytes()
        differing += told(drawn).tobytes() != told(other).tobytes()
    assert differing > SCENES // 2
