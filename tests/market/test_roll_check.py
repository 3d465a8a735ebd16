"""The roll table against the lake: what recorded sessions lead to, and what contradicts it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from market.instruments import B3
from market.lake import Lake
from market.lake_manifest import Cause, Gap, Provenance
from market.roll_check import ContractDates, check_rolls, disagreements_of
from market.roll_record import lake_roll_table, recorded_rolls
from market.types import BAR, EVENT, Kind, TradeType

SPAN = date(2026, 11, 16), date(2026, 12, 11)
TWO_BEFORE, BEFORE, LAST = (date(2026, 11, day) for day in (26, 27, 30))  # the last three sessions of WDOZ26
Record = Callable[..., None]


@pytest.fixture
def record(lake: Lake, provenance: Provenance) -> Record:
    """Write bars of a minute: each trades half the volume, the last one closes at the price."""

    def write(contract: str, day: date, volume: int, close: int = 10_600, **changes: object) -> None:
        session = B3.session(contract[:3], day)
        bars = np.zeros(3, dtype=BAR)
        bars["ts_open_ns"] = int(session["open_ns"][0]) + np.arange(3) * 60_000_000_000
        bars["ts_close_ns"] = bars["ts_open_ns"] + 60_000_000_000
        bars["volume"], bars["close"] = [volume // 2, volume - volume // 2, 0], [close - 9, close, close + 50]
        draft = lake.draft("bars", contract, day, provenance, 60)
        lake.commit([(replace(draft, **changes), bars)])

    return write


def test_lake_without_contracts_leaves_the_calendars_table(lake: Lake) -> None:
    assert [roll.day for roll in lake_roll_table(lake, "WDO", *SPAN).rolls] == [LAST]
    done = check_rolls(lake, "WDO", *SPAN)
    assert (done.leads, done.disagreements) == ((), ())


def test_recorded_volumes_and_closes_decide_the_roll(lake: Lake, record: Record) -> None:
    record("WDOZ26", TWO_BEFORE, 1_000, 10_601)
    record("WDOF27", TWO_BEFORE, 1_001, 10_680)
    record("WDOF27", date(2026, 11, 18), 5_000)  # far from any roll: not read
    found = recorded_rolls(lake, "WDO")
    assert found.volumes == {("WDOZ26", TWO_BEFORE): 1_000, ("WDOF27", TWO_BEFORE): 1_001}
    (roll,) = lake_roll_table(lake, "WDO", *SPAN).rolls
    assert (roll.day, roll.reason, roll.price_from, roll.price_to) == (BEFORE, "volume", 5_300.5, 5_340.0)


def test_session_that_was_cut_leads_nothing(lake: Lake, record: Record) -> None:
    session = B3.session("WDO", TWO_BEFORE)
    cut = Gap(int(session["open_ns"][0]) + 10**12, int(session["close_ns"][0]), Cause.TRUNCATED)
    record("WDOZ26", TWO_BEFORE, 1_000, gaps=(cut,))
    record("WDOF27", TWO_BEFORE, 1_001)
    assert ("WDOZ26", TWO_BEFORE) not in recorded_rolls(lake, "WDO").volumes
    assert [roll.day for roll in lake_roll_table(lake, "WDO", *SPAN).rolls] == [LAST]


def test_continuous_series_and_other_roots_are_no_contracts(lake: Lake, record: Record) -> None:
    for symbol in ("WDOFUT", "DOLZ26"):
        record(symbol, TWO_BEFORE, 1_000)
    assert recorded_rolls(lake, "WDO").volumes == {}


def test_trades_count_where_they_enter_bars_and_bars_come_first(
    lake: Lake, record: Record, provenance: Provenance
) -> None:
    told = [(100, 5, TradeType.BUY_AGGRESSION), (101, 7, TradeType.RLP), (150, 900, TradeType.CROSS)]
    trades = np.zeros(4, dtype=EVENT)
    trades["ts_event_ns"] = B3.session("WDO", LAST)["open_ns"][0]
    trades["sequence"], trades["kind"] = np.arange(4), [Kind.TRADE] * 3 + [Kind.CLOCK]
    for k, (price, quantity, kind) in enumerate(told):
        trades[k]["price"], trades[k]["quantity"], trades[k]["trade_type"] = price, quantity, kind
    lake.commit([(lake.draft("trades", "WDOZ26", LAST, provenance), trades)])
    found = recorded_rolls(lake, "WDO")
    assert (found.volumes, found.closes) == ({("WDOZ26", LAST): 12}, {("WDOZ26", LAST): 50.5})
    record("WDOZ26", LAST, 13)
    assert recorded_rolls(lake, "WDO").volumes == {("WDOZ26", LAST): 13}


def test_check_tells_which_contract_led_around_a_roll(lake: Lake, record: Record) -> None:
    for day, ours, theirs in ((TWO_BEFORE, 900, 100), (BEFORE, 600, 400), (LAST, 100, 900)):
        record("WDOZ26", day, ours)
        record("WDOF27", day, theirs)
    done = check_rolls(lake, "WDO", *SPAN)
    assert [(lead.day, lead.led, lead.volume_from, lead.volume_to) for lead in done.leads] == [
        (TWO_BEFORE, "WDOZ26", 900, 100),
        (BEFORE, "WDOZ26", 600, 400),
        (LAST, "WDOF27", 100, 900),
    ]
    assert done.disagreements == ()
    assert [
        (one.contract, one.first_front, one.last_front, one.last_session, one.expiry) for one in done.contracts
    ] == [
        ("WDOZ26", date(2026, 11, 16), BEFORE, LAST, date(2026, 12, 1)),
        ("WDOF27", LAST, date(2026, 12, 11), date(2026, 12, 30), date(2027, 1, 4)),
    ]


def test_contract_that_still_leads_on_its_last_session_disagrees(lake: Lake, record: Record) -> None:
    record("WDOZ26", LAST, 500)
    record("WDOF27", LAST, 400)
    (said,) = check_rolls(lake, "WDO", *SPAN).disagreements
    assert said.startswith(
        "2026-11-30: expected WDOF27 to trade more than WDOZ26 after the roll, found 400 against 500;"
    )


def test_contract_recorded_after_its_last_session_disagrees(lake: Lake, record: Record) -> None:
    record("WDOZ26", date(2026, 12, 1), 10)
    (said,) = check_rolls(lake, "WDO", *SPAN).disagreements
    assert said.startswith(
        "WDOZ26 on 2026-12-01 (bars from hand.csv): expected no session after its last one, 2026-11-30;"
    )
    assert check_rolls(lake, "WIN", *SPAN).disagreements == ()


def test_calendar_that_moved_an_expiry_after_the_import_disagrees(lake: Lake, record: Record) -> None:
    record("WDOZ26", TWO_BEFORE, 10)
    rows = "date,status,open,close,reason,source\n2026-12-01,closed,,,Power failure,B3 notice\n"
    (lake.folder / "calendar.csv").write_text(rows, encoding="utf-8")
    (said,) = check_rolls(Lake(lake.folder), "WDO", *SPAN).disagreements
    assert "expected the expiry it was stored with, 2026-12-01, found 2026-12-02" in said


def dates(contract: str, expires: date, last: date, first_front: date, last_front: date) -> ContractDates:
    return ContractDates(contract, expires, last, first_front, last_front)


Z26 = dates("WDOZ26", date(2026, 12, 1), LAST, date(2026, 10, 30), BEFORE)
F27 = dates("WDOF27", date(2027, 1, 4), date(2026, 12, 30), LAST, date(2026, 12, 29))


@pytest.mark.parametrize(
    ("contracts", "said"),
    [
        ((Z26, F27), None),
        ((replace(Z26, last_front=LAST), replace(F27, first_front=date(2026, 12, 1))), "WDOZ26: expected to leave it"),
        ((Z26, replace(F27, first_front=BEFORE)), "WDOZ26 to WDOF27: expected a roll to a later contract"),
        ((Z26, replace(F27, expiry=date(2026, 11, 3))), "WDOZ26 to WDOF27: expected a roll to a later contract"),
    ],
)
def test_table_against_the_rules_of_its_contracts(contracts: tuple[ContractDates, ...], said: str | None) -> None:
    found = list(disagreements_of(contracts))
    assert [one[: len(said or "")] for one in found] == ([said] if said else [])
