"""The peers: the same callback as a ctypes function, as every public wrapper of the vendor's library has it."""

import calendar
import ctypes
import os
import struct
import time
from collections.abc import Callable
from typing import Any

from live.profitdll.abi import STRUCTURES, text_at
from live.ring import HEAD, Ring

_EVENT = struct.Struct("<5q4iBbBBI")
_PROTOTYPE = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint32)


def empty() -> Any:
    """Return a callback that does nothing."""

    def on_trade(asset: int, trade: int, flags: int) -> None:
        return

    return _PROTOTYPE(on_trade)


def whole_job(translate: Any, ring: Ring, instruments: dict[str, tuple[int, float]], to_utc_ns: int) -> Any:
    """Return a callback that translates, decodes and publishes into a ring."""
    trade_kind: Any = STRUCTURES["TConnectorTrade"]
    out, cursors = trade_kind(), ring.words.data.cast("B").cast("q")
    asset_kind: Any = STRUCTURES["TConnectorAssetIdentifier"]
    mask, reference = ring.capacity - 1, ctypes.byref(out)
    target = ring.records.data.cast("B")

    def on_trade(asset: int, trade: int, flags: int) -> None:
        received_ns = time.time_ns()
        known = instruments.get(text_at(asset_kind.from_address(asset).Ticker))
        if known is None or translate(trade, reference) != 0:
            return
        day = out.TradeDate
        seconds = calendar.timegm((day.wYear, day.wMonth, day.wDay, day.wHour, day.wMinute, day.wSecond))
        event_ns = seconds * 1_000_000_000 + day.wMilliseconds * 1_000_000 + to_utc_ns
        number, kind = cursors[HEAD // 8], out.TradeType
        side = 1 if kind == 2 else -1 if kind == 3 else 0
        _EVENT.pack_into(
            target, 64 * (number & mask), event_ns, received_ns, number, out.TradeNumber, out.Quantity,
            round(out.Price / known[1]), out.BuyAgent, out.SellAgent, known[0], 1, side, kind, 0, flags,
        )  # fmt: skip
        cursors[HEAD // 8] = number + 1

    return _PROTOTYPE(on_trade)


def waiting_thread(handle: int, send: Any, order: Any, times: int) -> Callable[[], None]:
    """Return a thread's function: wait for a wake in Python and send through ctypes, so many times."""

    def run() -> None:
        for _ in range(times):
            os.read(handle, 8)
            send(order)

    return run
