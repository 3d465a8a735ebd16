"""The identity of a row: columns, parameters, definitions, and the state that fills it."""

import json
import math
import re
from dataclasses import replace

import numpy as np
import pytest

from features import schema as schema_module
from features import sets as sets_module
from features.aliases import ALIASES
from features.catalogue import CATALOGUE, Need, Unknown, Warm, column_of, family, index_of, warm_table
from features.schema import FeatureSchema, build_schema
from features.state import new_state, state_from_bytes, state_to_bytes
from market.errors import BundleRefused, ConfigError, DataError

MINUTE = 60_000_000_000
EVERYTHING = frozenset(Need)
# The 65 by group: volatility, returns, order flow, volume, technical, microstructure, time.
_BOOK65_GROUPS = (
    "^volatility_|^bb_", "returns_", "^order_flow|^cumul|^signed|weighted|^agent", "^volume_[rz]|^trade_int",
    "^ma_|^momentum|^sharpe|^time_|^rsi", "^top_|_changed$|aggressor$", "^minute$|^hour$|^day_|^is_(op|cl|lu)",
)  # fmt: skip


def test_hash_is_that_of_the_content_and_not_of_the_name():
    one, two = build_schema("full", EVERYTHING, MINUTE, 5), build_schema("full", EVERYTHING, MINUTE, 5)
    assert one.hash == two.hash == replace(one, set_name="other").hash
    assert len(one.hash) == 64
    assert set(one.hash) <= set("0123456789abcdef")


def test_hash_changes_with_every_part():
    base = build_schema("full", EVERYTHING, MINUTE, 5)
    others = [
        replace(base, bar_ns=5 * MINUTE),
        replace(base, preload_sessions=4),
        replace(base, columns=base.columns[:-1]),
        replace(base, columns=base.columns[::-1]),
        build_schema("core10", EVERYTHING, MINUTE, 5),
        replace(base, book_max_age_ns=1_999_999_999),
    ]
    assert len({base.hash, *(other.hash for other in others)}) == len(others) + 1


@pytest.mark.parametrize(
    "change",
    [
        {"formula": "another"},
        {"window": 99},
        {"warm_up": 99},
        {"zero_rule": 9.0},
        {"needs": frozenset({Need.BOOK})},
        {"unknown": (Unknown.LOSS,)},
    ],
)
def test_hash_changes_with_the_definition_of_a_column(monkeypatch, change):
    base = build_schema("core10", EVERYTHING, MINUTE, 5)
    at = index_of(base.columns[0])
    altered = (*CATALOGUE[:at], replace(CATALOGUE[at], **change), *CATALOGUE[at + 1 :])
    before, stored = base.hash, base.to_json()
    monkeypatch.setattr(schema_module, "CATALOGUE", altered)
    assert base.hash != before
    with pytest.raises(BundleRefused, match="of this catalogue"):
        FeatureSchema.from_json(stored)


def test_json_gives_the_schema_back():
    schema = build_schema("core10", EVERYTHING, MINUTE, 5)
    for one in (schema, replace(schema, book_max_age_ns=500_000_000)):
        assert FeatureSchema.from_json(one.to_json()) == one


def test_refuses_a_book_without_an_age():
    with pytest.raises(ConfigError, match="expected book_max_age_ns >= 1, found 0"):
        replace(build_schema("core10", EVERYTHING, MINUTE, 5), book_max_age_ns=0)


@pytest.mark.parametrize(
    "alter",
    [
        lambda c: c.update(hash="0" * 64),
        lambda c: c.update(preload_sessions=6),
        lambda c: c["columns"].append("volatility_7"),
        lambda c: c.pop("bar_ns"),
        lambda c: c.update(bar_ns=None),
    ],
    ids=["hash", "parameter", "column", "missing", "type"],
)
def test_refuses_an_altered_schema(alter):
    content = json.loads(build_schema("core10", EVERYTHING, MINUTE, 5).to_json())
    alter(content)
    with pytest.raises(BundleRefused):
        FeatureSchema.from_json(json.dumps(content))


@pytest.mark.parametrize("text", ["", "[]", "null", "{"])
def test_refuses_what_is_no_schema(text):
    with pytest.raises(BundleRefused):
        FeatureSchema.from_json(text)


@pytest.mark.parametrize("missing", [need for need in Need if need != Need.BARS])
def test_what_a_feed_lacks_leaves_the_schema(missing):
    whole = build_schema("full", EVERYTHING, MINUTE, 5)
    rest = build_schema("full", EVERYTHING - {missing}, MINUTE, 5)
    gone = [name for name in whole.columns if name not in rest.columns]
    assert gone
    assert all(missing in CATALOGUE[index_of(name)].needs for name in gone)
    assert not any(missing in feature.needs for feature in rest.features)


def test_quotes_without_sizes_keep_the_spread():
    columns = build_schema("full", EVERYTHING - {Need.BOOK_SIZE}, MINUTE, 5).columns
    assert {"spread", "spread_z"} <= set(columns)
    assert not {"micro_dev", "book_imbalance", "ofi_5", "ofi_60"} & set(columns)


def test_core_is_ten_columns_that_every_feed_has():
    for available in (EVERYTHING, frozenset({Need.BARS})):
        assert len(build_schema("core10", available, MINUTE, 5).columns) == 10


def test_set_of_the_demonstration_is_the_one_its_results_were_documented_with():
    schema = build_schema("demo69", EVERYTHING, 60_000_000_000, 5)
    assert len(schema.columns) == 69
    assert schema.hash == "e209cc94466ddee9f8928dc99790214521295a3e08ab90bed9d3de85badae4bf"


def test_bar_set_holds_at_least_118_distinct_columns():
    columns = build_schema("bars118", EVERYTHING, MINUTE, 5).columns
    assert len(columns) == len(set(columns)) >= 118
    assert {"returns_60", "volatility_gk", "cumulative_signed_volume", "ema200_distance"} <= set(columns)


def test_book_set_holds_the_65_columns_by_group():
    columns = build_schema("book65", EVERYTHING, MINUTE, 5).columns
    assert len(columns) == len(set(columns)) == 65
    names = sets_module._SETS["book65"]
    assert [sum(1 for name in names if re.search(part, name)) for part in _BOOK65_GROUPS] == [10, 10, 8, 8, 8, 15, 6]


def test_feed_without_ids_keeps_the_book_set_without_its_brokers():
    columns = build_schema("book65", EVERYTHING - {Need.IDS}, MINUTE, 5).columns
    assert len(columns) == 65 - 15
    assert "is_buyer_aggressor" in columns


def test_full_set_is_the_whole_catalogue():
    names = tuple(feature.name for feature in CATALOGUE)
    assert build_schema("full", EVERYTHING, 5 * MINUTE, 5).columns == names
    assert len(names) == len(set(names)) >= 245


def test_bar_of_a_minute_is_the_last_minute_of_the_tape():
    whole = build_schema("full", EVERYTHING, 5 * MINUTE, 5).columns
    assert set(whole) - set(build_schema("full", EVERYTHING, MINUTE, 5).columns) == {"buy_pressure"}
    assert "aggressive_buy_ratio" in build_schema("bars118", EVERYTHING, MINUTE, 5).columns


def test_refuses_a_set_that_names_what_the_catalogue_lacks(monkeypatch):
    monkeypatch.setattr(sets_module, "_SETS", {"core10": ("returns_1", "returns_of_tomorrow")})
    with pytest.raises(ConfigError, match="returns_of_tomorrow"):
        build_schema("core10", EVERYTHING, MINUTE, 5)


def test_alias_stands_for_one_column_and_is_no_column():
    assert column_of("momentum_pct_5") == column_of("roc_5") == column_of("returns_5") == "returns_5"
    names = [feature.name for feature in CATALOGUE]
    aliases = [alias for feature in CATALOGUE for alias in feature.aliases]
    assert len(set(aliases)) == len(aliases)
    assert not set(aliases) & set(names)
    assert set(ALIASES) <= set(names)
    assert aliases
    with pytest.raises(KeyError):
        column_of("momentum_pct_7")


@pytest.mark.parametrize(
    "arguments",
    [
        ("huge", EVERYTHING, MINUTE, 5),
        ("full", frozenset(), MINUTE, 5),
        ("full", EVERYTHING, 0, 5),
        ("full", EVERYTHING, MINUTE, -1),
    ],
)
def test_refuses_impossible_schemas(arguments):
    with pytest.raises(ConfigError, match="expected"):
        build_schema(*arguments)


@pytest.mark.parametrize("columns", [("volatility_10", "volatility_10"), ("volatility_11",), ()])
def test_refuses_repeated_and_unknown_columns(columns):
    with pytest.raises(ConfigError, match="schema columns"):
        FeatureSchema("own", columns, MINUTE, 5)


def test_catalogue_is_consistent():
    names = [feature.name for feature in CATALOGUE]
    assert len(set(names)) == len(names)
    for at, feature in enumerate(CATALOGUE):
        assert index_of(feature.name) == at
        assert feature.needs
        assert feature.formula
        assert feature.group
        assert feature.low < feature.high
        assert feature.warm_up >= 0
        if feature.zero_rule is not None:
            assert feature.low <= feature.zero_rule <= feature.high or feature.name.endswith("_ratio_100")


def test_family_reads_windows_from_names_in_catalogue_order():
    found = family("volatility_ratio_{}_{}")
    assert found[:, :2].tolist() == [[10, 20], [20, 50], [50, 100], [100, 200], [5, 20]]
    assert [CATALOGUE[at].name for at in found[:, 2]] == [f"volatility_ratio_{a}_{b}" for a, b in found[:, :2]]
    with pytest.raises(ValueError, match="read-only"):
        found[0, 0] = 1


def test_every_column_has_one_warm_up():
    slots = np.concatenate([warm_table(unit)[:, 0] for unit in Warm])
    assert sorted(slots.tolist()) == list(range(len(CATALOGUE)))


def test_new_state_knows_its_parameters_and_nothing_else():
    schema = build_schema("core10", EVERYTHING, MINUTE, 7)
    state = new_state(schema)
    assert sorted(state.ints[state.ints != 0].tolist()) == [7, 2_000_000_000, MINUTE]  # the book may be 2 s old
    assert state.columns.tolist() == [index_of(name) for name in schema.columns]
    assert all(math.isnan(value) for value in state.scratch)


def test_state_survives_bytes():
    state = new_state(build_schema("full", EVERYTHING, MINUTE, 5))
    rng = np.random.default_rng(1)
    state.floats[:] = rng.normal(size=state.floats.size)
    state.ints[:] = rng.integers(-(2**62), 2**62, state.ints.size)
    back = state_from_bytes(state_to_bytes(state))
    for part, wanted in zip(back, state, strict=True):
        assert part.dtype == wanted.dtype
        assert part.flags.writeable
        assert part.tobytes() == wanted.tobytes()


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[:40],
        lambda data: data[:-8],
        lambda data: data + bytes(8),
        lambda data: b"X" + data[1:],
        lambda data: data[:10] + b"\xff" + data[11:],
    ],
    ids=["empty", "header", "cut", "longer", "magic", "layout"],
)
def test_refuses_damaged_state(damage):
    with pytest.raises(DataError, match="expected"):
        state_from_bytes(damage(state_to_bytes(new_state(build_schema("core10", EVERYTHING, MINUTE, 5)))))


def test_refuses_state_with_columns_outside_the_catalogue():
    state = new_state(build_schema("core10", EVERYTHING, MINUTE, 5))
    state.columns[0] = len(CATALOGUE)
    with pytest.raises(DataError, match="columns"):
        state_from_bytes(state_to_bytes(state))
