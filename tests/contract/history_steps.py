"""What a desk does for the cards of past trades."""

import os
import time
from datetime import date, timedelta
from typing import Any

from live.profitdll.history import History
from live.profitdll.result import answer
from tests.contract.desk import Desk, refusal

DAY = timedelta(days=1)


def _history(desk: Desk, **how: float) -> History:
    quiet = {"idle_s": desk.patience_s(0.25, 5.0), "patience_s": desk.patience_s(5.0, 900.0)}
    return History(desk.connection, desk.market, desk.day, **(quiet | how))


def _rows(history: History, symbol: str, day: date) -> list[Any]:
    found = history.day(symbol, day)
    return [[int(one) for one in row] for row in found[["trade_number", "price", "quantity", "ts_event_ns"]]]


def first(desk: Desk) -> Any:
    """Ask for a whole day before anything else of the ticker was asked for."""
    desk.market.subscribe(desk.ticker)
    return _rows(_history(desk), desk.ticker, date.fromisoformat(os.environ["PREGAO_CONTRACT_PAST"]))


def days(desk: Desk) -> Any:
    """Ask for each of the last days, one by one; of a real market for the last weekend alone."""
    if desk.ticker not in desk.market.subscriptions:
        desk.market.subscribe(desk.ticker)
    history, out = _history(desk), {}
    week = [desk.day - back * DAY for back in range(8)]
    for day in week[:5] if desk.wire is not None else [one for one in week[1:] if one.weekday() >= 5]:
        try:
            out[str(day)] = _rows(history, desk.ticker, day)
        except Exception as error:
            out[str(day)] = [type(error).__name__, str(error)]
    return out


def limits(desk: Desk) -> Any:
    """Ask for what lies at the limits and beyond them: through the binding, and past it."""
    library, history = desk.connection.library, _history(desk)

    def past_it(first: date, last: date) -> list[str]:
        bounds = [f"{one:%d/%m/%Y} 00:00:00" for one in (first, last)]
        return refusal(
            lambda: answer("GetHistoryTrades", library.call("GetHistoryTrades", desk.ticker, "F", *bounds))
        )  # fmt: skip

    def calls() -> int:
        return int(desk.wire.header["request_head"][0]) if desk.wire is not None else 0

    before = calls()
    out: dict[str, Any] = {"beyond": refusal(lambda: history.day(desk.ticker, desk.day - 31 * DAY))}
    out["tomorrow"] = refusal(lambda: history.day(desk.ticker, desk.day + DAY))
    out["not_subscribed"] = refusal(lambda: history.day("WDOF40", desk.day))
    out["asked"] = calls() - before
    out["beyond_past_it"] = past_it(desk.day - 31 * DAY, desk.day - 30 * DAY)
    out["ten_days"] = past_it(desk.day - 12 * DAY, desk.day - 2 * DAY)
    out["last"] = refusal(lambda: history.day(desk.ticker, desk.day - 30 * DAY))[0]
    return out


def expired(desk: Desk) -> Any:
    desk.market.subscribe("WINM26")
    return refusal(lambda: _history(desk).day("WINM26", desk.day - DAY))


def stuck(desk: Desk) -> Any:
    """Ask while the request stands at 99 for a while, and then for longer than patience lasts."""
    desk.reach("short")
    began, out = time.monotonic(), {}
    history, past = _history(desk), date.fromisoformat(os.environ["PREGAO_CONTRACT_PAST"])
    out["whole"] = _rows(history, desk.ticker, past)
    out["took"] = time.monotonic() - began
    desk.reach("long")
    out["given_up"] = refusal(lambda: _history(desk, patience_s=0.6).day(desk.ticker, past))
    return out


FIRST, PLAIN, RECORDED = [first], [days, limits], [expired, stuck]
