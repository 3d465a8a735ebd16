"""The compiled venue against its slow twin, on random markets and requests."""

import numpy as np
import pytest

from tests.factories import OPEN_NS
from tests.trading.fills.markets import Scene, draw_scene
from tests.trading.fills.scenes import play
from tests.trading.fills.twin import Report, Twin
from trading.fills.venue import new_venue, reset_venue

COLUMNS = (
    "ts_ns", "order", "number", "notional", "filled", "quantity", "price", "stop_price", "state", "kind", "refused",
    "reason",
)  # fmt: skip


def compiled(scene: Scene) -> list[Report]:
    fresh = new_venue(scene.params)
    reset_venue(fresh, OPEN_NS)
    told = play(fresh, [scene.requests], [scene.events[k : k + 1] for k in range(len(scene.events))])
    return [tuple(int(report[name]) for name in COLUMNS) for report in told]


@pytest.mark.parametrize("chunk", [0, 1, *(pytest.param(k, marks=pytest.mark.nightly) for k in range(2, 8))])
def test_venue_tells_what_its_twin_tells(chunk: int) -> None:
    rng = np.random.default_rng(chunk)
    seen: set[tuple[int, ...]] = set()
    for _ in range(700):
        scene = draw_scene(rng)
        expected = Twin(scene.params, OPEN_NS).play(scene.requests, scene.events)
        assert compiled(scene) == expected
        seen |= {(report[8], report[9], report[10], report[11]) for report in expected}
    assert len(seen) > 20
