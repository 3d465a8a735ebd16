"""What the compiled callbacks are made of, and the parts of Windows that can be looked at anywhere."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from live.profitdll.abi import text_at, units
from live.profitdll.table import Counter, key_of
from live.profitdll.trades import days_of
from tests.commands import CHECKOUT

BUILD = """
import re
import numba
from live.profitdll.callbacks import _FUNCTIONS, signature
from live.profitdll.table import table
table()
for name, (function, kind) in _FUNCTIONS.items():
    made = numba.cfunc(signature(kind), error_model="numpy", forceinline=True, _nrt=False)(function)
    code = made.inspect_llvm() + made._library.get_asm_str()
    print(name, sorted(set(re.findall(r"numba_gil\\w*|Py[A-Z]\\w+|NRT_\\w+", code))))
"""
SOURCES = sorted((CHECKOUT / "live").rglob("*.py"))


def child(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=CHECKOUT)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_no_callback_can_ask_for_the_gil_or_for_python() -> None:
    told = dict(line.split(" ", 1) for line in child(BUILD).splitlines())
    assert len(told) == 18
    assert {name for name, found in told.items() if found != "[]"} == set()


def test_code_that_was_not_linked_to_the_table_is_refused() -> None:
    told = child("""
from live.profitdll import table as tables
tables.table()
import llvmlite.binding
llvmlite.binding.add_symbol(tables.SYMBOL, 64)  # as if another table had been made
from live.profitdll.callbacks import build_callbacks
from market.errors import LibraryRefused
try:
    build_callbacks()
except LibraryRefused as error:
    print(error)
""")
    assert "found 0x40; delete the folder state/numba" in told


@pytest.mark.parametrize(
    ("text", "key"), [("F", 70), ("WDOZ26", 0x36325A4F4457), ("", 0), ("WDOZ26XYZ", -1), ("É", -1)]
)
def test_key_of_a_ticker(text: str, key: int) -> None:
    assert key_of(text) == key


@pytest.mark.parametrize(
    ("date", "days"),
    # date -u -d DATE +%s, divided by 86400
    [((1970, 1, 1), 0), ((2000, 2, 29), 11016), ((2000, 3, 1), 11017), ((2026, 11, 20), 20777), ((2100, 3, 1), 47541)],
)
def test_days_since_the_epoch(date: tuple[int, int, int], days: int) -> None:
    assert days_of(*date) == days


def test_units_are_sixteen_bits_on_every_system() -> None:
    import ctypes

    buffer = ctypes.create_string_buffer(units("Ação €"))
    assert buffer.raw[:4] == b"A\x00\xe7\x00"
    assert text_at(ctypes.addressof(buffer)) == "Ação €"
    assert text_at(None) == ""


# Four bytes on Windows and eight here, or two and four: `c_long`, a DWORD, numpy's `long`, a wide character of C.
UNEQUAL = {
    "c_long", "c_ulong", "c_wchar", "c_wchar_p", "create_unicode_buffer", "wstring_at", "wintypes", "PyDLL", "long",
    "ulong",
}  # fmt: skip


def named_in(source: str) -> set[str]:
    """Return every name, attribute and import of a source."""
    nodes = list(ast.walk(ast.parse(source)))
    named = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    named |= {node.id for node in nodes if isinstance(node, ast.Name)}
    imported = [alias.name for node in nodes if isinstance(node, ast.Import | ast.ImportFrom) for alias in node.names]
    return named | {part for name in imported for part in name.split(".")}


def test_no_type_depends_on_the_system() -> None:
    assert {path.name: named_in(path.read_text(encoding="utf-8")) & UNEQUAL for path in SOURCES} == {
        path.name: set() for path in SOURCES
    }


@pytest.mark.parametrize(
    "source",
    ["ctypes.c_long(1)", "from ctypes import c_ulong as number", "import ctypes.wintypes", "np.dtype(np.long)"],
)
def test_a_type_that_depends_on_the_system_is_found(source: str) -> None:
    assert named_in(source) & UNEQUAL


def test_every_counter_has_a_place_of_its_own() -> None:
    assert len({int(one) for one in Counter}) == len(Counter)
    assert all(one % 8 == 0 for one in Counter)


def test_windows_branch_asks_for_the_folder_of_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from live.profitdll import library
    from tests.live.profitdll.portable_executable import build_pe

    path, asked = tmp_path / "ProfitDLL.dll", []
    path.write_bytes(build_pe())

    def refuse(name: str) -> Any:
        asked.append(name)
        raise OSError(f"no loader here for {name}")

    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(os, "add_dll_directory", asked.append, raising=False)
    monkeypatch.setattr(library.ctypes, "CDLL", refuse)
    with pytest.raises(library.LibraryRefused, match=re.escape(f"{path}: expected a library that loads, found")):
        library.load_library(path)
    assert asked == [str(tmp_path), str(path)]
