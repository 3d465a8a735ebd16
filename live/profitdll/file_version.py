"""What a library's file says of itself, read before anything of it runs: system, width, and the version resource."""

import struct
from dataclasses import dataclass
from pathlib import Path

from market.errors import LibraryRefused

_PE_64, _MACHINE_X64, _IS_DLL = 0x20B, 0x8664, 0x2000
_ELF_64, _ELF_SHARED, _ELF_X64 = 2, 3, 62
_RESOURCES, _VERSION_TYPE = 2, 16
_FIXED_INFO = struct.pack("<I", 0xFEEF04BD)
_REMEDY = "name ProfitDLL.dll of the folder Win64 in the vendor's package"
LARGEST = 1 << 30


@dataclass(frozen=True)
class LibraryFile:
    """A file that can be loaded as a library; `version` is None where it is no Windows file."""

    path: Path
    windows: bool
    version: tuple[int, int, int, int] | None


def read_library_file(path: Path) -> LibraryFile:
    """Return what a 64-bit library's file says of itself.

    Raises
    ------
    LibraryRefused
        If there is no such file, or it is no 64-bit library for x64, or a Windows file without a version.
    """
    data = _read(path)
    try:
        if data[:4] == b"\x7fELF":
            return _read_elf(path, data)
        if data[:2] == b"MZ":
            return _read_pe(path, data)
    except (struct.error, IndexError):
        raise _refused(path, "a whole library", "one that is cut short or damaged") from None
    raise _refused(path, "a library", "a file that is none")


def _read(path: Path) -> bytes:
    if not path.is_absolute():
        raise _refused(path, "an absolute path", "a relative one")
    if not path.is_file():
        raise _refused(path, "a file", "a folder" if path.is_dir() else "nothing there")
    try:
        if path.stat().st_size > LARGEST:
            raise _refused(path, "a library", f"a file of more than {LARGEST >> 30} GiB")
        return path.read_bytes()
    except OSError as error:
        raise _refused(path, "a file that can be read", error.strerror or "one that cannot") from error


def _read_elf(path: Path, data: bytes) -> LibraryFile:
    kind, machine = struct.unpack_from("<HH", data, 16)
    if data[4] != _ELF_64:
        raise _refused(path, "a 64-bit library", "a 32-bit one")
    if (kind, machine) != (_ELF_SHARED, _ELF_X64):
        raise _refused(path, "a library for x64", "a file of another kind or machine")
    return LibraryFile(path, windows=False, version=None)


def _read_pe(path: Path, data: bytes) -> LibraryFile:
    (header,) = struct.unpack_from("<I", data, 0x3C)
    if data[header : header + 4] != b"PE\0\0":
        raise _refused(path, "a library", "an MS-DOS program")
    machine, sections, _, _, _, optional, marks = struct.unpack_from("<HHIIIHH", data, header + 4)
    (magic,) = struct.unpack_from("<H", data, header + 24)
    if (machine, magic) != (_MACHINE_X64, _PE_64):
        raise _refused(path, "a 64-bit library", "a 32-bit one" if magic == 0x10B else "one for another machine")
    if not marks & _IS_DLL:
        raise _refused(path, "a library", "a program")
    address, _ = struct.unpack_from("<II", data, header + 24 + 112 + 8 * _RESOURCES)
    table = header + 24 + optional
    spans = [struct.unpack_from("<IIII", data, table + 40 * place + 8) for place in range(sections)]
    version = _version(data, spans, address) if address else None
    if version is None:
        raise _refused(path, "a version resource", "none")
    return LibraryFile(path, windows=True, version=version)


def _version(data: bytes, spans: list[tuple[int, ...]], address: int) -> tuple[int, int, int, int] | None:
    """Return the file version of the first VERSIONINFO: type, name and language are three levels of one tree."""
    root = _place(spans, address)
    if root is None:
        return None
    entry = _entry(data, root, _VERSION_TYPE)
    for _ in range(2):
        if entry is None:
            return None
        entry = _entry(data, root + entry, None)
    if entry is None:
        return None
    at, size = struct.unpack_from("<II", data, root + entry)
    start = _place(spans, at)
    if start is None:
        return None
    fixed = data.find(_FIXED_INFO, start, start + size)
    if fixed < 0:
        return None
    high, low = struct.unpack_from("<II", data, fixed + 8)
    return high >> 16, high & 0xFFFF, low >> 16, low & 0xFFFF


def _entry(data: bytes, folder: int, wanted: int | None) -> int | None:
    """Return where an entry of a resource folder points: that with a number, or the first."""
    named, numbered = struct.unpack_from("<HH", data, folder + 12)
    for place in range(named + numbered):
        number, points = struct.unpack_from("<II", data, folder + 16 + 8 * place)
        if wanted is None or number == wanted:
            return int(points) & 0x7FFFFFFF
    return None


def _place(spans: list[tuple[int, ...]], address: int) -> int | None:
    """Return the place in the file of an address in memory, by the sections."""
    for size, start, raw_size, raw in spans:
        if start <= address < start + max(size, raw_size):
            return raw + address - start
    return None


def _refused(path: Path, expected: str, found: str) -> LibraryRefused:
    return LibraryRefused(f"{path}: expected {expected}, found {found}; {_REMEDY}")
