"""Whatever a file holds, importing it ends in a result or in one sentence that names it, and what is stored is sane.

Every format of the importer is fuzzed: one without a sample in `importer_samples` fails here.
"""

import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from market.errors import PregaoError
from market.importer import FORMATS, ImportResult, import_file
from market.lake import Lake
from market.lake_audit import audit
from market.lake_manifest import Partition, SourceFile
from market.readers.intake import Format
from market.types import BAR, EVENT, Kind
from tests.market.importer_samples import (
    DECLARED,
    ORDERS,
    SAMPLES,
    TRADES,
    Sample,
    lake_in,
    workbook_parts,
    zipped,
)
from tests.market.mutations import DATES, NUMBERS, WORDS, mutate

READ_CASES, IMPORT_CASES = 1_700, 180  # of each format: 20,680 with eleven formats
LONGEST_S = 5.0
LONGEST_MESSAGE = 2_000
CALL_NS, LATE_NS = 15 * 60 * 10**9, 5 * 60 * 10**9  # quotes of the opening call, prints after the close

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")  # a number that overflows where no screen saw it
every_format = pytest.mark.parametrize("format_", FORMATS, ids=lambda one: one.name)


@dataclass(frozen=True)
class ReadingLake(Lake):
    """A lake that takes partitions and keeps none: it checks them, and skips the disk."""

    def commit(
        self,
        writes: Iterable[tuple[Partition, np.ndarray]],
        source: Callable[[], SourceFile] | None = None,
        path: str = "",
    ) -> list[Partition]:
        taken = []
        for partition, records in writes:
            assert_sane(self, partition, records)
            taken.append(partition)
        if source is not None:
            source()
        return taken


def assert_sane(lake: Lake, partition: Partition, records: np.ndarray) -> None:
    """Check what every record of a lake keeps, whatever it was read from."""
    assert records.size
    session = lake.instruments.session(partition.contract, partition.day)[0]
    open_ns, close_ns = int(session["open_ns"]), int(session["close_ns"])
    assert (records["instrument"] == lake.instruments.of(partition.contract).id).all()
    assert all(gap.first_ns <= gap.last_ns for gap in partition.gaps)
    assert partition.root in {"WDO", "DOL", "WIN", "IND", *DECLARED}
    if partition.kind == "bars":
        _assert_sane_bars(records, open_ns, close_ns)
    else:
        _assert_sane_events(partition.kind, records, open_ns, close_ns)


def _assert_sane_bars(bars: np.ndarray, open_ns: int, close_ns: int) -> None:
    assert bars.dtype == BAR
    assert (np.diff(bars["ts_open_ns"]) > 0).all()
    assert (bars["ts_close_ns"] > bars["ts_open_ns"]).all()
    assert bars["ts_open_ns"][0] >= open_ns
    assert bars["ts_open_ns"][-1] < close_ns + LATE_NS
    assert (bars["low"] > 0).all()
    assert (bars["low"] <= np.minimum(bars["open"], bars["close"])).all()
    assert (bars["high"] >= np.maximum(bars["open"], bars["close"])).all()
    assert all((bars[name] >= 0).all() for name in ("volume", "turnover", "trades"))


def _assert_sane_events(kind: str, events: np.ndarray, open_ns: int, close_ns: int) -> None:
    assert events.dtype == EVENT
    assert events["sequence"][0] >= 0
    assert (np.diff(events["sequence"]) > 0).all()
    placed = events[~np.isin(events["kind"], (Kind.BOOK_CLEAR, Kind.GAP))]  # "no quote" is told hours away
    assert (placed["ts_event_ns"] >= open_ns - CALL_NS).all()
    assert (placed["ts_event_ns"] < close_ns + LATE_NS).all()
    trades, told = events["kind"] == Kind.TRADE, np.isin(events["kind"], (Kind.TRADE, Kind.LEVEL_SET))
    assert (events["price"] >= 0).all()
    assert (events["quantity"] >= 0).all()
    assert (events["price"][told] > 0).all()
    assert (events["quantity"][told] > 0).all()
    assert (events["trade_number"] >= 0).all()
    assert trades.all() == trades.any() == (kind == "trades")


def attempt(lake: Lake, path: Path, **options: object) -> ImportResult | None:
    """Import a file; None where it was refused. Checks the sentence, the time, and that nothing else is raised."""
    began = time.process_time()
    try:
        result = import_file(lake, path, **options)  # type: ignore[arg-type]
    except PregaoError as error:
        result = None
        message = str(error)
        assert path.name in message
        assert message.isprintable()
        assert len(message) < LONGEST_MESSAGE
    assert time.process_time() - began < LONGEST_S
    return result


def damaged(random_: random.Random, sample: Sample, other: Sample) -> bytes:
    """Return a sample with something wrong in its bytes, or in what they pack or encode."""
    if sample.name.endswith(".xlsx") and random_.random() < 0.8:
        parts = workbook_parts()
        name = random_.choice([*parts][-2:] * 4 + [*parts])
        return zipped({**parts, name: mutate(random_, parts[name], other.data)})
    if sample.data.startswith(b"\xff\xfe") and random_.random() < 0.8:
        told = mutate(random_, sample.data.decode("utf-16").encode(), other.data)
        return told.decode("utf-8", "replace").encode("utf-16")
    return mutate(random_, sample.data, other.data)


class Cases:
    """Seeded cases of one format, each with the bytes that make it again."""

    def __init__(self, folder: Path, format_: Format, seed: int) -> None:
        self.sample, self._random = SAMPLES[format_.name], random.Random(f"{seed} {format_.name}")
        self._others = [SAMPLES[name] for name in sorted(SAMPLES) if name != format_.name]
        self._format, self._folder = format_, folder

    def next(self, lake: Lake) -> ImportResult | None:
        """Import the next damaged file; a failure keeps the file and names it."""
        data = damaged(self._random, self.sample, self._random.choice(self._others))
        path = self._folder / self.sample.name
        path.write_bytes(data)
        forced = self._random.random() < 0.15
        symbol = self._random.choice((None, None, None, None, "WDOK20", "win$", "BTCUSDT"))
        options = {"day": self.sample.day, "format": self._format.name if forced else None, "symbol": symbol}
        try:
            return attempt(lake, path, **options, true_prices=self._random.random() < 0.05)
        except BaseException as error:
            kept = path.rename(path.with_name(f"failed_{path.name}"))
            error.add_note(f"{kept} with {options}")
            raise


def test_every_format_has_a_sample() -> None:
    assert {one.name for one in FORMATS} == set(SAMPLES)


def test_cases_are_enough() -> None:
    assert len(FORMATS) * (READ_CASES + IMPORT_CASES) >= 20_000


@every_format
def test_reads_the_sound_sample_whole(tmp_path: Path, format_: Format) -> None:
    sample, lake = SAMPLES[format_.name], lake_in(tmp_path / "lake")
    (tmp_path / sample.name).write_bytes(sample.data)
    result = import_file(lake, tmp_path / sample.name, day=sample.day)
    assert (result.format, result.rejected) == (format_.name, 0)
    for partition in lake.partitions():
        assert_sane(lake, partition, lake.read(partition))


@every_format
@pytest.mark.parametrize("count", [80, pytest.param(READ_CASES, marks=pytest.mark.nightly)])
def test_reads_damaged_files_or_refuses_them(tmp_path: Path, format_: Format, count: int) -> None:
    cases, lake = Cases(tmp_path, format_, seed=11), ReadingLake(tmp_path / "lake", DECLARED)
    read = sum(cases.next(lake) is not None for _ in range(count))
    assert 0.01 * count < read < 0.9 * count  # both answers occur


@every_format
@pytest.mark.parametrize("count", [40, pytest.param(IMPORT_CASES, marks=pytest.mark.nightly)])
def test_damaged_files_leave_a_sound_lake(tmp_path: Path, format_: Format, count: int) -> None:
    cases = Cases(tmp_path, format_, seed=12)
    for batch in range(count // 20):
        lake = lake_in(tmp_path / f"lake{batch}")
        for _ in range(20):
            cases.next(lake)
        assert audit(lake) == []
        for partition in lake.partitions():
            assert_sane(lake, partition, lake.read(partition))


@pytest.mark.parametrize("named", FORMATS, ids=lambda one: one.name)
@every_format
def test_a_sample_named_as_another_format_is_answered(tmp_path: Path, format_: Format, named: Format) -> None:
    sample, lake = SAMPLES[format_.name], ReadingLake(tmp_path / "lake", DECLARED)
    path = tmp_path / sample.name
    path.write_bytes(sample.data)
    result = attempt(lake, path, format=named.name, day=sample.day, symbol=None)
    assert (result is not None) == (named is format_)


CELLS = st.one_of(
    st.sampled_from([value.decode("latin-1") for value in (*NUMBERS, *DATES, *WORDS)]),
    st.floats().map(repr),
    st.integers().map(str),
    st.decimals(allow_nan=False, places=3).map(lambda value: str(value).replace(".", ",")),
    st.dates().flatmap(lambda day: st.sampled_from([f"{day:%Y.%m.%d}", f"{day:%d/%m/%Y}", day.isoformat()])),
    st.times().map(str),
    st.text(st.characters(exclude_characters="\n\r", exclude_categories=["Cs"]), max_size=12),
)


def with_cells(sample: Sample, changes: list[tuple[int, int, str]]) -> bytes:
    """Return a file of text with other values in some of its cells."""
    encoding = "utf-16" if sample.data.startswith(b"\xff\xfe") else "latin-1"
    lines = sample.data.decode(encoding).split("\n")
    for row, column, value in changes:
        mark = max(sample.marks, key=lines[0].count)
        cells = lines[row % (len(lines) - 1)].split(mark)
        cells[column % len(cells)] = value
        lines[row % (len(lines) - 1)] = mark.join(cells)
    return "\n".join(lines).encode(encoding, "replace")


TEXT_FORMATS = [one for one in FORMATS if SAMPLES[one.name].marks]


@pytest.mark.parametrize("format_", TEXT_FORMATS, ids=lambda one: one.name)
@settings(max_examples=100, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_value_in_any_cell_is_read_or_set_aside(
    tmp_path_factory: pytest.TempPathFactory, format_: Format, data: st.DataObject
) -> None:
    place = st.tuples(st.integers(0, 500), st.integers(0, 20), CELLS)
    changes = data.draw(st.lists(place, min_size=1, max_size=2))
    sample, folder = SAMPLES[format_.name], tmp_path_factory.mktemp("cells")
    (folder / sample.name).write_bytes(with_cells(sample, changes))
    attempt(ReadingLake(folder / "lake", DECLARED), folder / sample.name)


@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    st.booleans(),
    st.integers(0, 13),
    st.integers(0, 5),
    st.one_of(CELLS.map(escape), st.integers(), st.floats(), st.booleans()),
)
def test_any_value_in_a_sheet_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, is_order: bool, row: int, column: int, value: object
) -> None:
    orders, trades = [list(cells) for cells in ORDERS], [list(cells) for cells in TRADES]
    cells = (orders if is_order else trades)[row]
    cells[column % len(cells)] = value
    sample, folder = SAMPLES["times_trades_workbook"], tmp_path_factory.mktemp("sheet")
    (folder / sample.name).write_bytes(zipped(workbook_parts(orders, trades)))
    attempt(ReadingLake(folder / "lake", DECLARED), folder / sample.name, day=sample.day)
