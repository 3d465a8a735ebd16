"""A gate record is believed only as it was signed, and says no unless every gate that was asked passed."""

import json
from dataclasses import asdict, replace
from typing import Any

import pytest

from market.errors import GatesRefused
from registry.gate_record import ASKED, GateRecord, gates_in, seal, unseal
from registry.gates import Evidence, GateThresholds, as_table, challenger_gates, champion_gates
from registry.signing import SigningKey, ensure_key, load_private_key


@pytest.fixture
def record(good_evidence: Evidence) -> GateRecord:
    asked = good_evidence, GateThresholds()
    return GateRecord("pregao-win-60s", "d" * 64, 3, (*challenger_gates(*asked), *champion_gates(*asked)))


def test_comes_back_as_it_was_signed(record: GateRecord, home_key: SigningKey) -> None:
    assert unseal("here", seal(record, home_key), home_key.public) == record
    assert gates_in(seal(record, home_key)) == as_table(record.gates)


@pytest.mark.parametrize(
    "change",
    [
        {"model": "pregao-wdo-60s"},
        {"bundle_digest": "e" * 64},
        {"champion": None},
        {"gates": []},
        {"surprise": 1},
    ],
)
def test_altered_record_is_refused(record: GateRecord, home_key: SigningKey, change: dict[str, Any]) -> None:
    content = json.loads(seal(record, home_key))
    content["record"] |= change
    with pytest.raises(GatesRefused, match="here: expected a"):
        unseal("here", json.dumps(content).encode(), home_key.public)


@pytest.mark.parametrize("name", [check.__name__ for check in ASKED["champion"]])
def test_gate_turned_to_passed_is_refused(record: GateRecord, home_key: SigningKey, name: str) -> None:
    failed = replace(record, gates=tuple(replace(g, passed=g.name != name) for g in record.gates))
    content = json.loads(seal(failed, home_key))
    for gate in content["record"]["gates"]:
        gate["passed"] = True
    with pytest.raises(GatesRefused, match="or was altered"):
        unseal("here", json.dumps(content).encode(), home_key.public)


def test_record_of_another_key_is_refused(record: GateRecord, home_key: SigningKey, tmp_path: Any) -> None:
    ensure_key(tmp_path, use_keyring=False)
    other = load_private_key(tmp_path, use_keyring=False)
    with pytest.raises(GatesRefused, match=home_key.public.hex()):
        unseal("here", seal(record, other), home_key.public)
    renamed = json.loads(seal(record, other)) | {"public_key": home_key.public.hex()}
    with pytest.raises(GatesRefused, match=home_key.public.hex()):
        unseal("here", json.dumps(renamed).encode(), home_key.public)


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b"null", b"\xff", b"[" * 100_000, b'{"record": 1}'])
def test_what_is_no_record_is_refused(home_key: SigningKey, data: bytes) -> None:
    with pytest.raises(GatesRefused, match="signed gate record"):
        unseal("here", data, home_key.public)
    with pytest.raises(GatesRefused, match="table of gates"):
        gates_in(data)


@pytest.mark.parametrize("alias", ["challenger", "champion"])
def test_every_gate_asked_must_have_passed_once(record: GateRecord, alias: str) -> None:
    assert record.failing(alias) == ()
    for check in ASKED[alias]:
        name = check.__name__
        own = next(gate for gate in record.gates if gate.name == name)
        others = tuple(gate for gate in record.gates if gate.name != name)
        for gates in (others, (*others, own, own), (*others, replace(own, passed=False))):
            assert [gate.name for gate in replace(record, gates=gates).failing(alias)] == [name]


def test_each_alias_asks_the_gates_of_its_step() -> None:
    """As the design lists them; a champion must hold all that a challenger must."""
    first = {
        "provenance_known", "schema_equal", "leak_suite", "parity", "bundle_verifies", "latency", "fills", "sharpe",
        "deflated_sharpe", "pbo", "drawdown", "calibration", "class_shares", "action_rate",
    }  # fmt: skip
    nothing = GateRecord("pregao-win-60s", "d" * 64, None, ())
    assert {gate.name for gate in nothing.failing("challenger")} == first
    second = {"provenance_real", "paper_sessions", "beats_champion"}
    assert {gate.name for gate in nothing.failing("champion")} == first | second
    assert {gate.name for gate in nothing.failing("champion", demonstration=True)} == first | second - {
        "provenance_real"
    }


def test_only_a_demonstration_may_be_synthetic(good_evidence: Evidence, record: GateRecord) -> None:
    made = replace(good_evidence, synthetic=True), GateThresholds()
    synthetic = replace(record, gates=(*challenger_gates(*made), *champion_gates(*made)))
    assert [gate.name for gate in synthetic.failing("champion")] == ["provenance_real"]
    assert synthetic.failing("champion", demonstration=True) == ()
    assert synthetic.failing("challenger") == ()


def test_answer_given_anew_replaces_its_own_only(good_evidence: Evidence, record: GateRecord) -> None:
    changed = replace(record.gates[5], passed=False)
    again = asdict(record.answered(changed))["gates"]
    assert [gate["passed"] for gate in again].count(False) == 1
    assert again[5] == asdict(changed)
