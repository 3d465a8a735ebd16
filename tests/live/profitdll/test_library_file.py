"""What a library's file may be, and what is refused before anything of it runs."""

import struct
import subprocess
import sys
from pathlib import Path

import pytest

from live.profitdll.file_version import read_library_file
from live.profitdll.library import REQUIRED, load_library
from market.errors import LibraryRefused
from tests.live.profitdll.portable_executable import build_pe
from tests.live.profitdll.vendor import build_vendor


def refusal(path: Path) -> str:
    with pytest.raises(LibraryRefused) as caught:
        load_library(path)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"{path}: expected ")
    return message


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (build_pe(machine=0x14C, magic=0x10B), "expected a 64-bit library, found a 32-bit one"),
        (build_pe(machine=0xAA64), "found one for another machine"),
        (build_pe(marks=0x22), "expected a library, found a program"),
        (build_pe(version=None), "expected a version resource, found none"),
        (build_pe()[:0x90], "found one that is cut short"),
        (b"MZ" + bytes(200), "found an MS-DOS program"),
        (b"%PDF-1.7 something else", "expected a library, found a file that is none"),
        (b"", "found a file that is none"),
        (b"\x7fELF\x01\x01\x01" + bytes(9) + struct.pack("<HH", 3, 3), "expected a 64-bit library, found a 32-bit one"),
        (b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HH", 2, 62), "found a file of another kind"),
    ],
)
def test_file_that_is_no_library_is_refused(tmp_path: Path, data: bytes, found: str) -> None:
    path = tmp_path / "ProfitDLL.dll"
    path.write_bytes(data)
    message = refusal(path)
    assert found in message
    assert "Win64" in message


def test_path_that_is_no_file_is_refused(tmp_path: Path) -> None:
    assert "found nothing there" in refusal(tmp_path / "ProfitDLL.dll")
    assert "found a folder" in refusal(tmp_path)
    assert "expected an absolute path" in refusal(Path("ProfitDLL.dll"))


@pytest.mark.parametrize("version", [(4, 0, 0, 41), (4, 1, 0, 3), (5, 0, 12, 65535)])
def test_version_is_read_from_the_file(tmp_path: Path, version: tuple[int, ...]) -> None:
    path = tmp_path / "ProfitDLL.dll"
    path.write_bytes(build_pe(version=version))
    assert read_library_file(path).version == version


@pytest.mark.skipif(sys.platform == "win32", reason="a Windows file loads there")
def test_windows_file_is_refused_elsewhere(tmp_path: Path) -> None:
    path = tmp_path / "ProfitDLL.dll"
    path.write_bytes(build_pe())
    assert "expected a library for Linux, found a Windows file" in refusal(path)


@pytest.mark.parametrize("version", [(4, 0, 0, 40), (3, 9, 9, 99)])
def test_old_version_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: tuple[int, ...]) -> None:
    path = tmp_path / "ProfitDLL.dll"
    path.write_bytes(build_pe(version=version))
    monkeypatch.setattr(sys, "platform", "win32")  # the version is looked at before anything is loaded
    found = ".".join(map(str, version))
    assert f"expected version 4.0.0.41 or later, found {found}; install" in refusal(path)


def test_library_without_what_is_needed_is_refused_and_names_it(tmp_path: Path) -> None:
    source, built = tmp_path / "little.c", tmp_path / "little.so"
    source.write_text("int DLLFinalize(void) { return 0; }\n", encoding="utf-8")
    build_vendor()  # skips where there is no compiler
    subprocess.run(["cc", "-shared", "-fPIC", "-o", str(built), str(source)], check=True)
    message = refusal(built)
    assert "SendOrder" in message
    assert "DLLFinalize" not in message


def test_every_export_is_typed_and_a_missing_one_is_named_when_called() -> None:
    library = load_library(build_vendor())
    assert set(library.functions) >= REQUIRED
    assert "SendBuyOrder" in library.missing
    with pytest.raises(LibraryRefused, match="expected the export SendBuyOrder, found none"):
        library.call("SendBuyOrder")
    assert [len(library.functions[name].argtypes) for name in ("DLLInitializeLogin", "SubscribeTicker")] == [14, 2]
    assert library.functions["SendOrder"].restype.__name__ in ("c_long", "c_longlong")  # 64 bits here
    assert library.address("TranslateTrade") > 0
