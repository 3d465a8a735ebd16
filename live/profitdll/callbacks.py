"""The library's callbacks, compiled: no GIL, no Python frame, no exception that could cross into the vendor's thread.

They are built after the table was allocated, for the table's symbol is bound then, and each is kept for the life of the
process, its end included.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numba
from numba import types

from live.memory import load_i4, load_i8, load_u1, store_f8, store_i8
from live.profitdll.abi import CALLS, offset
from live.profitdll.codes import BookAction
from live.profitdll.depth import take_depth, take_phase, take_quote
from live.profitdll.notices import NoticeKind, take_state, tell, tell_order
from live.profitdll.offers import Change, take_offer, take_offers
from live.profitdll.table import (
    DAILY_QUANTITY,
    DAILY_TRADES,
    DAILY_VOLUME,
    HEALTH,
    HISTORY_PROGRESS,
    SETTLEMENT,
    THEORETICAL_PRICE,
    THEORETICAL_QUANTITY,
    keep,
    table,
    table_address,
)
from live.profitdll.trades import block_of, take_live_trade, take_past_trade
from market.errors import LibraryRefused

_TYPES = {"I": types.int32, "U": types.uint32, "L": types.int64, "D": types.float64, "B": types.uint8, "-": types.void}
_FULL_BOOK = int(BookAction.FULL_BOOK)
_V1 = 8  # a V1 asset is ticker and exchange without the version before them
_TICKER = offset("TConnectorAssetIdentifier", "Ticker")
_ACCOUNT, _BROKER = (offset("TConnectorAccountIdentifier", field) for field in ("AccountID", "BrokerID"))
_RESULT_BROKER, _RESULT_ORDER, _RESULT_MESSAGE, _RESULT_CODE, _RESULT_TEXT = (
    offset("TConnectorTradingMessageResult", field)
    for field in ("BrokerID", "OrderID", "MessageID", "ResultCode", "Message")
)
_ACCOUNT_KIND, _INVALID, _ORDER, _RESULT, _POSITION, _HEALTH, _PROGRESS, _LOADED, _ACCOUNTS = (
    int(kind) for kind in list(NoticeKind)[1:]
)


def _on_state(what: int, value: int) -> None:
    take_state(table_address(), what, value)


def _on_account(broker: int, broker_name: int, account: int, owner: int) -> None:
    tell(table_address(), _ACCOUNT_KIND, 0, broker, account, broker_name)


def _on_trade(asset: int, trade: int, flags: int) -> None:
    take_live_trade(table_address(), asset, trade, flags)


def _on_past_trade(asset: int, trade: int, flags: int) -> None:
    take_past_trade(table_address(), asset, trade, flags)


def _on_progress(asset: int, progress: int) -> None:
    here = table_address()
    store_i8(here + HISTORY_PROGRESS, progress)
    tell(here, _PROGRESS, progress, 0, load_i8(asset), 0)


def _on_quote(asset: int, price: float, quantity: int, side: int) -> None:
    take_quote(table_address(), asset - _V1, price, quantity, side)


def _on_daily(
    asset: int, date: int, first: float, high: float, low: float, close: float, volume: float, settlement: float,
    most: float, least: float, bought: float, sold: float, quantity: int, trades: int, open_contracts: int,
    quantity_bought: int, quantity_sold: int, trades_bought: int, trades_sold: int,
) -> None:  # fmt: skip
    block = block_of(table_address(), asset - _V1)
    if block != 0:
        store_f8(block + SETTLEMENT, settlement)
        store_f8(block + DAILY_VOLUME, volume)
        store_i8(block + DAILY_QUANTITY, quantity)
        store_i8(block + DAILY_TRADES, trades)


def _on_depth(asset: int, side: int, position: int, update: int) -> None:
    take_depth(table_address(), asset, side, position, update)


def _on_offer(
    asset: int, action: int, position: int, side: int, quantity: int, agent: int, offer: int, price: float,
    has_price: int, has_quantity: int, has_date: int, has_offer: int, has_agent: int, date: int, sells: int, buys: int,
) -> None:  # fmt: skip
    here = table_address()
    block = block_of(here, asset - _V1)
    if action == _FULL_BOOK:
        take_offers(here, block, sells, buys)
    elif block != 0:
        take_offer(
            here, block, 0 if side == 0 else 1, Change(action, position, price, quantity, has_price, has_quantity)
        )


def _on_phase(asset: int, date: int, phase: int) -> None:
    take_phase(table_address(), asset - _V1, phase)


def _on_theoretical(asset: int, price: float, quantity: int) -> None:
    block = block_of(table_address(), asset - _V1)
    if block != 0:
        store_f8(block + THEORETICAL_PRICE, price)
        store_i8(block + THEORETICAL_QUANTITY, quantity)


def _on_invalid_ticker(asset: int) -> None:
    tell(table_address(), _INVALID, 0, 0, load_i8(asset + _TICKER), 0)


def _on_order(order: int) -> None:
    tell_order(table_address(), _ORDER, 0, 0, order, 0, 0)


def _on_result(result: int) -> None:
    tell_order(
        table_address(), _RESULT, load_u1(result + _RESULT_CODE), load_i4(result + _RESULT_BROKER),
        result + _RESULT_ORDER, load_i8(result + _RESULT_MESSAGE), load_i8(result + _RESULT_TEXT),
    )  # fmt: skip


def _on_orders_loaded(account: int) -> None:
    tell(table_address(), _LOADED, 0, load_i4(account + _BROKER), load_i8(account + _ACCOUNT), 0)


def _on_position(account: int, asset: int, event: int) -> None:
    broker = load_i4(account + _BROKER)
    tell(table_address(), _POSITION, 0, broker, load_i8(account + _ACCOUNT), load_i8(asset + _TICKER))


def _on_health(state: int) -> None:
    here = table_address()
    store_i8(here + HEALTH, state)
    tell(here, _HEALTH, state, 0, 0, 0)


def _on_accounts_changed(broker: int, changed: int) -> None:
    tell(table_address(), _ACCOUNTS, changed, broker, 0, 0)


# Our function for each callback, and the callback's type in the ABI.
_FUNCTIONS: Mapping[str, tuple[Callable[..., None], str]] = {
    "state": (_on_state, "TStateCallback"),
    "account": (_on_account, "TAccountCallback"),
    "daily": (_on_daily, "TNewDailyCallback"),
    "progress": (_on_progress, "TProgressCallback"),
    "quote": (_on_quote, "TTinyBookCallback"),
    "trade": (_on_trade, "TConnectorTradeCallback"),
    "past_trade": (_on_past_trade, "TConnectorTradeCallback"),
    "depth": (_on_depth, "TConnectorPriceDepthCallback"),
    "offer": (_on_offer, "TOfferBookCallbackV2"),
    "phase": (_on_phase, "TChangeStateTicker"),
    "theoretical": (_on_theoretical, "TTheoreticalPriceCallback"),
    "invalid_ticker": (_on_invalid_ticker, "TInvalidTickerCallback"),
    "order": (_on_order, "TConnectorOrderCallback"),
    "result": (_on_result, "TConnectorTradingMessageResultCallback"),
    "orders_loaded": (_on_orders_loaded, "TConnectorAccountCallback"),
    "position": (_on_position, "TConnectorAssetPositionListCallback"),
    "health": (_on_health, "TSystemHealthCallback"),
    "accounts_changed": (_on_accounts_changed, "TConnectorBrokerAccountListCallback"),
}


def signature(callback: str) -> Any:
    """Return the compiled signature of a callback of the ABI; whatever travels by address is an int64."""
    prototype = CALLS[callback]
    arguments = [_TYPES.get(letter, types.int64) for _, letter in prototype.arguments]
    return _TYPES[prototype.result](*arguments)


def compile_callback(function: Callable[..., Any], callback: Any, *, cache: bool = True) -> Any:
    """Compile a callback of a signature so that no path of it asks for the GIL; its `address` is what to pass on."""
    compiled = numba.cfunc(callback, cache=cache, error_model="numpy", forceinline=True, _nrt=False)(function)
    keep(compiled)
    return compiled


def build_callbacks() -> dict[str, int]:
    """Return the address of each callback by our name for it. Call after `table`, once in a process.

    Raises
    ------
    LibraryRefused
        If the compiled code was not linked to this process's table.
    """
    expected = table().address
    probe = compile_callback(_probe, types.int64())
    if probe.ctypes() != expected:
        raise LibraryRefused(
            f"callbacks: expected code linked to the table at {expected:#x}, found {probe.ctypes() or 0:#x}; "
            "delete the folder state/numba and start again"
        )
    return {name: int(compile_callback(one, signature(kind)).address) for name, (one, kind) in _FUNCTIONS.items()}


def _probe() -> int:
    return int(table_address())
