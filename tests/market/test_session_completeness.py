"""Sessions that are whole, and every way in which one is not."""

from dataclasses import replace
from datetime import date, datetime, time

import numpy as np
import pytest

from market.calendar import to_ns
from market.completeness import DayRecord, Verdict, judge, judge_trades, missing_numbers, proved_silent
from market.lake_manifest import Cause, Gap, Partition, Provenance
from market.types import EVENT, Kind

DAY = date(2020, 4, 2)


def at(clock: str) -> int:
    return to_ns(datetime.combine(DAY, time.fromisoformat(clock)))


def held(first: str, last: str, *gaps: tuple[str, str, Cause], seconds: int = 0, rows: int = 1_000) -> Partition:
    """Return the partition of a session that begins and ends at the given times."""
    provenance = Provenance("hand.csv", "0" * 64, "hand/1", False, "raw")
    holes = tuple(Gap(at(start), at(end), cause) for start, end, cause in gaps)
    kind = "bars" if seconds else "trades"
    return Partition(kind, "WDO", "WDOK20", "", str(DAY), seconds, rows, 9, "", at(first), at(last), holes, provenance)


WHOLE = [
    held("09:00", "18:00"),
    held("09:00:40", "17:59:10"),
    held("09:04", "18:00", ("09:00", "09:04", Cause.AUCTION)),
    held("09:00", "18:00", ("11:00", "11:20", Cause.HALT), ("12:00", "12:03", Cause.NO_TRADE)),
    held("09:30", "17:30", ("09:00", "09:30", Cause.NO_TRADE), ("17:30", "18:00", Cause.NO_TRADE)),
    held("09:05", "17:55", seconds=300),
    held("09:00", "18:00", ("08:00", "09:00", Cause.HOLIDAY)),
]


@pytest.mark.parametrize("partition", WHOLE)
def test_session_whose_silence_is_explained_is_complete(partition: Partition, wdo_session: np.ndarray) -> None:
    assert judge(partition, wdo_session) == Verdict(True, ())


def test_count_of_the_exchange_is_reached(wdo_session: np.ndarray) -> None:
    assert judge(WHOLE[0], wdo_session, told=1_000).complete


@pytest.mark.parametrize(
    ("partition", "told", "reasons"),
    [
        (held("09:00", "18:00", ("11:00", "11:20", Cause.FEED_LOSS)), None, ("feed loss 11:00-11:20",)),
        (held("10:00", "18:00", ("09:00", "10:00", Cause.TRUNCATED)), None, ("truncated export 09:00-10:00",)),
        (
            held("09:00", "17:40"),
            None,
            ("ends 20 minutes inside the session, 17:40-18:00 has no data and no cause",),
        ),
        (
            held("09:30", "18:00", ("09:00", "09:10", Cause.AUCTION)),
            None,
            ("begins 30 minutes inside the session, 09:00-09:30 has no data and no cause",),
        ),
        (
            held("09:30", "18:00", ("11:00", "11:40", Cause.HALT)),
            None,
            ("begins 30 minutes inside the session, 09:00-09:30 has no data and no cause",),
        ),
        (held("09:00", "18:00"), 1_200, ("expected the 1,200 records the exchange tells, found 1,000",)),
        (held("09:00", "18:00", rows=0), 0, ("no record",)),
        (
            held("09:00", "17:58", ("11:00", "11:20", Cause.FEED_LOSS)),
            999,
            (
                "feed loss 11:00-11:20",
                "ends 2 minutes inside the session, 17:58-18:00 has no data and no cause",
                "expected the 999 records the exchange tells, found 1,000",
            ),
        ),
    ],
)
def test_every_reason_why_a_session_is_not_complete_is_told(
    partition: Partition, told: int | None, reasons: tuple[str, ...], wdo_session: np.ndarray
) -> None:
    assert judge(partition, wdo_session, told) == Verdict(False, reasons)


def test_bars_of_any_length_may_end_one_bar_early(wdo_session: np.ndarray) -> None:
    quarter = held("09:00", "17:45", seconds=900)
    assert judge(quarter, wdo_session).complete
    assert not judge(replace(quarter, bar_seconds=300), wdo_session).complete


def tape(first: str = "09:00:01", last: str = "17:59:50", count: int = 5_000, step: int = 1) -> np.ndarray:
    """Return trades of two lots each, evenly from first to last, numbered by a step as the exchange numbers them."""
    events = np.zeros(count, dtype=EVENT)
    events["kind"], events["quantity"], events["price"] = Kind.TRADE, 2, 10_000
    events["ts_event_ns"] = np.linspace(at(first), at(last), count).astype(np.int64)
    events["sequence"], events["trade_number"] = np.arange(count), step * np.arange(1, count + 1)
    return events


def without(events: np.ndarray, *lost: int) -> np.ndarray:
    return np.delete(events, lost)


def edited(events: np.ndarray) -> np.ndarray:
    """Return them with a correction of the third behind, which is no trade of its own."""
    correction = events[2:3].copy()
    correction["kind"], correction["quantity"] = Kind.EDIT, 1
    return np.concatenate((events, correction))


@pytest.mark.parametrize(
    "events",
    [
        tape(),
        tape(step=10),
        tape("09:09:59", "17:50:01"),  # the longest opening call seen is ten minutes
        without(tape(), 0, 17, 901, 902, 4_999),  # five of 5,000: cancelled ones
        edited(tape()),
    ],
)
def test_download_that_holds_every_trade_is_complete(events: np.ndarray, wdo_session: np.ndarray) -> None:
    assert judge_trades(events, wdo_session) == Verdict(True, ())


@pytest.mark.parametrize(
    ("events", "reasons"),
    [
        (tape()[:0], ("no trade on a trading day",)),
        (tape("09:11"), ("trades begin 11 minutes inside the session, 09:00-09:11 has none",)),
        (tape(last="17:40"), ("trades end 20 minutes inside the session, 17:40-18:00 has none",)),
        (tape("08:30"), ("trades of 08:30-17:59, the session is 09:00-18:00",)),
        (tape()[20:], ("20 trade numbers missing, 20 of them in a row",)),  # the tail of a day, thick at its open
        (tape(step=10)[20:], ("20 trade numbers missing, 20 of them in a row",)),
        (without(tape(count=20_000), *range(700, 711)), ("11 trade numbers missing, 11 of them in a row",)),
        (without(tape(), *range(9, 3_000, 490)), ("7 trade numbers missing, 1 of them in a row",)),
        (np.concatenate((tape(), tape()[:1])), ("1 trade number told twice",)),
    ],
)
def test_download_that_lacks_something_is_not(
    events: np.ndarray, reasons: tuple[str, ...], wdo_session: np.ndarray
) -> None:
    assert judge_trades(events, wdo_session) == Verdict(False, reasons)


@pytest.mark.parametrize(
    ("told", "complete"),
    [((5_000, 10_000), True), ((4_990, 9_980), True), ((5_001, 10_000), False), ((5_000, 10_002), False)],
)
def test_download_is_held_to_the_days_record(told: tuple[int, int], complete: bool, wdo_session: np.ndarray) -> None:
    verdict = judge_trades(edited(tape()), wdo_session, DayRecord(*told))
    assert verdict.complete is complete
    if not complete:
        (reason,) = verdict.reasons
        assert reason.endswith("that the exchange tells, found 5,000 of 10,000")


def test_trades_without_numbers_leave_none_out() -> None:
    events = tape()
    events["trade_number"] = 0
    assert missing_numbers(events).size == 0


@pytest.mark.parametrize("step", [1, 10])
def test_a_loss_across_which_the_numbers_go_on_was_none(step: int) -> None:
    events = tape(count=541, step=step)  # about one a minute
    quiet, lost = without(events, 0, 200), without(events, 0, 200)  # the numbers of two are left out
    quiet["trade_number"] = step * np.arange(1, 540)  # nobody traded before 09:01 and around 12:20
    times = [int(one) for one in quiet["ts_event_ns"]]
    first = Gap(at("09:00"), times[0], Cause.FEED_LOSS)
    middle = Gap(times[198], times[199], Cause.FEED_LOSS)
    halt, last = Gap(times[300], times[301], Cause.HALT), Gap(times[-1], at("18:00"), Cause.FEED_LOSS)
    gaps = (first, middle, halt, last)
    assert [gap.cause for gap in proved_silent(gaps, quiet)] == ["no trade", "no trade", "halt", "feed loss"]
    assert proved_silent(gaps, lost) == gaps
