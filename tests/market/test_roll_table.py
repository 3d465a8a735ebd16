"""The roll table: one front a session, only forward, by the calendar's rule or by recorded volume (b3.md §1.3)."""

from datetime import date, timedelta

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from market.calendar import SpecialDay
from market.errors import DataError
from market.instruments import B3, Instruments
from market.roll import closing_sessions, expiry, following_contract, front_contract, last_trade_session
from market.roll_table import EXPIRY, VOLUME, Recorded, Roll, roll_table

ROOTS = st.sampled_from(["WDO", "DOL", "WIN", "IND"])
# The last expiry the calendar knows of WIN is 2027-12-15; the front of that day would be a contract of 2028.
DAYS = st.dates(date(2013, 1, 2), date(2027, 12, 14))
ZF27 = "WDOZ26", "WDOF27"
BEFORE_LAST, LAST = date(2026, 11, 27), date(2026, 11, 30)  # of WDOZ26
TWO_BEFORE = date(2026, 11, 26)


def month_of(contract: str) -> tuple[int, int]:
    return int(contract[4:]), "FGHJKMNQUVXZ".index(contract[3])


def test_table_of_a_year_is_the_one_worked_out_by_hand() -> None:
    """b3.md §1.2: WDO is left at the open of its last session, WIN at the open of its expiry."""
    table = roll_table("WIN", date(2026, 1, 2), date(2026, 12, 31))
    assert table.front == "WING26"
    assert [(str(roll.day), roll.leaving, roll.entering, roll.reason) for roll in table.rolls] == [
        ("2026-02-18", "WING26", "WINJ26", EXPIRY),
        ("2026-04-15", "WINJ26", "WINM26", EXPIRY),
        ("2026-06-17", "WINM26", "WINQ26", EXPIRY),
        ("2026-08-12", "WINQ26", "WINV26", EXPIRY),
        ("2026-10-14", "WINV26", "WINZ26", EXPIRY),
        ("2026-12-16", "WINZ26", "WING27", EXPIRY),
    ]


@pytest.mark.parametrize(
    ("day", "entering"),
    [("2025-02-28", "WDOJ25"), ("2025-12-30", "WDOG26"), ("2026-10-30", "WDOZ26"), ("2026-12-30", "WDOG27")],
)
def test_dollar_rolls_on_the_last_session_before_a_month_of_holidays(day: str, entering: str) -> None:
    table = roll_table("WDO", date(2025, 1, 2), date(2027, 1, 31))
    assert {str(roll.day): roll.entering for roll in table.rolls}[day] == entering


@given(root=ROOTS, first=DAYS, length=st.integers(0, 400))
@settings(max_examples=60, deadline=None)
def test_every_session_has_the_front_of_the_calendars_rule(root: str, first: date, length: int) -> None:
    last = min(first + timedelta(days=length), date(2027, 12, 14))
    sessions = B3.calendar(root).sessions(first, last)
    if not sessions:
        with pytest.raises(DataError, match="found none"):
            roll_table(root, first, last)
        return
    table = roll_table(root, first, last)
    assert [table.front_on(day) for day in sessions] == [front_contract(root, day) for day in sessions]
    assert [roll.day for roll in table.rolls] == sorted({roll.day for roll in table.rolls})
    assert all(month_of(roll.leaving) < month_of(roll.entering) for roll in table.rolls)
    assert all(one.entering == other.leaving for one, other in zip(table.rolls, table.rolls[1:], strict=False))


@given(
    root=ROOTS,
    first=st.dates(date(2013, 2, 1), date(2027, 12, 10)),
    lots=st.lists(st.one_of(st.none(), st.integers(0, 9)), min_size=40, max_size=40),
)
@settings(max_examples=60, deadline=None)
def test_volume_moves_a_roll_by_one_session_and_never_back(root: str, first: date, lots: list[int | None]) -> None:
    """Twin: the front of each session, decided alone from the text of the rule."""
    last = min(first + timedelta(days=150), date(2027, 12, 10))
    sessions = B3.calendar(root).sessions(first, last)
    assume(sessions)
    volumes = draw_volumes(root, sessions, lots)
    table = roll_table(root, sessions[0], last, Recorded(volumes))
    fronts = [table.front_on(day) for day in sessions]
    assert fronts == [naive_front(root, day, volumes) for day in sessions]
    assert [month_of(front) for front in fronts] == sorted(month_of(front) for front in fronts)
    assert all(last_trade_session(front, seen=day) > day for front, day in zip(fronts, sessions, strict=True))
    by_calendar = {roll.entering: roll.day for roll in roll_table(root, sessions[0], last).rolls}
    for roll in table.rolls:
        if roll.reason == EXPIRY:
            assert by_calendar[roll.entering] == roll.day
        elif roll.entering in by_calendar:
            assert B3.calendar(root).previous_session(by_calendar[roll.entering]) == roll.day


def draw_volumes(root: str, sessions: list[date], lots: list[int | None]) -> dict[tuple[str, date], int]:
    """Give both contracts a volume, or none, on every session, so that each roll may go either way."""
    drawn = {}
    for k, day in enumerate(sessions):
        front = front_contract(root, day)
        for contract, lot in ((front, lots[k % 40]), (following_contract(front, seen=day), lots[(7 * k + 3) % 40])):
            if lot is not None:
                drawn[contract, day] = lot
    return drawn


def naive_front(root: str, day: date, volumes: dict[tuple[str, date], int]) -> str:
    days = B3.calendar(root).sessions(day - timedelta(days=15), day + timedelta(days=15))
    here = days.index(day)
    today, tomorrow = front_contract(root, day), front_contract(root, days[here + 1])
    if today != tomorrow:
        before = days[here - 1]
        ours, theirs = volumes.get((today, before)), volumes.get((tomorrow, before))
        if ours is not None and theirs is not None and theirs > ours:
            return tomorrow
    return today


def volumes_of(day: date, ours: int, theirs: int) -> dict[tuple[str, date], int]:
    return {(ZF27[0], day): ours, (ZF27[1], day): theirs}


def roll_of(recorded: Recorded) -> Roll:
    (roll,) = roll_table("WDO", date(2026, 11, 16), date(2026, 12, 11), recorded).rolls
    return roll


@pytest.mark.parametrize(
    ("volumes", "day", "reason"),
    [
        ({}, LAST, EXPIRY),
        (volumes_of(TWO_BEFORE, 100, 101), BEFORE_LAST, VOLUME),
        (volumes_of(TWO_BEFORE, 100, 100), LAST, EXPIRY),  # alike does not lead
        (volumes_of(BEFORE_LAST, 1, 900), LAST, EXPIRY),  # that session's own volume is not known at its open
        (volumes_of(date(2026, 11, 25), 1, 900), LAST, EXPIRY),  # one session earlier, never two
        ({(ZF27[1], TWO_BEFORE): 900}, LAST, EXPIRY),  # nothing to compare with
    ],
)
def test_next_contract_that_led_is_entered_one_session_earlier(
    volumes: dict[tuple[str, date], int], day: date, reason: str
) -> None:
    roll = roll_of(Recorded(volumes))
    assert (roll.day, roll.leaving, roll.entering, roll.reason) == (day, *ZF27, reason)


def test_prices_of_a_roll_are_both_closes_of_the_session_before() -> None:
    closes = {(ZF27[0], BEFORE_LAST): 5_300.5, (ZF27[1], BEFORE_LAST): 5_340.0, (ZF27[1], LAST): 5_351.0}
    roll = roll_of(Recorded(closes=closes))
    assert (roll.price_from, roll.price_to) == (5_300.5, 5_340.0)


@pytest.mark.parametrize("known", ZF27)
def test_prices_of_a_roll_stay_empty_unless_both_are_known(known: str) -> None:
    roll = roll_of(Recorded(closes={(known, BEFORE_LAST): 5_300.5}))
    assert (roll.price_from, roll.price_to) == (None, None)


def test_front_of_a_weekend_is_that_of_the_session_before() -> None:
    table = roll_table("WDO", date(2026, 5, 1), date(2026, 6, 10))
    assert [table.front_on(date(2026, 5, day)) for day in (28, 29, 30, 31)] == ["WDOM26", "WDON26", "WDON26", "WDON26"]


def test_day_outside_the_table_is_refused() -> None:
    table = roll_table("WDO", date(2026, 5, 1), date(2026, 6, 10))  # the first is a holiday
    assert table.first == date(2026, 5, 4)
    for day in (date(2026, 5, 3), date(2026, 6, 11)):
        with pytest.raises(DataError, match=rf"expected a day from 2026-05-04 to 2026-06-10, found {day}"):
            table.front_on(day)


def test_span_beyond_the_calendar_is_refused() -> None:
    with pytest.raises(DataError, match="2027-12-31"):
        roll_table("WDO", date(2027, 12, 1), date(2028, 1, 10))


def test_same_facts_give_the_same_table() -> None:
    recorded = Recorded(volumes_of(TWO_BEFORE, 100, 101))
    tables = [roll_table("WDO", date(2026, 1, 2), date(2026, 12, 11), recorded) for _ in range(2)]
    assert tables[0] == tables[1]


def test_closed_day_moves_expiry_last_session_and_roll() -> None:
    """Were 30 November 2026 shut and 16 December too: b3.md §1.2 has WDOZ26 end on the 30th and WINZ26 on the 16th."""
    shut = SpecialDay(True, None, None, "Power failure")
    own = Instruments({}, {date(2026, 11, 30): shut, date(2026, 12, 1): shut, date(2026, 12, 16): shut})
    assert (last_trade_session("WDOZ26", own), expiry("WDOZ26", own)) == (date(2026, 11, 27), date(2026, 12, 2))
    assert (last_trade_session("WINZ26", own), expiry("WINZ26", own)) == (date(2026, 12, 17), date(2026, 12, 17))
    assert front_contract("WDO", date(2026, 11, 27), own) == "WDOF27"
    assert front_contract("WIN", date(2026, 12, 15), own) == "WINZ26"
    (roll,) = roll_table("WDO", date(2026, 11, 16), date(2026, 12, 11), None, own).rolls
    assert roll.day == date(2026, 11, 27)


@pytest.mark.parametrize(
    ("contract", "following"), [("WDOZ26", "WDOF27"), ("WDOF27", "WDOG27"), ("WINZ26", "WING27"), ("INDV26", "INDZ26")]
)
def test_following_contract_is_the_next_listed_month(contract: str, following: str) -> None:
    assert following_contract(contract) == following


def test_closing_sessions_end_with_the_last_one() -> None:
    assert closing_sessions("WDOH25") == (date(2025, 2, 26), date(2025, 2, 27), date(2025, 2, 28))
    assert closing_sessions("WING26") == (date(2026, 2, 12), date(2026, 2, 13), date(2026, 2, 18))
