"""One row a session: what the records of a session and its gaps come to."""

from datetime import date, timedelta

import numpy as np
import pytest

from flows.checks import Found
from flows.session_checks import bar_row, event_row, minutes_by_cause, restated, series_rows, states_of
from market.calendar import shipped_calendar
from market.lake_manifest import Cause, Gap, Partition, Provenance
from market.precheck import usual_volumes
from market.realism import Realism
from market.types import Flag, Kind, Phase, Side
from tests.factories import (
    MINUTE_NS,
    OPEN_NS,
    SECOND_NS,
    make_bar,
    make_event,
    make_quote,
    make_session,
    make_trade,
    stack,
)

DAY = date(2026, 6, 1)
SESSION = make_session()
NONE = np.zeros(0)
CALENDAR = shipped_calendar("b3_dollar")
REAL, UNJUDGED = Realism(True, ()), Realism(None, ())


def partition(day: date, gaps: tuple[Gap, ...] = (), synthetic: bool = False, inside_ns: int = 0) -> Partition:
    """Return a session of WDO that begins so far after its open and ends with it."""
    session = CALENDAR.session(day)
    first, last = int(session["open_ns"][0]) + inside_ns, int(session["close_ns"][0])
    origin = Provenance("hand.csv", "0" * 64, "hand/1", synthetic, "raw")
    return Partition("bars", "WDO", "WDO", "", day.isoformat(), 60, 570, 0, "", first, last, gaps, origin)


def test_a_good_session_has_rows_and_nothing_found() -> None:
    events = stack([make_trade(k, 100 + k) for k in range(7)])
    assert event_row(DAY, events, NONE, SESSION) == event_row(DAY, events, events[:0], SESSION)
    row = event_row(DAY, events, NONE, SESSION)
    assert (row.day, row.rows, row.found) == (DAY, 7, {})


def test_a_bad_record_is_counted_with_the_time_of_the_first() -> None:
    events = stack([make_trade(k, 100 + k, quantity=0 if k in (3, 5) else 2) for k in range(7)])
    row = event_row(DAY, events, NONE, SESSION)
    assert row.found == {"no_quantity": Found(2, 0, OPEN_NS + 3 * SECOND_NS)}


def test_of_prices_and_quantities_the_lowest_is_the_worst() -> None:
    events = stack([make_trade(k, (100, -5, -2)[k]) for k in range(3)])
    assert event_row(DAY, events, NONE, SESSION).found["no_price"] == Found(2, 5, OPEN_NS + SECOND_NS)


def test_trades_learn_of_a_halt_from_the_phases_kept_with_the_quotes() -> None:
    frozen, opened = (make_event(Kind.STATE, s, level=phase) for s, phase in ((2.5, Phase.FROZEN), (4.5, Phase.OPEN)))
    whole = stack([*(make_trade(k, 100) for k in range(3)), frozen, make_trade(3, 100), make_trade(4, 100), opened])
    trades, quotes = whole[whole["kind"] == Kind.TRADE], whole[whole["kind"] != Kind.TRADE]
    assert event_row(DAY, trades, NONE, SESSION).found == {}
    row = event_row(DAY, trades, states_of([quotes]), SESSION)
    assert row.found == {"trade_in_halt": Found(2, int(Phase.FROZEN), OPEN_NS + 3 * SECOND_NS)}
    assert row.rows == 5


def test_states_are_all_that_is_taken_from_other_partitions() -> None:
    quotes = stack([make_quote(1, Side.BUY, 99), make_event(Kind.STATE, 2, level=Phase.FROZEN)])
    assert states_of([quotes, quotes])["kind"].tolist() == [Kind.STATE] * 2
    assert states_of([]).size == 0


def test_a_volume_is_absurd_beside_the_series_and_not_beside_its_session() -> None:
    series = np.concatenate([make_bar(k, (100, 103, 98, 101)) for k in range(50)])
    session = np.concatenate([make_bar(k, (100, 103, 98, 101), 50_000) for k in range(3)])
    session["trades"] = 100
    row = bar_row(DAY, session, SESSION, usual_volumes(np.concatenate([series, session])))
    assert row.found == {"huge_volume": Found(3, 50_000, OPEN_NS)}
    assert bar_row(DAY, session, SESSION, usual_volumes(session)).found == {}


def test_restated_prices_are_counted() -> None:
    bars = np.concatenate([make_bar(k, (1, 1, 1, 1), flags=Flag.BACK_ADJUSTED if k < 2 else 0) for k in range(5)])
    assert restated(bars) == 2


def test_a_series_has_a_row_for_every_session_it_holds_or_lacks() -> None:
    """2026-06-04 is Corpus Christi; what lies between two files was not lost."""
    held = [partition(date(2026, 6, day)) for day in (1, 2, 9)]
    causes = {3: Cause.FEED_LOSS, 4: Cause.HOLIDAY, 5: Cause.TRUNCATED, 8: Cause.FEED_LOSS}
    missing = [(date(2026, 6, day), cause) for day, cause in causes.items()]
    rows = series_rows(held, missing, CALENDAR, {}, REAL)
    assert [(row.day.day, row.rows, [*row.found]) for row in rows] == [
        (1, 570, []), (2, 570, []), (3, 0, ["missing_session"]), (5, 0, ["between_exports"]),
        (8, 0, ["missing_session"]), (9, 570, []),
    ]  # fmt: skip


def test_gaps_are_told_by_cause_in_minutes_and_a_quiet_market_is_not() -> None:
    opens = int(CALENDAR.session(DAY)["open_ns"][0])

    def gap(first: int, minutes: int, cause: Cause) -> Gap:
        return Gap(opens + first * MINUTE_NS, opens + (first + minutes) * MINUTE_NS, cause)

    gaps = (
        gap(0, 5, Cause.AUCTION), gap(10, 2, Cause.FEED_LOSS), gap(20, 7, Cause.FEED_LOSS), gap(40, 6, Cause.HALT),
        gap(60, 1, Cause.NO_TRADE), gap(500, 70, Cause.TRUNCATED),
    )  # fmt: skip
    (row,) = series_rows([partition(DAY, gaps)], [], CALENDAR, {}, REAL)
    assert row.found == {
        "feed_loss": Found(2, 9 * MINUTE_NS, opens + 10 * MINUTE_NS),
        "halt": Found(1, 6 * MINUTE_NS, opens + 40 * MINUTE_NS),
        "truncated_export": Found(1, 70 * MINUTE_NS, opens + 500 * MINUTE_NS),
    }
    assert minutes_by_cause(gaps) == {
        "auction": (1, 5.0), "feed loss": (2, 9.0), "halt": (1, 6.0), "no trade": (1, 1.0),
        "truncated export": (1, 70.0),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("late", "explained", "found"),
    [
        (15, 0, {}),
        (16, 0, {"unexplained_edge": Found(1, 16 * MINUTE_NS, OPEN_NS)}),
        (40, 40, {}),
        (40, 20, {"unexplained_edge": Found(1, 20 * MINUTE_NS, OPEN_NS)}),
    ],
)
def test_a_late_begin_needs_a_gap_that_says_why(late: int, explained: int, found: dict[str, Found]) -> None:
    gaps = (Gap(OPEN_NS, OPEN_NS + explained * MINUTE_NS, Cause.AUCTION),) if explained else ()
    (row,) = series_rows([partition(DAY, gaps, inside_ns=late * MINUTE_NS)], [], CALENDAR, {}, REAL)
    assert row.found == found


def test_only_sessions_filed_as_real_are_doubted() -> None:
    days = [DAY, DAY + timedelta(days=1)]
    held = [partition(days[0]), partition(days[1], synthetic=True)]
    invented = series_rows(held, [], CALENDAR, {days[1]: 12}, Realism(False, ("too smooth",)))
    assert [row.found for row in invented] == [{"generated": Found(1)}, {"back_adjusted": Found(12)}]
    for verdict in (REAL, UNJUDGED):
        assert not any("generated" in row.found for row in series_rows(held, [], CALENDAR, {}, verdict))
