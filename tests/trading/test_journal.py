"""The journal's promise: whole records or a named place of damage, never a wrong record."""

import itertools
import os
import struct

import numpy as np
import pytest
from crc32c import crc32c
from hypothesis import given, settings
from hypothesis import strategies as st

from live.journal_writer import JournalWriter
from market.errors import SafetyRefusal
from trading.journal import GENESIS, HEAD_BYTES, MAGIC, Kind, encode, json_payload, link, read, scan

PAIR = np.dtype([("ts_ns", "<i8"), ("price", "<i4"), ("quantity", "<i4")])
STORY = [
    (Kind.SESSION, json_payload({"day": "2026-11-20", "model": "ab12"})),
    (Kind.DECISION, np.array([(1, 5400, 1)], PAIR).tobytes()),
    (Kind.ORDER, np.array([(2, 5401, 1)], PAIR).tobytes()),
    (Kind.FILL, np.array([(3, 5401, 1), (4, 5402, 2)], PAIR).tobytes()),
    (Kind.NOTE, json_payload({})),
]


def written(story):
    """Return the bytes of a journal and the offset of every record, with the end last."""
    data, previous, offsets = MAGIC, GENESIS, []
    for kind, payload in story:
        offsets.append(len(data))
        record = encode(kind, payload, previous)
        data, previous = data + record, link(record)
    return data, [*offsets, len(data)]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "session.journal"


def kept(path):
    return [(record.kind, record.payload) for record in read(path)]


def test_record_layout_is_as_documented():
    payload, previous = b"abc", bytes(range(8))
    head = struct.pack("<IBI8sI", 3, 5, crc32c(b"\x03\0\0\0\x05" + previous), previous, crc32c(b"\x05abc" + previous))
    assert encode(Kind.NOTE, payload, previous) == head + payload


def test_reads_what_was_written(path):
    path.write_bytes(written(STORY)[0])
    assert kept(path) == STORY
    assert scan(path).torn_bytes == 0
    assert read(path)[3].rows(PAIR)["price"].tolist() == [5401, 5402]
    assert read(path)[0].fields() == {"day": "2026-11-20", "model": "ab12"}


def test_rows_of_another_size_or_of_a_note_are_refused(path):
    path.write_bytes(written(STORY)[0])
    with pytest.raises(SafetyRefusal, match="16 bytes of DECISION"):
        read(path)[1].rows(np.dtype([("x", "u1", 3)]))
    with pytest.raises(SafetyRefusal, match="SESSION"):
        read(path)[0].rows(np.dtype("u1"))


def test_truncated_at_every_byte_recovers_to_the_last_whole_record(path):
    data, offsets = written(STORY)
    for cut in range(len(data)):
        path.write_bytes(data[:cut])
        found = scan(path)
        whole = sum(end <= cut for end in offsets[1:])
        assert [(r.kind, r.payload) for r in found.records] == STORY[:whole], cut
        end = offsets[whole] if cut >= len(MAGIC) else 0
        assert (found.end, found.torn_bytes) == (end, cut - end), cut


def test_every_flipped_bit_is_detected_and_its_record_named(path):
    data, offsets = written(STORY)
    for at in range(len(data)):
        for bit in range(8):
            damaged = bytearray(data)
            damaged[at] ^= 1 << bit
            path.write_bytes(damaged)
            with pytest.raises(SafetyRefusal, match="damaged") as refusal:
                scan(path)
            start = max((o for o in [0, *offsets[:-1]] if o <= at), default=0)
            assert f"byte {start}:" in str(refusal.value), (at, bit)


def test_flip_in_a_length_is_damage_even_where_it_looks_like_a_torn_tail(path):
    data, offsets = written(STORY)
    damaged = bytearray(data)
    damaged[offsets[1] + 2] ^= 1  # now 65,536 bytes longer than the file
    path.write_bytes(damaged)
    with pytest.raises(SafetyRefusal, match=f"byte {offsets[1]}: expected a head"):
        read(path)


@pytest.mark.parametrize("pair", [(0, 1), (1, 2), (2, 4)])
def test_swapped_records_are_detected(path, pair):
    data, offsets = written(STORY)
    pieces = [data[a:b] for a, b in itertools.pairwise(offsets)]
    first, second = pair
    pieces[first], pieces[second] = pieces[second], pieces[first]
    path.write_bytes(MAGIC + b"".join(pieces))
    with pytest.raises(SafetyRefusal, match="a record that follows"):
        read(path)


@pytest.mark.parametrize("action", ["drop", "repeat"])
@pytest.mark.parametrize("which", [0, 2, 3])
def test_dropped_or_repeated_record_is_detected(path, which, action):
    data, offsets = written(STORY)
    pieces = [data[a:b] for a, b in itertools.pairwise(offsets)]
    pieces[which : which + 1] = [] if action == "drop" else [pieces[which]] * 2
    path.write_bytes(MAGIC + b"".join(pieces))
    with pytest.raises(SafetyRefusal, match="a record that follows"):
        read(path)


@pytest.mark.parametrize("zeros", [1, HEAD_BYTES - 1, HEAD_BYTES, 4096])
def test_zeros_a_power_loss_left_behind_are_a_torn_tail(path, zeros):
    data, offsets = written(STORY)
    path.write_bytes(data + bytes(zeros))
    assert (scan(path).end, scan(path).torn_bytes) == (offsets[-1], zeros)
    path.write_bytes(bytes(zeros))
    assert scan(path).torn_bytes == zeros


def test_kind_this_version_does_not_know_is_refused(path):
    raw = b"\0\0\0\0\x09"
    path.write_bytes(MAGIC + struct.pack("<IBI8sI", 0, 9, crc32c(raw + GENESIS), GENESIS, crc32c(b"\x09" + GENESIS)))
    with pytest.raises(SafetyRefusal, match="known record kind, found 9"):
        read(path)


def test_file_that_is_no_journal_is_refused(path):
    path.write_bytes(b"PK\x03\x04 something else")
    with pytest.raises(SafetyRefusal, match="byte 0: expected the mark"):
        read(path)


def test_json_payload_is_the_same_for_the_same_fields():
    assert json_payload({"b": 1, "a": "ç"}) == json_payload({"a": "ç", "b": 1}) == '{"a":"ç","b":1}'.encode()
    with pytest.raises(ValueError, match="JSON"):
        json_payload({"x": float("nan")})


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(Kind), st.binary(max_size=80)), max_size=12),
    st.lists(st.integers(0, 12), max_size=3),
)
def test_writer_continues_the_chain_over_any_number_of_restarts(tmp_path_factory, story, restarts):
    path = tmp_path_factory.mktemp("journal") / "session.journal"
    writer = JournalWriter(path)
    for i, (kind, payload) in enumerate(story):
        if i in restarts:
            writer.close()
            writer = JournalWriter(path)
        writer.append(kind, payload)
    writer.close()
    assert path.read_bytes() == written(story)[0]


def test_writer_tells_offsets_and_the_file_is_closed_to_others(path):
    _, offsets = written(STORY)
    with JournalWriter(path) as writer:
        assert [writer.append(kind, payload) for kind, payload in STORY] == offsets[:-1]
        writer.sync()
    if os.name != "nt":
        assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("cut", [0, 3, 7, 8, 20, 60, -1])
def test_writer_cuts_a_torn_tail_and_goes_on(path, cut):
    data, offsets = written(STORY)
    path.write_bytes(data[:cut])
    whole = sum(end <= (cut if cut >= 0 else len(data) + cut) for end in offsets[1:])
    with JournalWriter(path) as writer:
        end = offsets[whole] if cut >= len(MAGIC) or cut < 0 else 0
        assert writer.recovered_bytes == len(data[:cut]) - end
        writer.append(Kind.NOTE, b"{}")
    assert kept(path) == [*STORY[:whole], (Kind.NOTE, b"{}")]


def test_writer_refuses_a_damaged_journal_and_leaves_it_as_it_is(path):
    data = bytearray(written(STORY)[0])
    data[40] ^= 1
    path.write_bytes(data)
    with pytest.raises(SafetyRefusal, match="damaged"):
        JournalWriter(path)
    assert path.read_bytes() == data


@pytest.mark.parametrize("call", ["write", "fsync"])
def test_writer_refuses_everything_after_a_failed_write_or_sync(path, call, monkeypatch):
    writer = JournalWriter(path)

    def fail(*_):
        raise OSError(28, "No space left on device")

    def append_and_sync():
        writer.append(Kind.NOTE, b"{}")
        writer.sync()

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        with pytest.raises(OSError, match="No space"):
            append_and_sync()
    for action in (lambda: writer.append(Kind.NOTE, b"{}"), writer.sync):
        with pytest.raises(SafetyRefusal, match="a write that failed"):
            action()
    writer.close()


def test_short_write_is_continued(path, monkeypatch):
    whole_write = os.write
    with monkeypatch.context() as patch, JournalWriter(path) as writer:
        patch.setattr(os, "write", lambda handle, data: whole_write(handle, data[:5]))
        writer.append(*STORY[0])
    assert kept(path) == STORY[:1]


def test_closed_writer_refuses(path):
    writer = JournalWriter(path)
    writer.close()
    writer.close()
    with pytest.raises(SafetyRefusal, match="a closed one"):
        writer.append(Kind.NOTE, b"{}")


def test_payload_beyond_the_limit_is_refused():
    with pytest.raises(SafetyRefusal, match="split it"):
        encode(Kind.NOTE, bytes((1 << 24) + 1), GENESIS)
