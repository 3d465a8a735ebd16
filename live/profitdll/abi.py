"""The binary interface of ProfitDLL: structures, versions and types.

The same declarations serve Windows x64 and the stand-in on Linux: strings are addresses of 16-bit units, what travels
by value is a pointer to a copy, and no type depends on the system (`c_long`, `c_wchar`).

Letters: W address of a string · I int32 · U uint32 · L int64 · D double · B byte · H uint16 (H100: a hundred in line) ·
P address · N integer as wide as an address · `*T` pointer to T · `-` nothing.
"""

import ctypes
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from live.profitdll.credentials import Secret
from live.profitdll.prototypes import CALLBACKS, FUNCTIONS

MINIMUM_VERSION = (4, 0, 0, 41)  # earlier ones lose order updates or trades

STRUCTS = """
TAssetIDRec(ticker:W exchange:W feed:I)
TSystemTime(wYear:H wMonth:H wDayOfWeek:H wDay:H wHour:H wMinute:H wSecond:H wMilliseconds:H)
TConnectorAccountIdentifier(Version:B BrokerID:I AccountID:W SubAccountID:W Reserved:L)
TConnectorAccountIdentifierOut(Version:B BrokerID:I AccountID:H100 AccountIDLength:I SubAccountID:H100
    SubAccountIDLength:I Reserved:L)
TConnectorAssetIdentifier(Version:B Ticker:W Exchange:W FeedType:B)
TConnectorAssetIdentifierOut(Version:B Ticker:W TickerLength:I Exchange:W ExchangeLength:I FeedType:B)
TConnectorOrderIdentifier(Version:B LocalOrderID:L ClOrderID:W)
TConnectorPriceGroup(Version:B Price:D Count:U Quantity:L PriceGroupFlags:U)
TConnectorTrade(Version:B TradeDate:TSystemTime TradeNumber:U Price:D Quantity:L Volume:D BuyAgent:I SellAgent:I
    TradeType:B)
TConnectorSendOrder(Version:B AccountID:TConnectorAccountIdentifier AssetID:TConnectorAssetIdentifier Password:W
    OrderType:B OrderSide:B Price:D StopPrice:D Quantity:L MessageID:L)
TConnectorChangeOrder(Version:B AccountID:TConnectorAccountIdentifier OrderID:TConnectorOrderIdentifier Password:W
    Price:D StopPrice:D Quantity:L MessageID:L)
TConnectorCancelOrder(Version:B AccountID:TConnectorAccountIdentifier OrderID:TConnectorOrderIdentifier Password:W
    MessageID:L)
TConnectorCancelOrders(Version:B AccountID:TConnectorAccountIdentifier AssetID:TConnectorAssetIdentifier Password:W)
TConnectorCancelAllOrders(Version:B AccountID:TConnectorAccountIdentifier Password:W)
TConnectorZeroPosition(Version:B AccountID:TConnectorAccountIdentifier AssetID:TConnectorAssetIdentifier Password:W
    Price:D PositionType:B MessageID:L)
TConnectorTradingAccountOut(Version:B AccountID:TConnectorAccountIdentifier BrokerName:W BrokerNameLength:I
    OwnerName:W OwnerNameLength:I SubOwnerName:W SubOwnerNameLength:I AccountFlags:U AccountType:B)
TConnectorTradingAccountPosition(Version:B AccountID:TConnectorAccountIdentifier AssetID:TConnectorAssetIdentifier
    OpenQuantity:L OpenAveragePrice:D OpenSide:B DailyAverageSellPrice:D DailySellQuantity:L DailyAverageBuyPrice:D
    DailyBuyQuantity:L DailyQuantityD1:L DailyQuantityD2:L DailyQuantityD3:L DailyQuantityBlocked:L
    DailyQuantityPending:L DailyQuantityAlloc:L DailyQuantityProvision:L DailyQuantity:L DailyQuantityAvailable:L
    PositionType:B EventID:L)
TConnectorOrder(Version:B OrderID:TConnectorOrderIdentifier AccountID:TConnectorAccountIdentifier
    AssetID:TConnectorAssetIdentifier Quantity:L TradedQuantity:L LeavesQuantity:L Price:D StopPrice:D AveragePrice:D
    OrderSide:B OrderType:B OrderStatus:B ValidityType:B Date:TSystemTime LastUpdate:TSystemTime CloseDate:TSystemTime
    ValidityDate:TSystemTime TextMessage:W EventID:L)
TConnectorOrderOut(Version:B OrderID:TConnectorOrderIdentifier AccountID:TConnectorAccountIdentifierOut
    AssetID:TConnectorAssetIdentifierOut Quantity:L TradedQuantity:L LeavesQuantity:L Price:D StopPrice:D
    AveragePrice:D OrderSide:B OrderType:B OrderStatus:B ValidityType:B Date:TSystemTime LastUpdate:TSystemTime
    CloseDate:TSystemTime ValidityDate:TSystemTime TextMessage:W TextMessageLength:I EventID:L)
TConnectorTradingMessageResult(Version:B BrokerID:I OrderID:TConnectorOrderIdentifier MessageID:L ResultCode:B
    Message:W MessageLength:I)
"""
PACKED = {"TAssetIDRec": 1}

# What goes into each structure's Version. A structure that is not here has none, or is filled by the library.
VERSIONS: Mapping[str, int] = MappingProxyType(
    {
        "TConnectorAccountIdentifier": 0,
        "TConnectorAccountIdentifierOut": 0,
        "TConnectorAssetIdentifier": 0,
        "TConnectorAssetIdentifierOut": 0,
        "TConnectorOrderIdentifier": 0,
        "TConnectorPriceGroup": 0,
        "TConnectorTrade": 0,
        "TConnectorSendOrder": 2,
        "TConnectorChangeOrder": 1,
        "TConnectorCancelOrder": 1,
        "TConnectorCancelOrders": 0,
        "TConnectorCancelAllOrders": 0,
        "TConnectorZeroPosition": 2,
        "TConnectorTradingAccountOut": 1,
        "TConnectorTradingAccountPosition": 2,
        "TConnectorOrder": 1,
        "TConnectorOrderOut": 1,
    }
)


@dataclass(frozen=True)
class Prototype:
    """What a function or callback takes and returns, in letters."""

    name: str
    arguments: tuple[tuple[str, str], ...]
    result: str


class Wide(ctypes.c_void_p):
    """A string argument: text is passed as 16-bit units to the NUL, an address as it is.

    A secret is revealed here and nowhere before, so that no frame of a call that fails holds it in clear.
    """

    @classmethod
    def from_param(cls, text: Any) -> Any:
        """Return what ctypes passes; the units live until the call returns."""
        if text is None or isinstance(text, int):
            return ctypes.c_void_p(text)
        return ctypes.c_char_p(units(text.reveal() if isinstance(text, Secret) else text))


def units(text: str) -> bytes:
    """Return a text as little-endian 16-bit units with the NUL.

    Raises
    ------
    ValueError
        If it holds half a surrogate pair or a NUL; the text itself is not told, for it may be a password.
    """
    try:
        encoded = text.encode("utf-16-le")
    except UnicodeEncodeError:
        raise ValueError("expected text that 16-bit units can hold, found half of a surrogate pair") from None
    if "\0" in text:
        raise ValueError("expected text without NUL, found one")
    return encoded + b"\0\0"


def address_of(text: str, kept: list[object]) -> int:
    """Return the address of a text's units; they live as long as `kept`, which is given them."""
    buffer = ctypes.create_string_buffer(units(text))
    kept.append(buffer)
    return ctypes.addressof(buffer)


def text_at(address: int | None, longest: int = 4096) -> str:
    """Return the text that starts at an address, to its NUL; empty where the address is none."""
    if not address:
        return ""
    count = 0
    while count < longest and ctypes.c_uint16.from_address(address + 2 * count).value:
        count += 1
    return ctypes.string_at(address, 2 * count).decode("utf-16-le", errors="replace")


def _parse(table: str) -> dict[str, Prototype]:
    found = re.findall(r"^(\w+)\(([^)]*)\)(?:\s+([-\w]+))?$", table, flags=re.MULTILINE)
    split = {name: tuple(tuple(one.split(":")) for one in inside.split()) for name, inside, _ in found}
    return {name: Prototype(name, split[name], result) for name, _, result in found}


_LETTERS: dict[str, Any] = {
    "W": ctypes.c_void_p, "I": ctypes.c_int32, "U": ctypes.c_uint32, "L": ctypes.c_int64, "D": ctypes.c_double,
    "B": ctypes.c_uint8, "H": ctypes.c_uint16, "P": ctypes.c_void_p, "N": ctypes.c_ssize_t,
    "H100": ctypes.c_uint16 * 100, "-": None,
}  # fmt: skip


_FORMATS: dict[str, Any] = {
    "W": "<i8", "P": "<i8", "N": "<i8", "I": "<i4", "U": "<u4", "L": "<i8", "D": "<f8", "B": "u1", "H": "<u2",
    "H100": ("<u2", 100),
}  # fmt: skip


def _build(table: Mapping[str, Prototype]) -> dict[str, type[ctypes.Structure]]:
    built: dict[str, type[ctypes.Structure]] = {}
    for name, prototype in table.items():
        fields = [(field, _LETTERS.get(letter) or built[letter]) for field, letter in prototype.arguments]
        body: dict[str, Any] = {"_pack_": PACKED[name]} if name in PACKED else {}
        built[name] = type(name, (ctypes.Structure,), body | {"_fields_": fields})
    return built


EXPORTS: Mapping[str, Prototype] = MappingProxyType(_parse(FUNCTIONS))
CALLS: Mapping[str, Prototype] = MappingProxyType(_parse(CALLBACKS))
LAYOUTS: Mapping[str, Prototype] = MappingProxyType(_parse(STRUCTS))
STRUCTURES: Mapping[str, type[ctypes.Structure]] = MappingProxyType(_build(LAYOUTS))


def argument_type(letter: str) -> Any:
    """Return the ctypes type of a function's argument; callbacks and structures by value are addresses."""
    if letter == "W":
        return Wide
    if letter.startswith("*"):
        return ctypes.POINTER(_LETTERS.get(letter[1:]) or STRUCTURES[letter[1:]])
    return _LETTERS.get(letter, ctypes.c_void_p)


def result_type(letter: str) -> Any:
    """Return the ctypes type of a result; a text is its address."""
    return _LETTERS[letter]


def offset(structure: str, *path: str) -> int:
    """Return where a field lies in a structure, in bytes; the path goes into structures within."""
    at, inside = 0, structure
    for field in path:
        at += int(getattr(STRUCTURES[inside], field).offset)
        inside = dict(LAYOUTS[inside].arguments)[field]
    return at


def record_of(structure: str) -> np.dtype:
    """Return a structure as a record for compiled code: addresses are int64, structures within are records."""
    fields = [field for field, _ in LAYOUTS[structure].arguments]
    letters = [letter for _, letter in LAYOUTS[structure].arguments]
    layout: Any = {
        "names": fields,
        "formats": [_FORMATS.get(letter) or record_of(letter) for letter in letters],
        "offsets": [getattr(STRUCTURES[structure], field).offset for field in fields],
        "itemsize": ctypes.sizeof(STRUCTURES[structure]),
    }
    made: np.dtype = np.dtype(layout)
    return made


def new(structure: str) -> Any:
    """Return a zeroed structure with its Version set, and that of every structure within."""
    made = STRUCTURES[structure]()
    _set_versions(made, structure)
    return made


def _set_versions(made: Any, structure: str) -> None:
    if structure in VERSIONS:
        made.Version = VERSIONS[structure]
    for field, letter in LAYOUTS[structure].arguments:
        if letter in STRUCTURES:
            _set_versions(getattr(made, field), letter)
