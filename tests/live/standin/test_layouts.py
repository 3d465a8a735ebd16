"""Records and exports of the library against the table of the ABI, and both descriptions of the wire."""

import ctypes
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from live.profitdll.standin import wire
from market.errors import UsageError
from tests.live.standin.abi_table import TABLE, Types, read_table
from tests.live.standin.probes import build_program, printed, probe_source

LETTERS = {
    "c_wchar_p": "W", "c_int32": "I", "c_uint32": "U", "c_int64": "L", "c_double": "D", "c_uint8": "B",
    "c_uint16": "H", "c_void_p": "P", "c_ssize_t": "N", "None": "-", "c_uint16*100": "H*100",
}  # fmt: skip
WIRE_RECORDS = {
    "wire_event": wire.WIRE_EVENT, "wire_request": wire.WIRE_REQUEST, "wire_order": wire.WIRE_ORDER,
    "wire_result": wire.WIRE_RESULT, "wire_daily": wire.WIRE_DAILY, "wire_position": wire.WIRE_POSITION,
    "wire_account": wire.WIRE_ACCOUNT, "wire_asset": wire.WIRE_ASSET, "wire_header": wire.WIRE_HEADER,
    "wire_file": wire.WIRE_FILE,
}  # fmt: skip
WIRE_NUMBERS = {
    "WIRE_MAGIC": wire.MAGIC, "WIRE_VERSION": wire.VERSION, "WIRE_EVENTS": wire.EVENTS, "WIRE_REQUESTS": wire.REQUESTS,
    "WIRE_ORDERS": wire.ORDERS, "WIRE_POSITIONS": wire.POSITIONS, "WIRE_ACCOUNTS": wire.ACCOUNTS,
    "WIRE_ASSETS": wire.ASSETS, "WIRE_KINDS": wire.KINDS,
    **{f"EVENT_{kind.name}": int(kind) for kind in wire.EventKind},
    **{f"REQUEST_{kind.name}": int(kind) for kind in wire.RequestKind if not kind.name.startswith("READ_")},
    **{kind.name: int(kind) for kind in wire.RequestKind if kind.name.startswith("READ_")},
    **{f"POLICY_{bit.name}": int(bit) for bit in wire.Policy},
}  # fmt: skip


def expected_layout() -> dict[str, int]:
    abi = read_table()
    told = {f"{name}.{field}": offset for name, fields in abi.fields.items() for field, _, offset in fields}
    return {**abi.sizes, **told}


def record_fields() -> dict[str, list[str]]:
    return {name: [field for field, _, _ in fields] for name, fields in read_table().fields.items()}


def test_the_library_lays_out_every_record_as_the_table_says(tmp_path: Path, library: Path) -> None:
    program = build_program(tmp_path, "probe", probe_source("abi.h", record_fields()))
    expected = expected_layout()
    assert len(expected) == 186
    assert printed([str(program)]) == expected


def test_ctypes_lay_out_every_record_as_the_table_says() -> None:
    types, found = Types(read_table()), {}
    for name, record in types.records.items():
        found[name] = ctypes.sizeof(record)
        found |= {f"{name}.{field[0]}": getattr(record, field[0]).offset for field in record._fields_}
    assert found == expected_layout()


def test_the_library_exports_the_functions_of_the_table_and_no_others(library: Path) -> None:
    nm = shutil.which("nm")
    if nm is None:
        pytest.skip("nm, which lists a library's exports, is not installed")
    done = subprocess.run([nm, "-D", "--defined-only", str(library)], capture_output=True, text=True, check=True)
    exported = {line.split()[-1] for line in done.stdout.splitlines() if " T " in line}
    assert exported == set(read_table().functions)
    assert len(exported) == 104


def test_the_table_is_that_of_the_collected_abi(realdata: Path) -> None:
    source = realdata.parent / "profitdll_abi.json"
    if not source.exists():
        pytest.skip(f"{source.name} is not beside the real market files")
    told, abi = json.loads(source.read_text(encoding="utf-8")), read_table()

    def letter(ctype: str) -> str:
        return f"*{letter(ctype[8:-1])}" if ctype.startswith("POINTER(") else LETTERS.get(ctype, ctype)

    for kind, found in (("functions", abi.functions), ("callbacks", abi.callbacks)):
        collected = {one["name"]: [letter(one["restype"]), *(letter(a["ctype"]) for a in one["args"])]
                     for one in told[kind]}  # fmt: skip
        assert found == collected
    fields = {one["name"]: [(f["name"], letter(f["ctype"]), f["offset"]) for f in one["fields"]]
              for one in told["structs"]}  # fmt: skip
    assert abi.fields == fields
    assert abi.sizes == {one["name"]: one["size_win64"] for one in told["structs"]}
    assert TABLE.exists()


def test_both_descriptions_of_the_wire_agree(tmp_path: Path, library: Path) -> None:
    records = {name: list(dtype.names or ()) for name, dtype in WIRE_RECORDS.items()}
    source = probe_source("wire.h", records).replace(
        "    return 0;",
        "".join(f'    printf("{name} %d\\n", (int){name});\n' for name in WIRE_NUMBERS) + "    return 0;",
    )
    expected: dict[str, int] = dict(WIRE_NUMBERS)
    for name, dtype in WIRE_RECORDS.items():
        expected[name] = dtype.itemsize
        assert dtype.fields is not None
        expected |= {f"{name}.{field}": int(place[1]) for field, place in dtype.fields.items()}
    assert printed([str(build_program(tmp_path, "wire", source))]) == expected


def test_a_build_is_kept_until_its_sources_change(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from live.profitdll.standin import build

    folder, written = library.parent.parent, library.stat().st_mtime_ns
    assert build.build(folder) == library
    assert library.stat().st_mtime_ns == written
    monkeypatch.setenv("CC", "no-such-compiler")
    monkeypatch.setattr(build.shutil, "which", lambda name: None)
    monkeypatch.setattr(build.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match="expected \\$CC or gcc"):
        build.build(folder)


def test_texts_on_the_wire_are_cut_to_their_room() -> None:
    units = np.zeros(6, dtype="<u2")
    wire.put_text(units, "ação longa")
    assert units.tolist() == [*map(ord, "ação "), 0]
    assert wire.get_text(units) == "ação "
