"""What stands between the library and the matching of `trading.fills`: messages, ids, statuses, positions."""

from collections import defaultdict, deque
from dataclasses import dataclass

import numpy as np

from live.profitdll.standin.order_table import DEAD, OrderTable, Result, Status
from live.profitdll.standin.positions import Positions
from live.profitdll.standin.settings import Settings
from live.profitdll.standin.wire import RequestKind, Wire, get_text
from market.instruments import Instrument
from trading.fills.venue import Venue, new_venue, next_report
from trading.records import OrderState, OrderType
from trading.requests import REQUEST, Refusal
from trading.requests import RequestKind as Ask

_MOST_REQUESTS = 65_536  # of one life of the venue
_PROTECTION_TICKS = 50  # how far from the last trade a market order reads back as a limit
_REFUSED = {
    Refusal.QUANTITY: "Quantidade invalida",
    Refusal.PRICE: "Preco invalido",
    Refusal.BAND: "Preco fora do tunel de rejeicao",
    Refusal.PHASE: "Fase do mercado nao permite a operacao",
    Refusal.TRIGGERED: "Preco de disparo ja atingido",
    Refusal.DUPLICATE: "Ordem duplicada",
    Refusal.NOT_WORKING: "Ordem nao esta em aberto",
    Refusal.FULL: "Limite de ordens atingido",
}
_ENDS = {
    OrderState.FILLED: (Status.FILLED, Status.FILLED),
    OrderState.CANCELED: (Status.CANCELED, Status.PARTIALLY_FILLED_CANCELED),
    OrderState.EXPIRED: (Status.EXPIRED, Status.PARTIALLY_FILLED_EXPIRED),
}


@dataclass
class NextOrder:
    """What the faults in force do to the next order."""

    rejected_with: int = 0
    silent: bool = False
    partial: bool = False  # its fill is told in two parts


class Broker:
    """The orders of every account, and the one book they meet."""

    def __init__(
        self, wire: Wire, settings: Settings, table: OrderTable, positions: Positions, instrument: Instrument
    ) -> None:
        self._wire, self._settings, self.table, self._positions = wire, settings, table, positions
        self._instrument = instrument
        self.model: Venue = new_venue(settings.venue)
        self.requests = np.zeros(_MOST_REQUESTS, dtype=REQUEST)
        self.sent = 0
        self.now_ns = 0  # of the recorded session
        self.routing_up = False
        self.broker_up = False
        self.next = NextOrder()
        self._messages: dict[tuple[int, int], deque[int]] = defaultdict(deque)
        self._by_admin: set[int] = set()
        self._partial: set[int] = set()
        self.orders_taken = 0

    def take(self, request: np.ndarray) -> None:
        """Take a request about orders, WIRE_REQUEST, length 1."""
        kind = int(request["kind"][0])
        if kind in (RequestKind.SEND, RequestKind.ZERO):
            self._take_new(request)
        elif kind in (RequestKind.CHANGE, RequestKind.CANCEL):
            self._take_about(request, kind)
        else:
            self._cancel_many(request, kind)

    def _take_new(self, request: np.ndarray) -> None:
        self.orders_taken += 1
        session = int(request["session"][0])
        place = self.table.new(request, session)
        if place < 0:
            return
        doing, self.next = self.next, NextOrder()
        for _ in range(2):
            self.table.repeat(place, Status.CLIENT_CREATED)
        if not self._reaches_broker(place, request, doing.silent):
            return
        self.table.change(place, status=Status.HADES_CREATED, cl_ord_id=f"PG{self._wire_day()}-{place + 1:06d}")
        message = int(request["message_id"][0])
        self._results(place, message, Result.SENT_TO_BROKER, Result.SENT_TO_MARKET)
        why = self._refuses(request)
        if doing.rejected_with or why:
            self._reject(place, message, doing.rejected_with or Result.REJECTED_MARKET, why or "Rejeitada")
            return
        if doing.partial:
            self._partial.add(place)
        self._messages[place, Ask.NEW].append(message)
        self._ask(place, Ask.NEW, request)

    def _reaches_broker(self, place: int, request: np.ndarray, silent: bool) -> bool:
        """Tell how far a message gets before the broker; a wrong routing password and a silent drop end at result 4."""
        message = int(request["message_id"][0])
        self._results(place, message, Result.STARTING)
        if not (self.routing_up and self.broker_up):
            self.table.result(place, message, Result.NOT_CONNECTED, self._broker_of(place), "Roteamento desconectado")
            stands = Status(int(self.table.row(place)["status"][0]))
            if stands == Status.CLIENT_CREATED:
                self.table.change(place, status=Status.ORDER_NOT_CREATED, leaves=0, text="Roteamento desconectado")
            else:
                self.table.repeat(place, stands)
            return False
        self._results(place, message, Result.SENT_TO_HADES_PROXY, Result.SENT_TO_HADES)
        return not silent and get_text(request["text"][0][3]) == self._settings.routing_password

    def _refuses(self, request: np.ndarray) -> str:
        """Return why the exchange refuses an order before it looks at its book, empty where it does not."""
        if not self._wire.assets[int(request["asset"][0])]["dated"]:
            return "Ativo nao negociavel"
        told = [float(request[name][0]) for name in ("price", "stop_price")]
        if not all(price <= 0 or self._instrument.on_grid(price) for price in told):
            return "Preco fora do tick"
        return ""

    def _reject(self, place: int, message: int, code: int, text: str) -> None:
        self.table.result(place, message, code, self._broker_of(place), text)
        self.table.change(place, status=Status.REJECTED, leaves=0, text=text)

    def _take_about(self, request: np.ndarray, kind: int) -> None:
        """Take a change or a cancel of one order."""
        place = self.table.find(
            get_text(request["text"][0][1]), int(request["local_id"][0]), int(request["session"][0])
        )
        if place < 0:
            return
        message, asked = int(request["message_id"][0]), Ask.CANCEL if kind == RequestKind.CANCEL else Ask.REPLACE
        for _ in range(2):
            self.table.repeat(place, Status.CLIENT_CREATED)
        if not self._reaches_broker(place, request, False):
            return
        self._results(place, message, Result.SENT_TO_BROKER, Result.SENT_TO_MARKET)
        self._messages[place, asked].append(message)
        self._ask(place, asked, request)

    def _cancel_many(self, request: np.ndarray, kind: int) -> None:
        """Cancel every working order of an account, or of one asset of it."""
        for place in self.working():
            order = self.table.row(place)
            if order["account"] != request["account"]:
                continue
            if kind == RequestKind.CANCEL_ASSET and order["asset"] != request["asset"]:
                continue
            single = request.copy()
            single["local_id"], single["text"][0][1] = order["local_id"], 0
            single["text"][0][1][:40] = order["cl_ord_id"][0]
            self._take_about(single, RequestKind.CANCEL)

    def cancel_by_admin(self) -> None:
        """Cancel every working order, as the broker does who closes an account."""
        for place in self.working():
            self._by_admin.add(place)
            self._messages[place, Ask.CANCEL].append(0)
            self._ask(place, Ask.CANCEL, self.table.row(place))

    def working(self) -> list[int]:
        """Return the rows of orders that are not dead."""
        return [k for k in range(self.table.count) if int(self._wire.orders[k]["status"]) not in DEAD]

    def _ask(self, place: int, kind: Ask, told: np.ndarray) -> None:
        """Put a request before the model; `told` is a WIRE_REQUEST or the order's own row."""
        ask = self.requests[self.sent]
        order = self.table.row(place)
        ask["ts_ns"], ask["order"], ask["kind"] = self.now_ns, place + 1, kind
        ask["instrument"], ask["quantity"] = self._instrument.id, told["quantity"][0]
        ask["side"], ask["type"] = 1 if order["side"][0] == 1 else -1, order["type"][0]
        ask["price"] = self._ticks(float(told["price"][0])) if order["type"][0] != OrderType.MARKET else 0
        ask["stop_price"] = self._ticks(float(told["stop_price"][0])) if order["type"][0] == OrderType.STOP else 0
        if kind == Ask.NEW and self._settings.triggered_stop_fills and self._is_triggered(ask):
            ask["type"], ask["price"], ask["stop_price"] = OrderType.MARKET, 0, 0
        self.sent += 1

    def _is_triggered(self, ask: np.void) -> bool:
        last = int(self.model.state[0]["last"])
        beyond = int(ask["side"]) * (last - int(ask["stop_price"]))
        return bool(ask["type"] == OrderType.STOP and last > 0 and beyond >= 0)

    def hear(self) -> tuple[int, int]:
        """Take the model's next report; return the row and the contracts of it that are newly filled."""
        report = self.model.reports[next_report(self.model)].copy()
        place = int(report["order"]) - 1
        if report["refused"]:
            self._refuse(place, report)
            return place, 0
        before = self.table.row(place)
        if report["state"] == OrderState.REJECTED:
            self._reject(
                place, self._message(place, Ask.NEW), Result.REJECTED_MARKET, _REFUSED[Refusal(report["reason"])]
            )
            return place, 0
        if report["kind"]:
            self._results(place, self._message(place, int(report["kind"])), Result.ACCEPTED)
        filled = int(report["filled"]) - int(before["traded"][0])
        if filled > 0:
            self._fill(place, before, report, filled)
        elif report["state"] in _ENDS:
            self._end(place, report)
        elif report["kind"] == Ask.REPLACE:
            self._tell_terms(place, report, Status.REPLACED)
        else:
            self._tell_terms(place, report, Status.NEW)
        return place, filled

    def _fill(self, place: int, before: np.ndarray, report: np.void, filled: int) -> None:
        """Tell of a fill; the position stands before the order's owner hears of it."""
        tick, traded = self._instrument.tick_size, int(before["traded"][0])
        paid = float(report["notional"]) * tick - float(before["average_price"][0]) * traded
        self._positions.fill(
            int(before["account"][0]), int(before["asset"][0]), int(before["side"][0]), filled, paid / filled
        )
        done = {"average_price": float(report["notional"]) * tick / int(report["filled"])}
        if place in self._partial and filled > 1:
            self._partial.discard(place)
            part = traded + filled // 2
            self.table.change(
                place, status=Status.PARTIALLY_FILLED, traded=part, leaves=int(report["quantity"]) - part, **done
            )
        status = Status.FILLED if report["state"] == OrderState.FILLED else Status.PARTIALLY_FILLED
        leaves = int(report["quantity"]) - int(report["filled"])
        self.table.change(place, status=status, traded=int(report["filled"]), leaves=leaves, **done)

    def _end(self, place: int, report: np.void) -> None:
        whole, partly = _ENDS[OrderState(report["state"])]
        status = partly if report["filled"] > 0 else whole
        if place in self._by_admin:
            self._by_admin.discard(place)
            status = Status.CANCELED_BY_ADMIN
        self.table.change(place, status=status, leaves=0)

    def _tell_terms(self, place: int, report: np.void, status: Status) -> None:
        """Tell of a working order on the terms that the exchange knows."""
        tick, order = self._instrument.tick_size, self.table.row(place)
        terms: dict[str, float] = {"quantity": int(report["quantity"])}
        terms["leaves"] = int(report["quantity"]) - int(report["filled"])
        if report["price"] > 0:
            terms["price"] = float(report["price"]) * tick
        if report["stop_price"] > 0:
            terms["stop_price"] = float(report["stop_price"]) * tick
        if status == Status.NEW and order["type"][0] == OrderType.MARKET and self._settings.market_as_limit:
            away = _PROTECTION_TICKS if order["side"][0] == 1 else -_PROTECTION_TICKS
            terms["type"], terms["price"] = OrderType.LIMIT, (int(self.model.state[0]["last"]) + away) * tick
        self.table.change(place, status=status, **terms)

    def _refuse(self, place: int, report: np.void) -> None:
        """Tell that a change or cancel was refused; the order stands as it was."""
        message = self._message(place, int(report["kind"]))
        text = _REFUSED[Refusal(report["reason"])]
        self.table.result(place, message, Result.REJECTED_MARKET, self._broker_of(place), text)
        self.table.repeat(place, Status(int(self.table.row(place)["status"][0])))

    def _message(self, place: int, kind: int) -> int:
        waiting = self._messages[place, kind]
        return waiting.popleft() if waiting else 0

    def _results(self, place: int, message: int, *codes: Result) -> None:
        for code in codes:
            self.table.result(place, message, code, self._broker_of(place))

    def _broker_of(self, place: int) -> int:
        return int(self._wire.accounts[int(self.table.row(place)["account"][0])]["broker"])

    def _ticks(self, points: float) -> int:
        return self._instrument.to_ticks(points) if points > 0 else 0

    def _wire_day(self) -> str:
        return str(np.datetime64(int(self._wire.header["today_ms"][0]), "ms"))[:10].replace("-", "")
