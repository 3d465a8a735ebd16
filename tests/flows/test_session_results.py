"""What a session earned and its executions cost, worked by hand, and read from a runner's journal."""

import datetime as dt
from pathlib import Path

import numpy as np

from flows.session_results import EPOCH, Executions, journalled, session_results
from live.journal_writer import JournalWriter
from market.types import Side
from trading.journal import Kind, json_payload
from trading.records import DECISION, FILL, OrderRole

DAY = dt.date(2026, 6, 8)


def decisions(*references: int) -> np.ndarray:
    rows = np.zeros(len(references), dtype=DECISION)
    rows["sequence"], rows["reference"] = np.arange(len(references)), references
    return rows


def fill(side: Side, role: OrderRole, price: int, quantity: int = 2, decision: int = 0) -> tuple[int, ...]:
    return (int(side), int(role), price, quantity, decision)


def fills(*rows: tuple[int, ...]) -> np.ndarray:
    made = np.zeros(len(rows), dtype=FILL)
    for place, (side, role, price, quantity, decision) in enumerate(rows):
        made[place]["side"], made[place]["role"], made[place]["price"] = side, role, price
        made[place]["quantity"], made[place]["decision"], made[place]["fee"] = quantity, decision, 0.5 * quantity
    return made


ROUND_TRIP = fills(fill(Side.BUY, OrderRole.ENTRY, 101, decision=1), fill(Side.SELL, OrderRole.TARGET, 105))


def test_a_round_trip_worked_by_hand() -> None:
    (one,) = session_results([Executions(DAY, decisions(90, 100), ROUND_TRIP)], tick_value=0.2)
    # Two contracts win four ticks and pay four times 0.50; the entry was one tick worse than its close.
    assert one["session"] == (DAY - EPOCH).days
    assert (one["contracts"], one["fees"]) == (4, 2.0)
    assert np.isclose(one["net"], 2 * 4 * 0.2 - 2.0)
    assert np.isclose(one["slippage"], 2 * 1 * 0.2)


def test_a_sale_below_its_close_is_slippage_and_an_open_position_earns_nothing_more() -> None:
    open_ = fills(fill(Side.SELL, OrderRole.ENTRY, 97), fill(Side.SELL, OrderRole.ENTRY, 96, decision=9))
    (one,) = session_results([Executions(DAY, decisions(100), open_)], tick_value=1.0)
    assert one["slippage"] == 2 * 3  # the second names a decision that is not known
    assert one["net"] == 2 * (97 - 96) - 2.0  # marked at the last fill


def test_a_session_without_a_fill_earned_nothing() -> None:
    (one,) = session_results([Executions(DAY, decisions(), fills())], tick_value=1.0)
    assert (one["net"], one["contracts"], one["slippage"]) == (0, 0, 0)


def write_journal(path: Path, digest: str, made: np.ndarray, day: dt.date = DAY) -> None:
    with JournalWriter(path) as journal:
        journal.append(Kind.SESSION, json_payload({"mode": "paper", "day": day.isoformat(), "bundle": digest}))
        journal.append(Kind.DECISION, decisions(90, 100).tobytes())
        journal.append(Kind.FILL, made.tobytes())


def test_journals_of_running_sessions_are_read_and_others_left(tmp_path: Path) -> None:
    write_journal(tmp_path / "paper-WINQ26-a.bin", "mine", ROUND_TRIP)
    write_journal(tmp_path / "paper-WINQ26-b.bin", "another", ROUND_TRIP)
    write_journal(tmp_path / "replay-WINQ26-c.bin", "mine", ROUND_TRIP, dt.date(2026, 6, 9))
    write_journal(tmp_path / "live-WINQ26-d.bin", "mine", ROUND_TRIP, dt.date(2026, 6, 10))
    damaged = (tmp_path / "live-WINQ26-d.bin").read_bytes()
    (tmp_path / "live-WINQ26-d.bin").write_bytes(damaged[:40] + b"\x00\x00" + damaged[42:])
    found = journalled(tmp_path, "mine", [dt.date(2026, 6, day) for day in (8, 9, 10)])
    assert list(found) == [DAY]
    assert found[DAY].fills.tobytes() == ROUND_TRIP.tobytes()
    assert found[DAY].decisions["reference"].tolist() == [90, 100]
    assert journalled(tmp_path, "mine", []) == {}
