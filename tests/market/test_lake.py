"""The lake: all or nothing, written once, visible only through its manifest."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from market.errors import FileRefused, LakeError
from market.lake import Lake
from market.lake_manifest import Partition, Provenance
from market.synthetic import SyntheticMarket
from market.types import BAR, EVENT, Kind

DAY, NEXT = date(2020, 4, 2), date(2020, 4, 3)
CHECKOUT = Path(__file__).resolve().parents[2]
Build = Callable[[list[tuple[float, int, int, int]]], np.ndarray]
Write = tuple[Partition, np.ndarray]

KILLED = """
import os, sys
from datetime import date
from pathlib import Path
import numpy as np
from market.lake import Lake
from market.lake_manifest import Provenance
from market.types import EVENT

def writes():
    provenance = Provenance("a", "b", "c", False, "raw")
    for day in (2, 3):
        yield lake.draft("trades", "WDOK20", date(2020, 4, day), provenance), np.ones(4, dtype=EVENT)
    os._exit(9)

lake = Lake(Path(sys.argv[1]))
lake.commit(writes())
"""


@pytest.fixture
def write(lake: Lake, provenance: Provenance, trades: Build) -> Callable[..., Write]:
    def one(day: date = DAY, price: int = 100, kind: str = "trades", contract: str = "WDOK20") -> Write:
        return lake.draft(kind, contract, day, provenance), trades([(1, price, 5, 1), (2, price + 1, 5, -1)])

    return one


def snapshot(folder: Path) -> dict[str, bytes]:
    return {
        str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file() and f.suffix != ".lock"
    }


def test_an_empty_lake_holds_nothing(lake: Lake) -> None:
    assert lake.partitions() == []
    assert lake.contracts() == []
    assert lake.verify() == []
    with pytest.raises(LakeError, match="trades or quotes of WDOK20 on 2020-04-02"):
        lake.read_events("WDOK20", DAY)


def test_the_lake_fills_in_what_was_written(lake: Lake, write: Callable[..., Write]) -> None:
    partition, records = write()
    added = lake.commit([(partition, records)])
    assert added == lake.partitions("trades", "WDOK20")
    assert (added[0].rows, added[0].root, added[0].path) == (2, "WDO", "trades/WDOK20/2020-04-02.parquet")
    assert (added[0].first_ns, added[0].last_ns) == tuple(records["ts_event_ns"])
    assert added[0].bytes == (lake.folder / added[0].path).stat().st_size
    assert lake.read_events("WDOK20", DAY).tobytes() == records.tobytes()


def test_lists_by_kind_and_contract_and_session(lake: Lake, write: Callable[..., Write]) -> None:
    lake.commit([write(NEXT), write(DAY), write(DAY, kind="quotes"), write(DAY, contract="DOLK20")])
    assert [(p.kind, p.contract, p.session) for p in lake.partitions(kind="trades")] == [
        ("trades", "DOLK20", "2020-04-02"),
        ("trades", "WDOK20", "2020-04-02"),
        ("trades", "WDOK20", "2020-04-03"),
    ]
    assert lake.contracts() == ["DOLK20", "WDOK20"]
    assert lake.sessions("WDOK20") == [DAY, NEXT]


def test_trades_and_quotes_come_back_in_sequence(lake: Lake, provenance: Provenance, trades: Build) -> None:
    events = trades([(1, 100, 5, 1), (1, 101, 0, 0), (1, 102, 5, 1), (3, 103, 0, 0)])
    events["kind"][[1, 3]] = Kind.QUOTE_SIDE
    is_trade = events["kind"] == Kind.TRADE
    for kind, own in (("trades", is_trade), ("quotes", ~is_trade)):
        lake.commit([(lake.draft(kind, "WDOK20", DAY, provenance), events[own])])
    assert lake.read_events("WDOK20", DAY).tobytes() == events.tobytes()


def test_bars_of_several_lengths_live_side_by_side(lake: Lake, provenance: Provenance) -> None:
    bars = np.ones(3, dtype=BAR)
    lake.commit(
        [(lake.draft("bars", "WIN$", DAY, provenance, seconds), bars[: seconds // 60]) for seconds in (60, 120)]
    )
    assert lake.read_bars("WIN$", DAY, 120).size == 2
    assert lake.partitions()[0].path == "bars/WIN$/60/2020-04-02.parquet"
    with pytest.raises(LakeError, match="bars of 300 s"):
        lake.read_bars("WIN$", DAY, 300)


def test_the_same_content_again_is_kept(lake: Lake, write: Callable[..., Write]) -> None:
    lake.commit([write(DAY)])
    before = snapshot(lake.folder)
    partition, records = write(DAY)
    again = replace(partition, provenance=replace(partition.provenance, source="copy.csv", source_sha256="1" * 64))
    assert lake.commit([(again, records)]) == []
    assert snapshot(lake.folder) == before
    assert [p.session for p in lake.commit([(again, records), write(NEXT)])] == ["2020-04-03"]


def test_refuses_other_content_for_a_session_and_changes_nothing(lake: Lake, write: Callable[..., Write]) -> None:
    lake.commit([write(NEXT)])
    before = snapshot(lake.folder)
    with pytest.raises(
        FileRefused, match=r"trades of WDOK20 on 2020-04-03 .* found other content .* nothing was changed"
    ):
        lake.commit([write(DAY), write(NEXT, price=200)])
    assert snapshot(lake.folder) == before


def test_an_error_midway_leaves_nothing(lake: Lake, write: Callable[..., Write]) -> None:
    def writes() -> Iterator[Write]:
        yield write(DAY)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        lake.commit(writes())
    assert snapshot(lake.folder) == {}


def test_a_killed_import_leaves_the_manifest_and_the_next_run_goes_through(
    lake: Lake, write: Callable[..., Write]
) -> None:
    lake.commit([write(date(2020, 4, 1))])
    before = (lake.folder / "manifest.json").read_bytes()
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    run = subprocess.run([sys.executable, "-c", KILLED, str(lake.folder)], env=environment, check=False, timeout=60)
    assert run.returncode == 9
    assert list(lake.folder.rglob("*.partial"))
    assert (lake.folder / "manifest.json").read_bytes() == before
    assert lake.sessions("WDOK20") == [date(2020, 4, 1)]
    lake.commit([write(DAY), write(NEXT)])
    assert lake.sessions("WDOK20") == [date(2020, 4, 1), DAY, NEXT]
    assert not list(lake.folder.rglob("*.partial"))
    assert lake.verify() == []


def test_a_file_the_manifest_does_not_list_is_not_there(lake: Lake, write: Callable[..., Write]) -> None:
    orphan = lake.folder / "trades/WDOK20/2020-04-02.parquet"
    orphan.parent.mkdir(parents=True)
    orphan.write_bytes(b"left by a killed import")
    assert lake.sessions("WDOK20") == []
    lake.commit([write(DAY)])
    assert lake.read_events("WDOK20", DAY).size == 2


def test_the_same_data_give_the_same_lake_in_any_order(tmp_path: Path, write: Callable[..., Write]) -> None:
    one, two = Lake(tmp_path / "one"), Lake(tmp_path / "two")
    one.commit([write(DAY), write(NEXT)])
    two.commit([write(NEXT)])
    assert one.data_hash() != two.data_hash()
    two.commit([write(DAY)])
    assert one.data_hash() == two.data_hash()
    assert snapshot(one.folder) == snapshot(two.folder)


def test_two_writers_at_once_lose_nothing(lake: Lake, write: Callable[..., Write]) -> None:
    days = [date(2020, 4, day) for day in (1, 2, 3, 6, 7, 8)]
    writers = [threading.Thread(target=lake.commit, args=([write(day)],)) for day in days]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert lake.sessions("WDOK20") == days


@pytest.mark.parametrize("damage", ["flip", "cut", "remove"])
def test_verify_names_a_damaged_partition(lake: Lake, write: Callable[..., Write], damage: str) -> None:
    lake.commit([write(DAY), write(NEXT)])
    path = lake.folder / "trades/WDOK20/2020-04-03.parquet"
    data = path.read_bytes()
    if damage == "remove":
        path.unlink()
    else:
        path.write_bytes(data[:40] if damage == "cut" else bytes([*data[:30], data[30] ^ 1, *data[31:]]))
    problems = lake.verify()
    assert len(problems) == 1
    assert problems[0].startswith("trades/WDOK20/2020-04-03.parquet: expected")
    if damage != "flip":
        with pytest.raises(LakeError, match="restore it"):
            lake.read_events("WDOK20", NEXT)


def test_reading_checks_the_number_of_rows(lake: Lake, write: Callable[..., Write]) -> None:
    lake.commit([write(DAY)])
    manifest = lake.folder / "manifest.json"
    content = json.loads(manifest.read_text())
    content["partitions"][0]["rows"] = 3000
    manifest.write_text(json.dumps(content))
    with pytest.raises(LakeError, match="expected 3000 rows, found 2"):
        lake.read_events("WDOK20", DAY)


@pytest.mark.parametrize("text", ["", "{", '{"partitions": [{}]}', '{"other": []}'])
def test_refuses_a_damaged_manifest(lake: Lake, text: str) -> None:
    lake.folder.mkdir()
    (lake.folder / "manifest.json").write_text(text)
    with pytest.raises(LakeError, match=r"manifest\.json: expected a manifest of this lake"):
        lake.partitions()


def test_events_are_sixty_four_bytes() -> None:
    assert EVENT.itemsize == 64


def test_content_that_is_not_what_the_manifest_lists_is_never_served(tmp_path: Path) -> None:
    lake, other = Lake(tmp_path / "lake"), Lake(tmp_path / "other")
    day = SyntheticMarket(sessions=2).days()[0]
    source = Provenance("export.csv", "0" * 64, "test/1", False, "raw")
    events = SyntheticMarket(sessions=2).session_events(0)
    trades = events[events["kind"] == Kind.TRADE]
    lake.commit([(lake.draft("trades", "WINQ26", day, source), trades)])
    altered = trades.copy()
    altered["price"] += 500
    other.commit([(lake.draft("trades", "WINQ26", day, source), altered)])
    place = f"trades/WINQ26/{day}.parquet"
    (lake.folder / place).write_bytes((other.folder / place).read_bytes())
    with pytest.raises(LakeError, match="expected the content the manifest lists"):
        lake.read_events("WINQ26", day)
