"""The ABI as ctypes, built from `abi.txt` alone: nothing here comes from the stand-in's sources."""

import ctypes
from pathlib import Path
from typing import Any, NamedTuple

TABLE = Path(__file__).with_name("abi.txt")
_SCALARS: dict[str, Any] = {
    "W": ctypes.c_void_p, "I": ctypes.c_int32, "U": ctypes.c_uint32, "L": ctypes.c_int64, "D": ctypes.c_double,
    "B": ctypes.c_uint8, "H": ctypes.c_uint16, "P": ctypes.c_void_p, "N": ctypes.c_ssize_t, "-": None,
    "H*100": ctypes.c_uint16 * 100,
}  # fmt: skip
_PACKED = {"TAssetIDRec"}


class Abi(NamedTuple):
    functions: dict[str, list[str]]  # result, then arguments
    callbacks: dict[str, list[str]]
    sizes: dict[str, int]
    fields: dict[str, list[tuple[str, str, int]]]  # name, letter, offset


def read_table(path: Path = TABLE) -> Abi:
    """Read the table."""
    abi = Abi({}, {}, {}, {})
    record = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        what, *told = line.split() or [""]
        if what in ("function", "callback"):
            (abi.functions if what == "function" else abi.callbacks)[told[0]] = told[1:]
        elif what == "record":
            record = told[0]
            abi.sizes[record], abi.fields[record] = int(told[1]), []
        elif what == "field":
            abi.fields[record].append((told[0], told[1], int(told[2])))
    return abi


class Types:
    """ctypes of every record, callback and function; what is passed by value is passed by address."""

    def __init__(self, abi: Abi) -> None:
        self.abi = abi
        self.records: dict[str, Any] = {}
        for name in abi.sizes:
            self.records[name] = self._record(name)
        self.callbacks = {name: ctypes.CFUNCTYPE(*map(self.of, told)) for name, told in abi.callbacks.items()}

    def of(self, letter: str) -> Any:
        if letter in _SCALARS:
            return _SCALARS[letter]
        if letter.startswith("*"):
            pointed = letter[1:]
            return ctypes.POINTER(self.records[pointed] if pointed in self.records else _SCALARS[pointed])
        return self.callbacks[letter] if letter in self.abi.callbacks else ctypes.POINTER(self.records[letter])

    def _record(self, name: str) -> Any:
        fields = [
            (field, _SCALARS[letter] if letter in _SCALARS else self.records[letter])
            for field, letter, _ in self.abi.fields[name]
        ]
        body: dict[str, Any] = {"_fields_": fields}
        if name in _PACKED:
            body = {"_pack_": 1, "_fields_": fields}
        return type(name, (ctypes.Structure,), body)

    def bind(self, library: Any) -> None:
        """Set result and arguments of every function; a callback may also be NULL."""
        for name, told in self.abi.functions.items():
            function = getattr(library, name)
            function.restype = self.of(told[0])
            function.argtypes = [ctypes.c_void_p if one in self.callbacks else self.of(one) for one in told[1:]]
