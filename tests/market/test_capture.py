"""A capture part gives back what was received, to the bit, and no damage of it goes unseen."""

import datetime as dt
from pathlib import Path

import numpy as np
import pytest

from market.capture import HEAD_BYTES, CaptureHead, encode_block, read_capture, read_head
from market.capture_filing import DOWNLOADED, RECORDED, Origin, file_capture, refuse_other_events
from market.errors import DataError, FileRefused
from market.lake import Lake
from market.lake_manifest import Cause
from market.stream import Feed, with_clock
from market.synthetic import SyntheticMarket, write_market
from market.types import EVENT, Kind
from tests.factories import make_event, make_trade, stack

HEAD = CaptureHead("WDOQ26", dt.date(2026, 6, 1), 60_000_000_000, synthetic=True)
BLOCK_HEAD = 12


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    """Return a synthetic session whose receive times are their own, with a state, and what the recorder missed."""
    folder = tmp_path_factory.mktemp("market")
    write_market(Lake(folder), SyntheticMarket("WDOQ26", HEAD.day, 1, 4, levels=3))
    events = Lake(folder).read_events("WDOQ26", HEAD.day)
    middle = events.size // 2
    dropped = events[middle : middle + 1].copy()
    dropped["kind"], dropped["price"], dropped["quantity"] = Kind.GAP, 0, 7
    seen = np.concatenate([events[:middle], dropped, events[middle + 7 :]])
    seen["ts_recv_ns"] = seen["ts_event_ns"] + 1_000_000 + np.arange(seen.size) % 977
    seen["sequence"] = np.arange(seen.size)
    return with_clock(seen, Lake(folder).instruments.session("WDOQ26", HEAD.day), HEAD.bar_ns)


def write(path: Path, events: np.ndarray, size: int = 5_000, head: CaptureHead = HEAD) -> Path:
    blocks = [encode_block(events[at : at + size]) for at in range(0, events.size, size)]
    path.write_bytes(head.encode() + b"".join(blocks))
    return path


def three_trades() -> np.ndarray:
    return stack([make_trade(1, 5_000), make_trade(2, 5_001), make_trade(3, 5_002)])


def test_a_part_gives_back_what_was_written(tmp_path: Path, market: np.ndarray) -> None:
    path = write(tmp_path / HEAD.name, market)
    part = read_capture(path)
    assert path.name == "WDOQ26-2026-06-01.capture"
    assert part.head == read_head(path) == HEAD
    assert part.events.tobytes() == market.tobytes()
    assert (part.end, part.torn_bytes) == (path.stat().st_size, 0)


@pytest.mark.parametrize("left", [1, BLOCK_HEAD - 1, BLOCK_HEAD, BLOCK_HEAD + 3 * EVENT.itemsize - 1])
def test_a_block_that_was_never_finished_is_left_out(tmp_path: Path, left: int) -> None:
    whole = HEAD.encode() + encode_block(three_trades())
    (tmp_path / "part").write_bytes(whole + encode_block(three_trades())[:left])
    part = read_capture(tmp_path / "part")
    assert part.events.tobytes() == three_trades().tobytes()
    assert (part.end, part.torn_bytes) == (len(whole), left)


@pytest.mark.parametrize("zeros", [1, BLOCK_HEAD, 5_000])
def test_zeros_that_a_file_system_left_are_a_torn_tail(tmp_path: Path, zeros: int) -> None:
    whole = HEAD.encode() + encode_block(three_trades())
    (tmp_path / "part").write_bytes(whole + bytes(zeros))
    assert (read_capture(tmp_path / "part").end, read_capture(tmp_path / "part").torn_bytes) == (len(whole), zeros)


def test_every_flipped_bit_is_told_or_is_in_the_last_block(tmp_path: Path) -> None:
    whole = HEAD.encode() + 2 * encode_block(three_trades())
    last = len(whole) - len(encode_block(three_trades()))
    for at in range(len(whole)):
        damaged = bytearray(whole)
        damaged[at] ^= 1 << (at % 8)
        (tmp_path / "part").write_bytes(damaged)
        if at < last + 8:  # a head, or the count of the last block
            with pytest.raises(DataError, match="damaged: restore it"):
                read_capture(tmp_path / "part")
        else:  # its records may not have reached the disk
            assert read_capture(tmp_path / "part").end == last


def test_something_after_zeros_is_damage(tmp_path: Path) -> None:
    (tmp_path / "part").write_bytes(HEAD.encode() + bytes(64) + encode_block(three_trades()))
    with pytest.raises(DataError, match=rf"byte {HEAD_BYTES}: expected a block, found zeros and then something"):
        read_capture(tmp_path / "part")


@pytest.mark.parametrize("content", [b"", b"PREGAOC1", b"<DATE>\t<TIME>\n"])
def test_what_is_no_part_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "part").write_bytes(content)
    with pytest.raises(DataError, match="expected the mark"):
        read_capture(tmp_path / "part")


def test_the_lake_feeds_what_the_decision_path_saw(tmp_path: Path, market: np.ndarray) -> None:
    lake, path = Lake(tmp_path / "lake"), write(tmp_path / HEAD.name, market)
    done = file_capture(lake, path)
    assert (done.status, done.rows) == ("imported", int((market["kind"] != Kind.CLOCK).sum()))
    assert done.reason == "1 gap noted by the recorder; 7 events dropped"
    assert Feed(lake, "WDOQ26", HEAD.bar_ns, "events").load(HEAD.day).tobytes() == market.tobytes()
    assert all(one.provenance.synthetic for one in lake.partitions())
    refuse_other_events(lake, path)
    assert file_capture(lake, path).status == "unchanged"


def test_what_the_recorder_missed_is_a_loss_in_the_lake(tmp_path: Path) -> None:
    events = stack([make_trade(1, 5_000), make_event(Kind.GAP, 100, quantity=0), make_trade(200, 5_001)])
    lake = Lake(tmp_path / "lake")
    file_capture(lake, write(tmp_path / HEAD.name, events, head=CaptureHead("WDOQ26", HEAD.day)))
    (trades,) = lake.partitions("trades")
    inside = [gap for gap in trades.gaps if gap.cause == Cause.FEED_LOSS]
    assert [(gap.last_ns - gap.first_ns) / 1e9 for gap in inside] == [199.0]


def test_a_clock_that_no_replay_gives_is_refused(tmp_path: Path, market: np.ndarray) -> None:
    moved = market.copy()
    (at, *_) = np.flatnonzero(market["kind"] == Kind.CLOCK)[100:]
    moved[at - 1], moved[at] = market[at], market[at - 1]  # the boundary came an event too early
    with pytest.raises(FileRefused, match="a decision clock that stands where a replay"):
        file_capture(Lake(tmp_path / "lake"), write(tmp_path / HEAD.name, moved))


def test_a_runner_that_began_late_and_ended_early_is_filed(tmp_path: Path, market: np.ndarray) -> None:
    part = market[market.size // 4 : market.size // 2]
    assert file_capture(Lake(tmp_path / "lake"), write(tmp_path / HEAD.name, part)).status == "imported"


def test_other_events_in_the_lake_keep_the_part(tmp_path: Path, market: np.ndarray) -> None:
    lake, received = Lake(tmp_path / "lake"), market[market["kind"] != Kind.CLOCK]
    file_capture(lake, write(tmp_path / HEAD.name, received))
    later = received.copy()
    later["ts_recv_ns"][-1] += 1
    with pytest.raises(DataError, match="the part is kept"):
        refuse_other_events(lake, write(tmp_path / HEAD.name, later))


def test_events_out_of_their_order_are_refused(tmp_path: Path) -> None:
    twice = np.concatenate([three_trades(), three_trades()])
    with pytest.raises(FileRefused, match="in the order of their sequence"):
        file_capture(Lake(tmp_path / "lake"), write(tmp_path / HEAD.name, twice))


def downloaded(folder: Path, numbers: tuple[int, ...]) -> Path:
    """Write a part as a download leaves it: numbered trades, no receive time of ours, no clock."""
    trades = [make_trade(k + 1, 5_000 + k, trade_number=number) for k, number in enumerate(numbers)]
    return write(folder / HEAD.name, stack(trades), head=CaptureHead("WDOQ26", HEAD.day))


def test_a_downloaded_part_claims_no_receive_time(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    done = file_capture(lake, downloaded(tmp_path, (1, 2, 5)), DOWNLOADED)
    assert (done.status, done.format, done.reason) == ("imported", "vendor_history", "2 trade numbers missing")
    assert "no receive time" in done.clock
    assert [one.provenance.importer for one in lake.partitions()] == ["vendor_history/1"]


@pytest.mark.parametrize(("first", "second"), [(RECORDED, DOWNLOADED), (DOWNLOADED, RECORDED)])
def test_a_session_has_one_origin(tmp_path: Path, first: Origin, second: Origin) -> None:
    lake = Lake(tmp_path / "lake")
    file_capture(lake, downloaded(tmp_path, (1, 2)), first)
    held = lake.data_hash()
    with pytest.raises(FileRefused, match=f"found its trades from .* \\({first.importer}\\)"):
        file_capture(lake, downloaded(tmp_path, (1, 2, 3)), second)  # longer: it would replace what is there
    assert lake.data_hash() == held
