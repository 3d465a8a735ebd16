import inspect
import json
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry import gates
from registry.gates import (
    CHALLENGER,
    CHAMPION,
    NOT_MEASURED,
    Evidence,
    Gate,
    GateThresholds,
    as_table,
    challenger_gates,
    champion_gates,
    gates_digest,
)

DEFAULTS = GateThresholds()

# design.md §5, in its order
TO_CHALLENGER = [
    "provenance_known",
    "schema_equal",
    "leak_suite",
    "parity",
    "bundle_verifies",
    "latency",
    "fills",
    "sharpe",
    "deflated_sharpe",
    "pbo",
    "drawdown",
    "calibration",
    "class_shares",
    "action_rate",
]
TO_CHAMPION = ["provenance_real", "paper_sessions", "beats_champion"]


def found_checks() -> list[Callable[[Evidence, GateThresholds], Gate]]:
    """Every public function of the module that takes evidence and returns one gate."""
    functions = [member for name, member in inspect.getmembers(gates, inspect.isfunction) if not name.startswith("_")]
    return [function for function in functions if inspect.signature(function).return_annotation is Gate]


@pytest.mark.parametrize("check", found_checks(), ids=lambda check: check.__name__)
class TestEveryGateFoundInTheModule:
    def test_stands_in_exactly_one_list(self, check: Any) -> None:
        assert (check in CHALLENGER) != (check in CHAMPION)

    def test_bears_the_name_of_its_function(self, check: Any, good_evidence: Evidence) -> None:
        assert check(good_evidence, DEFAULTS).name == check.__name__

    def test_passes_on_good_evidence_with_a_sentence(self, check: Any, good_evidence: Evidence) -> None:
        gate = check(good_evidence, DEFAULTS)
        assert gate.passed
        assert gate.reason[0].isupper()
        assert gate.reason.endswith(".")

    def test_fails_without_evidence(self, check: Any) -> None:
        gate = check(Evidence(), DEFAULTS)
        assert (gate.passed, gate.value, gate.reason) == (False, None, NOT_MEASURED)
        assert gate.threshold is not None


def test_gates_come_in_the_order_of_the_design(good_evidence: Evidence) -> None:
    assert [gate.name for gate in challenger_gates(good_evidence, DEFAULTS)] == TO_CHALLENGER
    assert [gate.name for gate in champion_gates(good_evidence, DEFAULTS)] == TO_CHAMPION


def test_no_gate_is_outside_the_lists() -> None:
    assert len(found_checks()) == len(TO_CHALLENGER) + len(TO_CHAMPION)


# field, value, gate, passed: both sides of every border, by the signs of design.md §5
BORDERS = [
    ("provenance_known", False, "provenance_known", False),
    ("schema_equal", False, "schema_equal", False),
    ("bundle_verifies", False, "bundle_verifies", False),
    ("leaks", 1, "leak_suite", False),
    ("leak_checks", 0, "leak_suite", False),
    ("parity_differing", 1, "parity", False),
    ("parity_events", 0, "parity", False),
    ("parity_events", 1, "parity", True),
    ("latency_p99_us", 1000.0, "latency", True),
    ("latency_p99_us", 1000.1, "latency", False),
    ("fills", 100, "fills", True),
    ("fills", 99, "fills", False),
    ("sharpe", 1.0, "sharpe", True),
    ("sharpe", 0.999, "sharpe", False),
    ("sharpe", -3.0, "sharpe", False),
    ("deflated_sharpe", 0.95, "deflated_sharpe", True),
    ("deflated_sharpe", 0.949, "deflated_sharpe", False),
    ("pbo", 0.2, "pbo", True),
    ("pbo", 0.201, "pbo", False),
    ("drawdown", 0.0999, "drawdown", True),
    ("drawdown", 0.10, "drawdown", False),
    ("ece", 0.0499, "calibration", True),
    ("ece", 0.05, "calibration", False),
    ("class_shares", (0.05, 0.90, 0.05), "class_shares", True),
    ("class_shares", (0.04, 0.56, 0.40), "class_shares", False),
    ("class_shares", (0.92, 0.08), "class_shares", False),
    ("action_rate", 0.002, "action_rate", True),
    ("action_rate", 0.5, "action_rate", True),
    ("action_rate", 0.0019, "action_rate", False),
    ("action_rate", 0.51, "action_rate", False),
    ("synthetic", True, "provenance_real", False),
    ("paper_sessions", 5, "paper_sessions", True),
    ("paper_sessions", 4, "paper_sessions", False),
    ("trials", 0, "deflated_sharpe", False),
    ("trials", 1, "deflated_sharpe", True),
    ("configurations", 1, "pbo", False),
    ("configurations", 2, "pbo", True),
    ("compared_sessions", 9, "beats_champion", False),
    ("compared_sessions", 10, "beats_champion", True),
    ("lower_bound_over_champion", 0.0, "beats_champion", False),
    ("lower_bound_over_champion", 1e-9, "beats_champion", True),
]


@pytest.mark.parametrize(("field", "value", "name", "passed"), BORDERS)
def test_border_of_a_gate(good_evidence: Evidence, field: str, value: Any, name: str, passed: bool) -> None:
    evidence = replace(good_evidence, **{field: value})
    answers = {gate.name: gate.passed for gate in all_gates(evidence)}
    assert answers[name] is passed
    assert [other for other, answer in answers.items() if not answer] == ([] if passed else [name])


def all_gates(evidence: Evidence) -> tuple[Gate, ...]:
    return (*challenger_gates(evidence, DEFAULTS), *champion_gates(evidence, DEFAULTS))


NUMBERS = [field.name for field in fields(Evidence) if field.type in (float | None, int | None)]


@pytest.mark.parametrize("broken", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("field", NUMBERS)
def test_number_that_is_not_finite_fails_its_gate(good_evidence: Evidence, field: str, broken: float) -> None:
    failed = [gate for gate in all_gates(replace(good_evidence, **{field: broken})) if not gate.passed]
    assert len(failed) == 1
    assert json.loads(json.dumps(as_table(failed), allow_nan=False)) == as_table(failed)


@pytest.mark.parametrize("shares", [(), (1.0,), (0.5, float("nan")), (0.3, 0.3), (0.5, 0.7), (float("inf"), 0.1)])
def test_class_shares_that_are_no_shares_fail(good_evidence: Evidence, shares: tuple[float, ...]) -> None:
    gate = gates.class_shares(replace(good_evidence, class_shares=shares), DEFAULTS)
    assert not gate.passed
    assert "sum to one" in gate.reason


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("drawdown", -0.3),
        ("pbo", -0.1),
        ("ece", -0.01),
        ("deflated_sharpe", 1.01),
        ("leaks", -1),
        ("latency_p99_us", -5.0),
    ],
)
def test_number_outside_what_it_can_be_fails(good_evidence: Evidence, field: str, value: float) -> None:
    """A drawdown written as a negative number would otherwise pass any limit."""
    failed = [gate for gate in all_gates(replace(good_evidence, **{field: value})) if not gate.passed]
    assert len(failed) == 1
    assert "not a number from" in failed[0].reason


def test_majority_model_fails(good_evidence: Evidence) -> None:
    """failures.md 46: 99 % one class at 70 % accuracy was deployed."""
    majority = replace(good_evidence, class_shares=(0.99, 0.005, 0.005), action_rate=0.0)
    failed = [gate.name for gate in challenger_gates(majority, DEFAULTS) if not gate.passed]
    assert failed == ["class_shares", "action_rate"]


@pytest.mark.parametrize(
    ("missing", "name"),
    [
        ("leaks", "leak_suite"),
        ("leak_checks", "leak_suite"),
        ("parity_events", "parity"),
        ("parity_differing", "parity"),
        ("trials", "deflated_sharpe"),
        ("configurations", "pbo"),
        ("compared_sessions", "beats_champion"),
    ],
)
def test_half_of_a_measurement_is_none(good_evidence: Evidence, missing: str, name: str) -> None:
    gate = next(gate for gate in all_gates(replace(good_evidence, **{missing: None})) if gate.name == name)
    assert (gate.passed, gate.value, gate.reason) == (False, None, NOT_MEASURED)


def test_gate_says_how_many_trials_were_counted(good_evidence: Evidence) -> None:
    assert "out of 280 trials" in gates.deflated_sharpe(good_evidence, DEFAULTS).reason


def test_too_few_sessions_to_compare_are_named_though_nothing_was_measured(good_evidence: Evidence) -> None:
    fresh = replace(good_evidence, compared_sessions=1, lower_bound_over_champion=None)
    gate = gates.beats_champion(fresh, DEFAULTS)
    assert (gate.passed, gate.value) == (False, None)
    assert gate.reason == "The sample is 1 sessions new to both but must be at least 10."


def test_champion_that_cannot_trade_is_none_to_beat_and_one_that_is_lost_bars_the_way(good_evidence: Evidence) -> None:
    empty = replace(good_evidence, compared_sessions=0, lower_bound_over_champion=None)
    outdated = gates.beats_champion(replace(empty, champion_outdated="format 5"), DEFAULTS)
    assert (outdated.passed, outdated.value) == (True, "outdated champion")
    assert outdated.reason.endswith("none is to beat: format 5.")
    lost = gates.beats_champion(replace(empty, champion_missing="no files"), DEFAULTS)
    assert (lost.passed, lost.value, lost.reason) == (False, None, "The champion cannot be compared with: no files.")


def test_first_champion_needs_no_comparison(good_evidence: Evidence) -> None:
    first = replace(good_evidence, champion_exists=False, lower_bound_over_champion=None)
    gate = gates.beats_champion(first, DEFAULTS)
    assert (gate.passed, gate.value) == (True, "no champion")


def test_unknown_whether_there_is_a_champion_fails(good_evidence: Evidence) -> None:
    assert not gates.beats_champion(replace(good_evidence, champion_exists=None), DEFAULTS).passed


@pytest.mark.parametrize(
    ("field", "value", "name", "parts"),
    [
        ("sharpe", 0.73, "sharpe", ("0.73", "at least 1")),
        ("drawdown", 0.12, "drawdown", ("0.12", "below 0.1")),
        ("pbo", 0.45, "pbo", ("0.45", "at most 0.2")),
        ("action_rate", 0.7, "action_rate", ("0.7", "0.002 to 0.5")),
        ("class_shares", (0.95, 0.05), "class_shares", ("0.95, 0.05", "0.05 to 0.9")),
        ("parity_differing", 3, "parity", ("3", "at most 0", "5000 events")),
    ],
)
def test_reason_names_number_and_threshold(
    good_evidence: Evidence, field: str, value: Any, name: str, parts: tuple[str, ...]
) -> None:
    gate = next(gate for gate in all_gates(replace(good_evidence, **{field: value})) if gate.name == name)
    assert all(part in gate.reason for part in parts), gate.reason


@given(st.floats(-5, 5), st.floats(0, 5))
def test_more_of_a_good_thing_never_fails_what_passed(sharpe: float, more: float) -> None:
    lower, higher = (gates.sharpe(Evidence(sharpe=value), DEFAULTS).passed for value in (sharpe, sharpe + more))
    assert higher or not lower


@given(st.floats(0, 1), st.floats(0, 1))
def test_thresholds_in_use_are_those_given(value: float, limit: float) -> None:
    gate = gates.pbo(Evidence(pbo=value, configurations=2), replace(DEFAULTS, max_pbo=limit))
    assert (gate.passed, gate.threshold) == (value <= limit, limit)


def test_table_has_five_keys_and_survives_json(good_evidence: Evidence) -> None:
    table = as_table(all_gates(good_evidence))
    assert [list(row) for row in table] == [["name", "passed", "value", "threshold", "reason"]] * 17
    assert json.loads(json.dumps(table, allow_nan=False)) == table


def test_digest_is_of_the_table_and_not_of_its_key_order(good_evidence: Evidence) -> None:
    table = as_table(challenger_gates(good_evidence, DEFAULTS))
    turned = [dict(reversed(row.items())) for row in table]
    assert gates_digest(turned) == gates_digest(table)
    assert gates_digest([{**table[0], "passed": False}, *table[1:]]) != gates_digest(table)
