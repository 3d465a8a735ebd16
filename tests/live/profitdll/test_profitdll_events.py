"""Market data from a real C library's own thread, through the compiled callbacks, into the ring."""

from typing import Any

import numpy as np

from market.home import Home
from market.types import EVENT, Kind
from tests.live.profitdll.vendor import answer_of, run_child

OPEN = """
from datetime import date
from live.profitdll.market import Market
from live.profitdll.table import Counter
from live.ring import Reader
connection = open_connection(home, library)
vendor, market = Vendor(library), Market(connection, date(2026, 11, 20))
events = Reader(connection.events, keeps=True)
def counters():
    return {one.name: connection.table[one] for one in Counter if connection.table[one]}
def told():
    found = events.take()
    return [[int(x) if not isinstance(x, float) else x for x in row] for row in found.tolist()]
"""


def rows(listed: list[list[int]]) -> np.ndarray:
    return np.array([tuple(one) for one in listed], dtype=EVENT)


def told(home: Home, body: str, **environment: str) -> Any:
    return answer_of(run_child(OPEN + body, home, **environment))


def test_trade_is_decoded_to_ticks_and_utc(home: Home) -> None:
    found = told(home, """
made = market.subscribe("WDOZ26")
vendor.play("trade WDOZ26 2026-11-20T10:00:01.250 71 5432.5 3 308 85 2 0")
vendor.play("trade WDOZ26 2026-11-20T10:00:01.251 72 5432.0 7 3 9 3 1")
print(json.dumps(told())); end()
""")  # fmt: skip
    first, second = rows(found)
    # 10:00:01.250 in São Paulo is 13:00:01.250 UTC (date -u -d 2026-11-20T13:00:01 +%s).
    assert first["ts_event_ns"] == 1_795_179_601_250_000_000
    assert (first["price"], first["quantity"], first["trade_number"]) == (10865, 3, 71)
    assert (first["buyer"], first["seller"], first["side"], first["trade_type"]) == (308, 85, 1, 2)
    assert (first["kind"], first["instrument"], first["sequence"], first["flags"]) == (Kind.TRADE, 1, 0, 0)
    assert abs(int(first["ts_recv_ns"]) - 1_795_179_601_000_000_000) < 10 * 365 * 86_400 * 1_000_000_000
    assert (second["kind"], second["side"], second["sequence"]) == (Kind.EDIT, -1, 1)
