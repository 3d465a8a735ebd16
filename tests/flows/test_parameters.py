"""params.yaml: typed, complete, and strict about what it does not know."""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml

from flows.parameters import Parameters, SplitParams, load_parameters
from market.errors import ConfigError

SHIPPED = Path(__file__).resolve().parents[2] / "params.yaml"


def write(folder: Path, values: Any) -> Path:
    path = folder / "params.yaml"
    path.write_text(values if isinstance(values, str) else yaml.safe_dump(values), encoding="utf-8")
    return path


def test_shipped_file_is_read_value_by_value() -> None:
    values = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))
    parameters = load_parameters(SHIPPED)
    assert set(values) == {field.name for field in fields(Parameters)}
    flat = parameters.flat()
    for section, keys in values.items():
        for key, value in keys.items():
            for name, leaf in value.items() if isinstance(value, dict) else [("", value)]:
                found = flat[".".join(filter(None, (section, key, name)))]
                assert json.loads(json.dumps(found)) == leaf  # tuples as lists


def test_demonstration_has_at_least_forty_sessions() -> None:
    assert load_parameters(SHIPPED).synthetic.sessions >= 40


def test_least_file_names_a_contract_and_takes_the_rest_from_the_defaults(tmp_path: Path) -> None:
    parameters = load_parameters(write(tmp_path, {"data": {"contract": "WDOFUT"}}))
    assert (parameters.data.contract, parameters.data.feed, parameters.data.bar_seconds) == ("WDOFUT", "events", 60)
    assert parameters.splits.embargo_ns == 30 * 60 * 1_000_000_000
    assert parameters.drift.psi_limit == 0.25
    assert parameters == Parameters(data=parameters.data)


def test_values_have_the_types_of_their_fields(tmp_path: Path) -> None:
    written = {"data": {"contract": "WDOFUT", "feed": "bars"}, "thresholds": {"grid": [0.1, 1]}}
    parameters = load_parameters(write(tmp_path, written | {"strategy": {"stop_atr": [1, 2, 3]}}))
    assert parameters.thresholds.grid == (0.1, 1.0)
    assert all(isinstance(value, float) for value in parameters.strategy.stop_atr)


def test_flat_names_every_value_by_its_path(tmp_path: Path) -> None:
    flat = load_parameters(write(tmp_path, {"data": {"contract": "WDOFUT"}})).flat()
    assert flat["data.contract"] == "WDOFUT"
    assert flat["learners.lightgbm.trees"] == 300
    assert flat["thresholds.grid"] == (0.10, 0.15, 0.20, 0.25, 0.30, 0.40, 0.50)
    assert not any(isinstance(value, dict) for value in flat.values())


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"date": {}}, r"params\.yaml: expected a known key, found 'date'; did you mean 'data'\?"),
        ({"data": {"contrakt": "WDO"}}, r"params\.yaml: data: .* found 'contrakt'; did you mean 'contract'\?"),
        (
            {"learners": {"xgboost": {"dept": 3}}},
            r"learners: xgboost: expected a known key, found 'dept'; did you mean 'depth'\?",
        ),
        ({"drift": {"zzz": 1}}, r"known keys are band, cost_rise, current_sessions, cusum_limit"),
        ({}, r"params\.yaml: data: expected a value, found none"),
        ({"data": {}}, r"data\.contract: expected a value, found none"),
        ({"data": {"contract": "WDO", "bar_seconds": "long"}}, r'data\.bar_seconds: .* found "long"; correct this'),
        ({"data": {"contract": "WDO", "bar_seconds": 1.5}}, r"data\.bar_seconds: .* found 1\.5"),
        ({"data": {"contract": "WDO", "feed": "ticks"}}, r'data\.feed: .* found "ticks"'),
        ({"data": {"contract": "WDO"}, "features": {"exclude": 3}}, r"features\.exclude: .* found 3"),
        ({"data": {"contract": "WDO"}, "labels": {"horizon_bars": 0}}, "labels: expected horizon_bars >= 1"),
        ({"data": {"contract": "WDO"}, "strategy": {"model_weight": 2.0}}, "weights: expected two shares"),
        ("- a\n- b\n", r"expected sections with keys, found list; start from the shipped file"),
        ("", r"expected sections with keys, found NoneType"),
        ("data: {contract: [\n", r"expected YAML, found .*line 2"),
    ],
)
def test_wrong_files_are_refused_with_the_place_and_the_way_out(tmp_path: Path, values: Any, said: str) -> None:
    with pytest.raises(ConfigError, match=f"(?s){said}"):
        load_parameters(write(tmp_path, values))


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml: expected a parameter file, found none; name one with --params"):
        load_parameters(tmp_path / "none.yaml")


@pytest.mark.parametrize(("sessions", "expected"), [(42, 14), (46, 14), (47, 15), (400, 120), (3, 14)])
def test_first_training_span_is_a_number_of_sessions_and_a_share_of_all(sessions: int, expected: int) -> None:
    assert SplitParams(train_sessions_min=14, train_fraction_min=0.3).first_span(sessions) == expected
