"""What the benchmark's own callbacks do; they are called as the vendor's are."""

from live.memory import load_i8, record_at, store_i8
from live.profitdll.events import begin_event, end_event
from live.profitdll.table import EVENTS_RING, HEAD_WORDS, now_ns, table_address
from live.ring import claim, publish
from market.types import EVENT

_BYTES = EVENT.itemsize
_BLOCK = 8 * HEAD_WORDS


def on_bare(asset: int, trade: int, flags: int) -> None:
    """Copy 64 bytes into the ring and let them out."""
    ring = load_i8(table_address() + EVENTS_RING)
    at = claim(ring, 1)
    if at != 0:
        for word in range(0, _BYTES, 8):
            store_i8(at + word, load_i8(trade + word))
        publish(ring)


def on_event(asset: int, given: int, flags: int) -> None:
    """Let out a ready EVENT as the callbacks let out theirs: clock, ring, step."""
    table = table_address()
    block, source = table + _BLOCK, record_at(given, EVENT)
    at = begin_event(table, block, source["ts_event_ns"], now_ns(table), source["kind"])
    if at != 0:
        event = record_at(at, EVENT)
        event["trade_number"], event["quantity"], event["price"] = (
            source["trade_number"],
            source["quantity"],
            source["price"],
        )
        event["buyer"], event["seller"], event["side"] = source["buyer"], source["seller"], source["side"]
        event["trade_type"], event["level"], event["flags"] = source["trade_type"], source["level"], source["flags"]
        end_event(table, block, at, True)
