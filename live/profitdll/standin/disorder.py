"""Puts the faults of a script into force."""

from typing import TYPE_CHECKING

from live.profitdll.standin.faults import Fault
from live.profitdll.standin.wire import EventKind, RequestKind
from trading.fills.venue import NEVER

if TYPE_CHECKING:
    from live.profitdll.standin.venue import VenueProcess

_LOGIN, _ROUTING, _MARKET = 0, 1, 2
_OF_TRADES = {"trades_lost": "lose", "trades_duplicated": "repeat", "trades_reordered": "swap", "sentinels": "sentinel"}
_OF_ORDERS = {"orders_lost": "lost", "orders_duplicated": "duplicated", "orders_reordered": "reordered"}


class Disorder:
    """The faults in force."""

    def __init__(self, venue: "VenueProcess") -> None:
        self._venue = venue
        self.holds_market = False
        self._refused_tickers = 0
        self._silent_until = self._storm_until = -1

    @property
    def storms(self) -> bool:
        """Whether events are served at once, whatever the speed."""
        return int(self._venue.feed["cursor"][0]) < self._storm_until

    def next_event(self) -> int:
        """Return the event before which something has to be begun or ended."""
        cursor = int(self._venue.feed["cursor"][0])
        ends = [at for at in (self._silent_until, self._storm_until) if at > cursor]
        return min([self._venue.script.next_at("event", NEVER), *ends])

    def begin_due(self) -> None:
        """Begin the faults that are due, and end those that were told in events."""
        venue = self._venue
        cursor = int(venue.feed["cursor"][0])
        if 0 <= self._silent_until <= cursor:
            self._silent_until, venue.feed["muted"] = -1, 0
        reached = {"event": cursor, "request": venue.requests_taken}
        for trigger, so_far in reached.items():
            for fault in venue.script.due(trigger, so_far):
                self._begin(fault)

    def begin_at(self, trigger: str, number: int) -> None:
        """Begin the faults of a login or of a new order."""
        for fault in self._venue.script.due(trigger, number):
            self._begin(fault)

    def refuses_ticker(self) -> bool:
        """Tell whether the next subscription is refused, and count it."""
        if self._refused_tickers <= 0:
            return False
        self._refused_tickers -= 1
        return True

    def _begin(self, fault: Fault) -> None:
        venue = self._venue
        if fault.name in _OF_TRADES:
            venue.feed[_OF_TRADES[fault.name]] = fault.count
        elif fault.name in _OF_ORDERS:
            setattr(venue.broker.table.faults, _OF_ORDERS[fault.name], fault.count)
        else:
            getattr(self, f"_begin_{fault.name}")(fault)

    def _begin_market_late(self, fault: Fault) -> None:
        self.holds_market = True
        self._venue.timers.after(fault.ms, lambda: setattr(self, "holds_market", False))

    def _begin_market_silent(self, fault: Fault) -> None:
        self._venue.feed["muted"] = 1
        self._silent_until = int(self._venue.feed["cursor"][0]) + fault.count

    def _begin_market_storm(self, fault: Fault) -> None:
        self._storm_until = int(self._venue.feed["cursor"][0]) + fault.count

    def _begin_market_down(self, fault: Fault) -> None:
        self._venue.feed["muted"] = 1
        self._venue.logins.state(_MARKET, 0)
        self._venue.timers.after(fault.ms, self._venue.logins.connect_market)

    def _begin_market_partial(self, fault: Fault) -> None:
        self._venue.logins.state(_MARKET, 6)
        self._venue.timers.after(fault.ms, lambda: self._venue.logins.state(_MARKET, 4))

    def _begin_wrong_ticker(self, fault: Fault) -> None:
        self._refused_tickers = fault.count

    def _begin_routing_down(self, fault: Fault) -> None:
        self._venue.broker.routing_up = self._venue.broker.broker_up = False
        self._venue.logins.state(_ROUTING, 0)
        self._venue.timers.after(fault.ms, self._venue.logins.connect_routing)

    def _begin_broker_down(self, fault: Fault) -> None:
        self._venue.broker.broker_up = False
        self._venue.logins.state(_ROUTING, 3)
        self._venue.timers.after(fault.ms, self._venue.logins.connect_routing)

    def _begin_orders_late(self, fault: Fault) -> None:
        faults = self._venue.broker.table.faults
        faults.late_ms = fault.ms
        self._venue.timers.after(fault.ms, lambda: setattr(faults, "late_ms", 0))

    def _begin_order_storm(self, fault: Fault) -> None:
        self._venue.broker.table.faults.storm = fault.code

    def _begin_order_partial(self, fault: Fault) -> None:
        self._venue.broker.next.partial = True

    def _begin_order_rejected(self, fault: Fault) -> None:
        self._venue.broker.next.rejected_with = fault.code or 9

    def _begin_order_silent(self, fault: Fault) -> None:
        self._venue.broker.next.silent = True

    def _begin_canceled_by_admin(self, fault: Fault) -> None:
        self._venue.broker.cancel_by_admin()

    def _begin_orders_hidden(self, fault: Fault) -> None:
        self._venue.logins.orders_hidden_ms = fault.ms

    def _begin_frozen(self, fault: Fault) -> None:
        self._venue.outbox.say(EventKind.STALL, number=fault.ms)

    def _begin_hang(self, fault: Fault) -> None:
        self._venue.wire.header["hang_ms"][0, RequestKind[fault.call]] = fault.ms

    def _begin_crash(self, fault: Fault) -> None:
        self._venue.outbox.say(EventKind.CRASH)

    def _begin_key_in_use(self, fault: Fault) -> None:
        self._venue.wire.header["busy"] = 1

    def _begin_license_lost(self, fault: Fault) -> None:
        venue = self._venue

        def drop() -> None:
            venue.feed["muted"] = 1
            venue.broker.routing_up = venue.broker.broker_up = False
            for connection, result in ((_LOGIN, 1), (3, 1), (_MARKET, 0), (_ROUTING, 0)):
                venue.logins.state(connection, result)

        venue.timers.after(fault.ms, drop)

    def _begin_history_stuck(self, fault: Fault) -> None:
        self._venue.history.stuck_ms = fault.ms
