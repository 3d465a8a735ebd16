"""Settings: what they refuse and what the compiled path sees of them."""

from dataclasses import FrozenInstanceError, fields, replace

import pytest

from market.errors import ConfigError
from market.settings import parse_settings
from trading.policy import RANGES, RiskLimits, StrategyParams, VenueParams
from trading.records import LIMITS, Stage
from trading.strategy_options import LadderParams, SizingParams, VolatileParams
from trading.strategy_params import ConcordanceParams, ManagedExits


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("model_weight", 0.5),
        ("model_weight", -0.1),
        ("agent_weights", (0.0, 0.0, 0.0, 0.0)),
        ("agent_weights", (0.5, -0.1, 0.3, 0.3)),
        ("theta", (0.3, 1.2, 0.3)),
        ("theta", (float("nan"), 0.3, 0.3)),
        ("stop_atr", (2.0, 0.0, 1.0)),
        ("target_atr", (2.0, float("inf"), 1.0)),
        ("min_stop_ticks", 0),
        ("cooldown_bars", -1),
        ("max_hold_bars", 0),
        ("min_confidence", 1.1),
        ("confidence_shift", (0.0, 0.0, 2.0)),
        ("stop_ticks", (16, 0, 10)),
        ("target_ticks", (50, 50, -1)),
        ("min_reward_risk", -1.0),
        ("trend_entry_atr", float("inf")),
        ("risk_share", 0.0),
        ("risk_share", 1.1),
        ("size_multiplier", (1.0, 0.0, 1.0)),
        ("cooldown_seconds", -1),
        ("regime_exit_ticks", -1),
        ("trades_per_day", (10, -1, 10)),
        ("edge", (0.1, 0.1, 1.01)),
        ("min_target_sigma", -0.1),
        ("hour_factors", ((9, 9, 1.2),)),
        ("hour_factors", ((-1, 9, 1.2),)),
        ("hour_factors", ((17, 25, 1.3),)),
        ("hour_factors", ((9, 12, 1.2), (11, 13, 0.8))),
        ("hour_factors", ((9, 10, 0.0),)),
        ("hour_factors", ((9, 10, float("inf")),)),
    ],
)
def test_strategy_refuses_a_value_out_of_range(key: str, value: object) -> None:
    with pytest.raises(ConfigError, match=r"expected .*, found .*; correct this setting"):
        replace(StrategyParams(), **{key: value})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("partial_ticks", ((16, 30, 50), (16, 16, 50), (6, 10, 16))),
        ("partial_ticks", ((0, 30, 50), (16, 30, 50), (6, 10, 16))),
        ("partial_shares", ((0.25, 0.25, 0.4), (0.25, 0.25, 0.5), (0.5, 0.3, 0.2))),
        ("partial_shares", ((1.25, -0.25, 0.0), (0.25, 0.25, 0.5), (0.5, 0.3, 0.2))),
        ("trail_activation_ticks", (0, 8, 3)),
        ("trail_distance_ticks", (8, 8, 2)),
        ("trail_distance_ticks", (16, 8, 3)),
        ("trail_factors", (1.2, 0.9, 0.0)),
        ("trail_factors", (1.2, float("inf"), 0.7)),
        ("trail_decay", 1.01),
        ("trail_tightest_ticks", -1),
        ("trail_tightening", (1.01, 1.0, 1.0)),
        ("trail_tightening", (1.0, 0.004, 1.0)),  # held in hundredths, it would tighten nothing
        ("breakeven_ticks", (-1, 16, 8)),
    ],
)
def test_exits_refuse_a_value_out_of_range(key: str, value: object) -> None:
    with pytest.raises(ConfigError, match=f"exits.{key}: expected .*, found .*; correct this setting"):
        replace(ManagedExits(), **{key: value})


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("volatile", "confidence_shift", 1.1),
        ("volatile", "confidence_shift", float("nan")),
        ("volatile", "combined", -0.1),
        ("volatile", "stop_atr", 0.0),
        ("volatile", "target_atr", float("inf")),
        ("volatile", "stop_ticks", 0),
        ("volatile", "target_ticks", -1),
        ("volatile", "size_multiplier", 0.0),
        ("volatile", "trades_per_day", -1),
        ("volatile", "partial_ticks", (20, 20, 60)),
        ("volatile", "partial_ticks", (0, 20, 60)),
        ("volatile", "partial_shares", (0.4, 0.4, 0.3)),
        ("volatile", "partial_shares", (1.4, -0.4, 0.0)),
        ("volatile", "trail_activation_ticks", 0),
        ("volatile", "trail_distance_ticks", 2),
        ("volatile", "trail_distance_ticks", 16),
        ("volatile", "trail_tightening", 0.0),
        ("volatile", "trail_tightening", 0.004),
        ("volatile", "trail_tightening", 1.01),
        ("volatile", "breakeven_ticks", -1),
        ("ladder", "confidence", (0.8, 0.8, 0.6)),
        ("ladder", "confidence", (1.1, 0.7, 0.6)),
        ("ladder", "confidence", (0.8, 0.7, -0.1)),
        ("ladder", "stop_ticks", (10, 12, 0, 16)),
        ("ladder", "target_ticks", (30, 24, 20, -1)),
        ("sizing", "drawdown", -0.01),
        ("sizing", "drawdown_multiplier", 1.1),
        ("sizing", "losses_multiplier", float("nan")),
        ("sizing", "losses_above_wins", -1),
        ("sizing", "kelly_fraction", 0.26),
        ("sizing", "kelly_fraction", -0.01),
    ],
)
def test_what_is_off_as_shipped_refuses_a_value_out_of_range(section: str, key: str, value: object) -> None:
    options = {"volatile": VolatileParams(), "ladder": LadderParams(), "sizing": SizingParams()}
    with pytest.raises(ConfigError, match=f"^{section}.{key}: expected .*, found .*; correct this setting"):
        replace(options[section], **{key: value})  # type: ignore[type-var]


def test_as_shipped_nothing_is_laid_over_a_regime_and_no_size_follows_the_account() -> None:
    record = StrategyParams().record()[0]
    assert (record["volatile"], record["ladder_stop_ticks"].any(), record["ladder_confidence"].any()) == (0, 0, 0)
    assert set(record["hour_factor"].tolist()) == set(record["kelly_cap"].tolist()) == {1.0}
    assert (record["drawdown_multiplier"], record["losses_multiplier"]) == (1.0, 1.0)


def test_concordance_refuses_a_value_out_of_range() -> None:
    for key, value in (("model", -0.1), ("agents", 1.1), ("strength", 2.0), ("combined", (0.5, 0.5, 1.5))):
        with pytest.raises(ConfigError, match=r"concordance: expected values in \[0, 1\]"):
            replace(ConcordanceParams(), **{key: value})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("capital_reais", 0.0),
        ("capital_reais", float("nan")),
        ("max_position", 0),
        ("daily_loss_fraction", 0.0),
        ("drawdown_stop", 1.5),
        ("drawdown_alert", 0.11),
        ("risk_per_trade", float("nan")),
        ("max_trades_per_day", 0),
        ("stop_min_ticks", 0),
        ("stop_max_ticks", 1),
        ("flatten_before_close_minutes", 0),
        ("last_entry_before_close_minutes", 29),
        ("stale_feed_after_ms", 0),
        ("stale_feed_after_ms", 60_001),
        ("max_clock_skew_ms", 2_001),
        ("max_order_quantity", 0),
        ("max_order_reais", float("inf")),
        ("max_order_reais", 100_001.0),
        ("max_exposure_reais", 0.0),
        ("collar_fraction", 0.101),
        ("min_reward_risk", 0.0),
        ("min_atr_fraction", 0.011),
        ("max_atr_fraction", float("nan")),
        ("max_messages_per_second", 0),
        ("max_messages_per_minute", 1025),
        ("max_messages_per_day", 2**31),
        ("halt_at_identical_orders", 1),
        ("max_entries_per_10_minutes", 65),
        ("stop_at_rejects_per_minute", 0),
        ("win_rate_trades", 63),
        ("min_win_rate", 1.01),
    ],
)
def test_limits_refuse_a_value_out_of_range(key: str, value: object) -> None:
    with pytest.raises(ConfigError, match=key):
        replace(RiskLimits(), **{key: value})


@pytest.mark.parametrize("key", ["latency_ms", "slippage_ticks", "seed"])
def test_venue_refuses_negative_values(key: str) -> None:
    with pytest.raises(ConfigError, match=key):
        replace(VenueParams(), **{key: -1})


def test_settings_cannot_be_changed_after_the_checks() -> None:
    with pytest.raises(FrozenInstanceError):
        RiskLimits().max_position = 5  # type: ignore[misc]


def test_policy_record_holds_every_setting() -> None:
    params = StrategyParams(
        model_weight=0.7, agents_weight=0.3, theta=(0.1, 0.2, 0.4), cooldown_bars=7, require_agents=False
    )
    record = params.record()[0]
    assert (record["model_weight"], record["agents_weight"], record["cooldown_bars"]) == (0.7, 0.3, 7)
    assert record["theta"].tolist() == [0.1, 0.2, 0.4]
    assert record["agent_weights"].tolist() == [0.30, 0.20, 0.25, 0.25]
    assert (record["require_agents"], record["trade_range"]) == (0, 1)
    assert (record["cooldown_ns"], record["trades_per_day"].tolist()) == (60_000_000_000, [10, 10, 10, 5])
    assert (record["concordance"], record["concordance_model"], record["order_flow_gate"]) == (0, 0.60, 0)


def test_limits_record_turns_minutes_and_milliseconds_into_nanoseconds() -> None:
    limits = RiskLimits(last_entry_before_close_minutes=90, flatten_before_close_minutes=20, stale_feed_after_ms=1500)
    record = limits.record()[0]
    assert record["last_entry_before_close_ns"] == 5_400_000_000_000
    assert record["flatten_before_close_ns"] == 1_200_000_000_000
    assert record["stale_feed_after_ns"] == 1_500_000_000
    assert (record["capital_reais"], record["max_position"]) == (100_000.0, 1)


def test_shipped_limits_are_the_strictest_of_the_scope() -> None:
    shipped = RiskLimits()
    assert (shipped.max_position, shipped.daily_loss_fraction, shipped.max_trades_per_day) == (1, 0.02, 10)
    assert (shipped.drawdown_alert, shipped.drawdown_stop, shipped.risk_per_trade) == (0.08, 0.10, 0.01)
    rates = (shipped.max_messages_per_second, shipped.max_messages_per_minute, shipped.max_messages_per_day)
    assert rates == (5, 60, 300)
    assert (shipped.min_reward_risk, shipped.min_atr_fraction, shipped.max_atr_fraction) == (1.5, 0.0001, 0.01)
    assert (shipped.win_rate_trades, shipped.min_win_rate, shipped.stop_at_rejects_per_minute) == (20, 0.40, 3)
    assert (shipped.stale_feed_after_ms, shipped.max_clock_skew_ms, shipped.halt_at_identical_orders) == (2000, 250, 5)


def test_every_limit_has_a_range_and_reaches_the_compiled_path() -> None:
    names = {field.name for field in fields(RiskLimits)}
    assert set(RANGES) == names
    compiled = {name for name in LIMITS.names or () if not name.endswith("_ns")}
    times = {name for name in LIMITS.names or () if name.endswith("_ns")}
    assert compiled <= names
    assert {name.rpartition("_")[0] for name in names - compiled} == {name.removesuffix("_ns") for name in times}


def test_a_tenth_of_the_capital_trades_at_least_one_contract() -> None:
    full = RiskLimits(max_position=25, max_order_quantity=9)
    tenth = full.at(Stage.TENTH)
    assert (tenth.capital_reais, tenth.max_position, tenth.max_order_quantity) == (10_000.0, 2, 1)
    assert replace(tenth, capital_reais=100_000.0, max_position=25, max_order_quantity=9) == full
    assert all(full.at(stage) is full for stage in Stage if stage is not Stage.TENTH)


def test_settings_parse_from_a_file_s_mapping() -> None:
    params = parse_settings(StrategyParams, {"theta": [0.2, 0.2, 0.25], "trade_range": False}, "params.yaml")
    assert params.theta == (0.2, 0.2, 0.25)
    assert params.trade_range is False
    with pytest.raises(ConfigError, match="did you mean 'cooldown_bars'"):
        parse_settings(StrategyParams, {"cooldown": 3}, "params.yaml")
