"""SQL over a lake reads every partition the manifest lists, and reaches nothing else."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from market import calendar
from market.bars import bars_from_events
from market.errors import LakeError, UsageError
from market.instruments import B3, Declaration, declare
from market.lake import Lake
from market.lake_manifest import Provenance
from market.lake_sql import LakeFiles, query
from market.types import BAR, EVENT

DAY, NEXT = date(2020, 4, 2), date(2020, 4, 3)
MADE = Provenance("made", "1" * 64, "made/1", True, "raw")
Build = Callable[[list[tuple[float, int, int, int]]], np.ndarray]
FILE = f"trades/WDOK20/{DAY}.parquet"


@pytest.fixture
def filled(lake: Lake, provenance: Provenance, trades: Build) -> Lake:
    """Two sessions of trades, 09:00:01 and 09:00:02, the second synthetic; and the bars of the first."""
    first, second = trades([(1, 10_000, 5, 1), (2, 10_001, 7, -1)]), trades([(1, 10_010, 1, 1)])
    second["ts_event_ns"] += int(timedelta(days=1).total_seconds() * 1e9)
    bars = bars_from_events(first, B3.session("WDO", DAY), 60_000_000_000)[:1]
    lake.commit(
        [
            (lake.draft("bars", "WDOK20", DAY, provenance, 60), bars),
            (lake.draft("trades", "WDOK20", DAY, provenance), first),
            (lake.draft("trades", "WDOK20", NEXT, MADE), second),
        ]
    )
    return lake


def ask(lake: Lake, sql: str) -> list[tuple]:
    return list(query(lake, sql).rows)


def test_every_column_of_the_records_is_there_under_its_name(filled: Lake) -> None:
    for kind, dtype in (("trades", EVENT), ("quotes", EVENT), ("book", EVENT), ("bars", BAR)):
        assert set(query(filled, f"FROM {kind}").columns) >= set(dtype.names or ())
    assert ask(filled, "SELECT price, quantity, side FROM trades ORDER BY ts_event_ns") == [
        (10_000, 5, 1), (10_001, 7, -1), (10_010, 1, 1)
    ]  # fmt: skip


def test_a_kind_that_the_lake_lacks_has_the_same_columns_and_no_rows(filled: Lake, tmp_path: Path) -> None:
    assert ask(filled, "SELECT count(*) FROM quotes") == [(0,)]
    assert ask(filled, "DESCRIBE quotes") == ask(filled, "DESCRIBE trades")
    empty = Lake(tmp_path / "none")
    assert [ask(empty, f"SELECT count(*) FROM {kind}") for kind in ("trades", "bars", "partitions")] == [[(0,)]] * 3
    assert ask(empty, "DESCRIBE bars") == ask(filled, "DESCRIBE bars")


def test_rows_tell_their_partition_local_time_and_points(filled: Lake) -> None:
    told = "ts, contract, root, session, bar_seconds, synthetic, source, price_basis"
    assert ask(filled, f"SELECT {told}, price_points FROM trades WHERE price >= 10001 ORDER BY ts") == [
        (
            datetime(2020, 4, 2, 9, 0, 2, tzinfo=calendar.EXCHANGE_ZONE),
            "WDOK20", "WDO", DAY, 0, False, "hand.csv", "raw", 5_000.5,
        ),
        (
            datetime(2020, 4, 3, 9, 0, 1, tzinfo=calendar.EXCHANGE_ZONE),
            "WDOK20", "WDO", NEXT, 0, True, "made", "raw", 5_005.0,
        ),
    ]  # fmt: skip
    assert ask(filled, "SELECT ts::VARCHAR, bar_seconds, open_points, close_points FROM bars") == [
        ("2020-04-02 09:00:00-03", 60, 5_000.0, 5_000.5)
    ]
    assert ask(filled, "SELECT kind, sum(rows) FROM partitions GROUP BY kind ORDER BY kind") == [
        ("bars", 1), ("trades", 3)
    ]  # fmt: skip


def test_points_are_those_of_each_instrument(tmp_path: Path, provenance: Provenance, trades: Build) -> None:
    petr4 = declare("PETR4", Declaration(0.01, 1.0, 1.0, "BRL", "b3_stocks"))
    lake = Lake(tmp_path / "lake", {"PETR4": petr4})
    records = trades([(3600, 3_000, 5, 1)])
    lake.commit([(lake.draft("trades", symbol, DAY, provenance), records) for symbol in ("PETR4", "WDOK20", "WINM20")])
    assert ask(lake, "SELECT contract, price_points FROM trades ORDER BY contract") == [
        ("PETR4", 30.0), ("WDOK20", 1_500.0), ("WINM20", 15_000.0)
    ]  # fmt: skip


def test_what_the_manifest_does_not_list_is_not_there(filled: Lake) -> None:
    source = filled.folder / FILE
    source.with_name("2020-04-06.parquet").write_bytes(source.read_bytes())
    assert ask(filled, "SELECT count(*) FROM trades") == [(3,)]
    with pytest.raises(UsageError, match="Cannot access file"):
        ask(filled, "FROM read_parquet('lake://trades/WDOK20/2020-04-06.parquet')")


@pytest.mark.parametrize(
    "sql",
    [
        "FROM read_text('/etc/hostname')",
        "FROM read_parquet('{lake}/trades/WDOK20/2020-04-02.parquet')",
        "FROM read_csv('{lake}/manifest.json')",
        "FROM glob('{lake}/*')",
        "FROM read_text('lake://manifest.json')",
        "FROM read_text('https://example.com/')",
        "FROM sqlite_scan('{lake}/x.db', 't')",
        "COPY (SELECT 1) TO '{lake}/x.csv'",
        "COPY (SELECT 1) TO 'lake://{file}' (FORMAT csv, USE_TMP_FILE false)",
        "WITH x AS (COPY (SELECT 1) TO 'lake://{file}' (FORMAT csv, USE_TMP_FILE false)) SELECT * FROM x",
        "WITH x AS (COPY (SELECT 1) TO '{lake}/{file}' (FORMAT csv, USE_TMP_FILE false)) SELECT * FROM x",
        "FROM json_execute_serialized_sql(json_serialize_sql('WITH x AS (COPY (SELECT 1) TO ''lake://{file}'' "
        "(FORMAT csv, USE_TMP_FILE false)) SELECT * FROM x'))",
        "ATTACH '{lake}/x.db'",
        "EXPORT DATABASE '{lake}/x'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "RESET allowed_paths",
        "SET threads = 8",
        "EXPLAIN ANALYZE COPY (SELECT 1) TO '{lake}/x.csv'",
        "INSERT INTO partitions SELECT * FROM partitions",
        "SELECT 1; DROP VIEW trades",
        "SELECT 1; SELECT 2",
        "FROM filled",
        "SELECT nothing FROM trades",
        "SELECT ?",
        "SELEC 1",
        "SELECT 'x'::INTEGER",
        "",
    ],
)
def test_anything_else_is_refused_in_one_sentence_and_changes_nothing(
    filled: Lake, sql: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(filled.folder)
    monkeypatch.setenv("HOME", str(filled.folder))
    before = {path: path.read_bytes() for path in filled.folder.rglob("*") if path.is_file()}
    with pytest.raises(UsageError) as refused:
        ask(filled, sql.format(lake=filled.folder, file=FILE))
    assert str(refused.value).startswith("SQL: ")
    assert "\n" not in str(refused.value)
    assert "Traceback" not in str(refused.value)
    assert {path: path.read_bytes() for path in filled.folder.rglob("*") if path.is_file()} == before


def test_a_query_that_needs_more_memory_is_refused_and_spills_no_file(
    filled: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr("market.lake_sql.MEMORY", "16MiB")
    with pytest.raises(UsageError, match="expected a query within 16MiB"):
        ask(filled, "SELECT * FROM range(10_000_000) ORDER BY hash(range)")
    assert list((tmp_path / "here").iterdir()) == []


def test_rows_come_as_they_are_taken(filled: Lake) -> None:
    answer = query(filled, "SELECT i FROM range(10_000_000_000) t(i)")
    assert [next(answer.rows) for _ in range(3)] == [(0,), (1,), (2,)]


def test_a_failure_among_the_rows_is_told_when_it_comes(filled: Lake) -> None:
    rows = query(
        filled, "SELECT CASE WHEN i < 10_000_000 THEN i ELSE error('far') END FROM range(10_000_001) t(i)"
    ).rows
    assert next(rows) == (0,)
    with pytest.raises(UsageError, match=r"SQL: .*far"):
        list(rows)


@pytest.mark.parametrize("day", [DAY, NEXT])
@pytest.mark.parametrize("spoil", [Path.unlink, lambda path: path.write_bytes(b"PAR1")], ids=["gone", "damaged"])
def test_a_file_that_is_gone_or_damaged_is_named(filled: Lake, spoil: Callable[[Path], object], day: date) -> None:
    spoil(filled.folder / "trades" / "WDOK20" / f"{day}.parquet")
    with pytest.raises(LakeError, match=rf"SQL: .*{day}\.parquet"):
        ask(filled, "SELECT sum(quantity) FROM trades")


def test_a_damaged_file_is_in_the_way_of_its_own_kind_alone(filled: Lake) -> None:
    (filled.folder / FILE).write_bytes(b"?")
    assert ask(filled, "SELECT count(*) FROM quotes") == [(0,)]
    with pytest.raises(LakeError, match=FILE):
        ask(filled, "SELECT count(*) FROM Trades")
    with pytest.raises(UsageError, match="Table with name tradings does not exist"):
        ask(filled, "SELECT count(*) FROM tradings")


@pytest.mark.parametrize("sql", ["install httpfs", "FORCE INSTALL httpfs", "/* it */ -- is\n Install httpfs"])
def test_an_installation_is_called_one(filled: Lake, sql: str) -> None:
    with pytest.raises(UsageError, match="expected one SELECT, found INSTALL;"):
        ask(filled, sql)


def test_files_of_a_lake_open_for_reading_alone(filled: Lake) -> None:
    files = LakeFiles({FILE: filled.folder / FILE})
    with files.open(f"lake://{FILE}") as file:
        assert file.read() == (filled.folder / FILE).read_bytes()
    for mode in ("wb", "ab", "r+b", "xb"):
        with pytest.raises(PermissionError):
            files.open(FILE, mode)
    with pytest.raises(PermissionError):
        files.open("trades/../manifest.json")


@pytest.mark.nightly
def test_thousands_of_partitions_are_one_table(tmp_path: Path, provenance: Provenance, trades: Build) -> None:
    """As many sessions as eight years have; how long it takes is told by the benchmark, that it works here."""
    lake, days = Lake(tmp_path / "lake"), B3.calendar("WDO").sessions(date(2018, 1, 2), date(2026, 3, 30))[:2_000]
    lake.commit((lake.draft("trades", "WDOFUT", day, provenance), trades([(1, k, 1, 1)])) for k, day in enumerate(days))
    assert ask(lake, "SELECT count(DISTINCT session), sum(price) FROM trades") == [(2_000, 1_999 * 1_000)]
    assert ask(lake, f"SELECT price FROM trades WHERE session = '{days[77]}'") == [(77,)]
