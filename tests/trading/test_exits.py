"""How a quantity is split over target levels, and which settings are refused."""

import numpy as np
import pytest

from market.errors import ConfigError
from trading.desk import LEVELS
from trading.exits import EXITS, ExitParams, choose_exits, limit_price, plan_levels
from trading.policy import StrategyParams
from trading.records import Strategy
from trading.strategy_params import ManagedExits

# By hand, largest remainder; on a tie the farther level first; one contract belongs to the last level.
SPLITS = {
    (50, 30): ["001", "110", "111", "211", "221", "321", "421", "422", "432", "532"],
    (33, 33): ["001", "011", "111", "112", "122", "222", "223", "233", "333", "334"],
    (0, 0): ["001", "002", "003", "004", "005", "006", "007", "008", "009", "00:"],
    (46, 10): ["001", "101", "201", "202", "212", "303", "313", "413", "414", "514"],
    (25, 25): ["001", "011", "111", "112", "113", "123", "223", "224", "225", "235"],
}


def _plan(percent: tuple[int, int], quantity: int) -> list[int]:
    record = ExitParams(level_distance=(1, 2), level_percent=percent).record()
    plan = np.full(LEVELS, 9, dtype=np.int32)  # as an earlier position left it
    plan_levels(record[0], quantity, plan)
    return plan.tolist()


@pytest.mark.parametrize("percent", SPLITS)
def test_every_size_is_split_as_by_hand_and_sums_to_itself(percent: tuple[int, int]) -> None:
    plans = [_plan(percent, quantity) for quantity in range(1, 11)]
    assert ["".join(chr(48 + part) for part in plan) for plan in plans] == SPLITS[percent]
    assert [sum(plan) for plan in plans] == list(range(1, 11))


@pytest.mark.parametrize(
    ("setting", "key"),
    [
        ({"level_percent": (60, 41)}, "level_percent"),
        ({"level_percent": (-1, 0)}, "level_percent"),
        ({"level_percent": (50, 0)}, "level_distance"),
        ({"trail_distance": 2}, "trail_distance"),
        ({"trail_distance": 16}, "trail_distance"),
        ({"trail_high": 0}, "trail_high"),
        ({"trail_low": 1001}, "trail_low"),
        ({"trail_against": -1}, "trail_against"),
        ({"trail_decay": 101}, "trail_decay"),
        ({"trail_tightest_after": -1}, "trail_tightest_after"),
        ({"trail_nearest": 0}, "trail_nearest"),
        ({"trail_percent": 101}, "trail_percent"),
        ({"limit_offset": -1}, "limit_offset"),
        ({"protect_ms": -1}, "protect_ms"),
        ({"repeats": 4}, "repeats"),
    ],
)
def test_setting_out_of_range_is_refused(setting: dict[str, object], key: str) -> None:
    with pytest.raises(ConfigError, match=f"{key}: expected"):
        ExitParams(**setting)  # type: ignore[arg-type]


def test_record_holds_every_setting_in_ticks_and_nanoseconds() -> None:
    record = ExitParams(level_distance=(4, 8), level_percent=(30, 30), cost=1, protect_ms=250).record()[0]
    assert (record["level_distance"].tolist(), record["level_percent"].tolist()) == ([4, 8], [30, 30])
    assert (record["cost"], record["protect_ns"], record["answer_ns"]) == (1, 250_000_000, 2_000_000_000)
    assert EXITS.itemsize % 8 == 0


def _chosen(policy: StrategyParams, strategy: int) -> tuple[object, ...]:
    exits = ExitParams(level_distance=(3, 4), level_percent=(7, 8), cost=9).record()[0]
    choose_exits(exits, policy.record()[0], strategy, 2)
    numbers = ("breakeven", "trail_after", "trail_distance", "trail_percent", "cost")
    parts = (exits["level_distance"].tolist(), exits["level_percent"].tolist())
    return (*parts, *(int(exits[name]) for name in numbers))


def test_exits_are_those_of_the_row() -> None:
    """Signals.md §9, a point of WDO two ticks; §10: what trailing begins at, its distance, what a new best leaves."""
    managed = StrategyParams(exits=ManagedExits(managed=True))
    trend = ([16, 30], [25, 25], 16, 8, 8, 95, 2)
    expected = [trend, trend, ([6, 10], [50, 30], 8, 3, 3, 80, 2), ([20, 36], [40, 40], 30, 10, 12, 100, 2)]
    assert [_chosen(managed, row) for row in (1, 2, 3, 4)] == expected
    assert [_chosen(StrategyParams(), row) for row in (1, 2, 3, 4)] == [([0, 0], [0, 0], 0, 0, 0, 100, 2)] * 4


def test_shares_are_rounded_to_whole_per_cent_and_halves_up() -> None:
    parts = (0.125, 0.3346, 0.5404)
    exits = ManagedExits(managed=True, partial_shares=(parts,) * 3, trail_tightening=(0.875, 0.8746, 0.01))
    assert [_chosen(StrategyParams(exits=exits), row)[1] for row in (1, 2, 3)] == [[13, 33]] * 3
    assert [_chosen(StrategyParams(exits=exits), row)[5] for row in (1, 2, 3)] == [88, 87, 1]


def test_limit_of_a_stop_lies_beyond_its_trigger_and_none_is_zero() -> None:
    found = [
        limit_price(ExitParams(limit_offset=offset).record()[0], side, 100) for offset in (0, 1) for side in (1, -1)
    ]
    assert found == [0, 0, 99, 101]


@pytest.mark.parametrize("ticks", [0, 40])
def test_stop_has_the_limit_of_the_policy_whatever_manages_its_exits(ticks: int) -> None:
    exits = np.zeros(1, dtype=EXITS)
    choose_exits(exits[0], StrategyParams(stop_limit_ticks=ticks).record()[0], Strategy.RANGE, 2)
    assert exits["limit_offset"][0] == ticks
    assert StrategyParams().stop_limit_ticks == 40  # 20 points of WDO, as signals.md §10.3 has it
