"""What a runner recorded reaches the lake when its session is over, and is removed only when the lake holds it."""

import datetime as dt

import pytest

from flows.sources.captures import Captures
from flows.sources.delivery import Delivery, take_delivery
from live.capture_writer import CaptureWriter
from market.capture import CaptureHead
from market.home import Home
from market.lake import Lake
from tests.factories import OPEN_NS, make_trade, stack

DAY = dt.date(2026, 6, 1)
CLOSE_S = OPEN_NS / 1e9 + 9.5 * 3600  # 18:30, as the calendar has it for the dollar


def record(home: Home, seconds: tuple[int, ...] = (1, 2, 3)) -> CaptureWriter:
    with CaptureWriter(home.capture, CaptureHead("WDOQ26", DAY)) as written:
        written.append(stack([make_trade(second, 5_000 + second) for second in seconds]))
    return written


def only(home: Home, now_s: float) -> Delivery:
    (delivery,) = Captures(home.capture, lambda: now_s).deliveries(Lake(home.lake))
    return delivery


@pytest.mark.parametrize(("after_s", "status"), [(-3600, "waiting"), (1799, "waiting"), (1801, "imported")])
def test_a_part_is_taken_half_an_hour_after_the_close(home: Home, after_s: int, status: str) -> None:
    written = record(home)
    done = take_delivery(Lake(home.lake), "capture", only(home, CLOSE_S + after_s))
    assert done.status == status
    assert written.path.exists() is (status == "waiting")


def test_a_part_that_contradicts_the_lake_is_refused_and_kept(home: Home) -> None:
    record(home)
    take_delivery(Lake(home.lake), "capture", only(home, CLOSE_S + 3600))
    written = record(home, (1, 2, 4))
    done = take_delivery(Lake(home.lake), "capture", only(home, CLOSE_S + 3600))
    assert done.status == "refused"
    assert written.path.exists()


def test_a_part_is_kept_where_the_lake_holds_other_events_than_it_was_told(home: Home) -> None:
    record(home)
    take_delivery(Lake(home.lake), "capture", only(home, CLOSE_S + 3600))
    written = record(home, (1, 2, 4))
    assert "expected the lake to hold its 3 events to the bit" in only(home, CLOSE_S + 3600).settle(None)
    assert written.path.exists()


def test_a_damaged_part_is_refused_and_kept(home: Home) -> None:
    written = record(home)
    data = bytearray(written.path.read_bytes())
    data[3] ^= 1
    written.path.write_bytes(data)
    done = take_delivery(Lake(home.lake), "capture", only(home, CLOSE_S))
    assert (done.status, "expected the mark" in done.reason) == ("refused", True)
    assert written.path.exists()


def test_nothing_recorded_is_nothing_to_take(home: Home) -> None:
    assert list(Captures(home.capture).deliveries(Lake(home.lake))) == []
