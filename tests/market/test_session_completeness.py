"""Sessions that are whole, and every way in which one is not."""

from dataclasses import replace
from datetime import date, datetime, time

import numpy as np
import pytest

from market.calendar import to_ns
from market.completeness import Verdict, judge
from market.lake_manifest import Cause, Gap, Partition, Provenance

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
