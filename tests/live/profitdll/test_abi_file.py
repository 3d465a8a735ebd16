"""The binding's declarations beside the ABI file, which is reference and never part of the repository."""

import ctypes
import json
import os
from pathlib import Path
from typing import Any

import pytest

from live.profitdll import codes, order_codes
from live.profitdll.abi import CALLS, EXPORTS, LAYOUTS, STRUCTURES, VERSIONS, Prototype, new, offset, record_of
from live.profitdll.result import NlCode

LETTERS = {
    "c_wchar_p": "W", "c_int32": "I", "c_uint32": "U", "c_int64": "L", "c_double": "D", "c_uint8": "B", "c_uint16": "H",
    "c_uint16*100": "H100", "c_void_p": "P", "c_ssize_t": "N", "None": "-",
}  # fmt: skip


@pytest.fixture(scope="module")
def abi() -> dict[str, Any]:
    named = os.environ.get("PREGAO_REALDATA")
    path = Path(named).parent / "profitdll_abi.json" if named else None
    if path is None or not path.is_file():
        pytest.skip("PREGAO_REALDATA names no folder with the ABI file beside it: it is not shipped")
    return dict(json.loads(path.read_text(encoding="utf-8")))


def letter_of(kind: str) -> str:
    if kind.startswith("POINTER("):
        inside = kind[len("POINTER(") : -1]
        return "*" + LETTERS.get(inside, inside)
    return LETTERS.get(kind, kind)


def as_prototype(described: dict[str, Any]) -> Prototype:
    arguments = tuple((one["name"], letter_of(one["ctype"])) for one in described["args"])
    return Prototype(described["name"], arguments, letter_of(str(described["restype"])))


def test_every_function_has_the_arguments_of_the_file(abi: dict[str, Any]) -> None:
    assert {one["name"]: as_prototype(one) for one in abi["functions"]} == dict(EXPORTS)


def test_every_callback_has_the_arguments_of_the_file(abi: dict[str, Any]) -> None:
    assert {one["name"]: as_prototype(one) for one in abi["callbacks"]} == dict(CALLS)


def test_every_structure_has_the_layout_of_the_file(abi: dict[str, Any]) -> None:
    told = {
        one["name"]: (one["size_win64"], one["align"] if not one["pack"] else 1, one["version_to_set"], [
            (field["name"], letter_of(field["ctype"]), field["offset"], field["size"]) for field in one["fields"]
        ])
        for one in abi["structs"]
    }  # fmt: skip
    ours = {
        name: (ctypes.sizeof(made), ctypes.alignment(made), VERSIONS.get(name), [
            (field, letter, getattr(made, field).offset, getattr(made, field).size)
            for field, letter in LAYOUTS[name].arguments
        ])
        for name, made in STRUCTURES.items()
    }  # fmt: skip
    assert ours == told


def test_records_of_compiled_code_lie_as_the_structures_do(abi: dict[str, Any]) -> None:
    for one in abi["structs"]:
        record = record_of(one["name"])
        assert record.itemsize == one["size_win64"]
        assert {name: record.fields[name][1] for name in record.names} == {
            field["name"]: field["offset"] for field in one["fields"]
        }


def test_every_code_has_the_number_of_the_file(abi: dict[str, Any]) -> None:
    for described in abi["enums"]:
        name = described["name"].removesuffix("_subset")
        ours = getattr(codes, name, None) or getattr(order_codes, name)
        assert {one: member.value for one, member in ours.__members__.items()} == described["values"], name


def test_every_error_has_the_number_of_the_file(abi: dict[str, Any]) -> None:
    assert {f"NL_{name}": int(code) for name, code in NlCode.__members__.items()} == {
        one["name"]: one["signed"] for one in abi["error_codes"]
    }


def test_sizes_that_a_real_position_and_a_layout_test_confirmed() -> None:
    """Two layouts by other hands: the dump of a position, and the test of a trade (profitdll.md §5.1)."""
    sizes = {name: ctypes.sizeof(STRUCTURES[name]) for name in ("TConnectorTrade", "TConnectorTradingAccountPosition")}
    assert sizes == {"TConnectorTrade": 64, "TConnectorTradingAccountPosition": 216}
    assert offset("TConnectorTrade", "Quantity") == 32
    assert offset("TConnectorSendOrder", "AssetID", "Ticker") == 48


def test_new_sets_the_version_of_what_lies_within() -> None:
    made = new("TConnectorSendOrder")
    made.AccountID.Version = made.AssetID.Version = 9  # proves that the fields are the ones read back
    assert (made.Version, new("TConnectorSendOrder").AssetID.Version) == (2, 0)
    assert [new(name).Version for name in ("TConnectorOrderOut", "TConnectorZeroPosition")] == [1, 2]
