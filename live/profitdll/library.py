"""The vendor's library, loaded by its absolute path, every export typed before the first call."""

import ctypes
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from live.profitdll.abi import EXPORTS, MINIMUM_VERSION, Prototype, argument_type, result_type
from live.profitdll.file_version import LibraryFile, read_library_file
from market.errors import LibraryRefused

# What the runner cannot do without. Anything else may be missing; calling it then says so.
REQUIRED = frozenset(
    {
        "DLLInitializeLogin", "DLLInitializeMarketLogin", "DLLFinalize", "SetEnabledHistOrder", "SubscribeTicker",
        "UnsubscribeTicker", "SetTradeCallbackV2", "TranslateTrade", "SubscribePriceDepth", "UnsubscribePriceDepth",
        "GetPriceDepthSideCount", "GetPriceGroup", "SetPriceDepthCallback", "SetChangeStateTickerCallback",
        "SetInvalidTickerCallback", "SetHistoryTradeCallbackV2", "GetHistoryTrades", "SendOrder", "SendChangeOrderV2",
        "SendCancelOrderV2", "SendCancelAllOrdersV2", "SendZeroPositionV2", "GetOrderDetails", "HasOrdersInInterval",
        "EnumerateAllOrders", "GetPositionV2", "GetAccount", "SetOrderCallback", "SetTradingMessageResultCallback",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Library:
    """The loaded library. Functions are called by name; those that are missing are named in `missing`."""

    file: LibraryFile
    functions: Mapping[str, Any]
    missing: frozenset[str]

    def call(self, name: str, *arguments: Any) -> int:
        """Call a function and return what it returned, unjudged (see `result`).

        Raises
        ------
        LibraryRefused
            If the library does not export it.
        """
        return int(self._function(name)(*arguments) or 0)

    def address(self, name: str) -> int:
        """Return the address of a function for compiled code; raises as `call`."""
        return int(ctypes.cast(self._function(name), ctypes.c_void_p).value or 0)

    def has(self, name: str) -> bool:
        """Tell whether the library exports a function."""
        return name in self.functions

    def _function(self, name: str) -> Any:
        if name not in self.functions:
            raise LibraryRefused(f"{self.file.path}: expected the export {name}, found none; {_newer()}")
        return self.functions[name]


def load_library(path: Path) -> Library:
    """Load a library after its file was looked at.

    Parameters
    ----------
    path : Path
        Absolute; no search path is asked.

    Raises
    ------
    LibraryRefused
        If the file is missing, of another system or width, older than `MINIMUM_VERSION`, cannot be loaded, or lacks
        an export of `REQUIRED`.
    """
    file = checked_file(path)
    if sys.maxsize < 1 << 32:
        raise LibraryRefused("Python: expected a 64-bit one, found a 32-bit one; install Python for x64")
    try:
        handle = _load(path)
    except OSError as error:
        raise LibraryRefused(
            f"{path}: expected a library that loads, found {error.strerror or error}; "
            "keep it in the folder of the vendor's package, with the files beside it"
        ) from error
    functions = {name: _typed(handle, one) for name, one in EXPORTS.items() if hasattr(handle, name)}
    missing = frozenset(EXPORTS) - frozenset(functions)
    if lacking := sorted(missing & REQUIRED):
        raise LibraryRefused(f"{path}: expected ProfitDLL's exports, found none of {', '.join(lacking)}; {_newer()}")
    return Library(file, functions, missing)


def checked_file(path: Path) -> LibraryFile:
    """Return what a file says of itself, without loading it.

    Raises
    ------
    LibraryRefused
        If the file is missing, of another system or width, or older than `MINIMUM_VERSION`.
    """
    file = read_library_file(path)
    _check_system(file)
    return file


def _check_system(file: LibraryFile) -> None:
    if file.windows != (sys.platform == "win32"):
        found, here = ("a Windows file", "Linux") if file.windows else ("a Linux file", "Windows")
        raise LibraryRefused(f"{file.path}: expected a library for {here}, found {found}; run on the system it is for")
    if file.version is not None and file.version < MINIMUM_VERSION:
        raise LibraryRefused(f"{file.path}: expected version {_dotted(MINIMUM_VERSION)} or later, "
                             f"found {_dotted(file.version)}; {_newer()}")  # fmt: skip


def _load(path: Path) -> ctypes.CDLL:
    """Load by path alone; the library's own folder is where the files it needs are looked for, later ones too."""
    if sys.platform == "win32":
        os.add_dll_directory(str(path.parent))
    return ctypes.CDLL(str(path))


def _typed(handle: ctypes.CDLL, prototype: Prototype) -> Any:
    function = getattr(handle, prototype.name)
    function.argtypes = [argument_type(letter) for _, letter in prototype.arguments]
    function.restype = result_type(prototype.result)
    return function


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def _newer() -> str:
    return f"install ProfitDLL {_dotted(MINIMUM_VERSION)} or later"
