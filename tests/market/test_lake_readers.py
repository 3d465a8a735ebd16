"""Who reads the lake while it is written sees the lake before or after an import, never an error or a mixture."""

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from market import lake_commit
from market.columns import columns_from_parquet
from market.errors import LakeError
from market.lake import Lake
from market.lake_manifest import Partition, Provenance
from market.series import Series
from market.types import EVENT, Kind

DAY = date(2020, 4, 2)
CHECKOUT = Path(__file__).resolve().parents[2]
OPEN_NS = 1_585_828_800_000_000_000  # 2020-04-02 09:00 in São Paulo
REVISIONS = 30

# Extends a session of trades and quotes again and again: revision k holds k of each.
WRITER = """
import sys
from pathlib import Path
from market.lake import Lake
from tests.market.test_lake_readers import REVISIONS, extend

lake = Lake(Path(sys.argv[1]))
for count in range(2, REVISIONS + 2):
    extend(lake, count)
"""


def events_of(kind: Kind, count: int) -> np.ndarray:
    """Return the first so many trades or quotes of a session; both kinds alternate."""
    out = np.zeros(count, dtype=EVENT)
    out["sequence"] = np.arange(count) * 2 + (kind != Kind.TRADE)
    out["ts_event_ns"] = out["ts_recv_ns"] = OPEN_NS + out["sequence"] * 1_000_000_000
    out["price"], out["quantity"], out["kind"], out["instrument"] = 100, 5, kind, 1
    return out


def extend(lake: Lake, count: int) -> list[Partition]:
    """Commit a session of so many trades and as many quotes."""
    source = Provenance(f"export {count}.csv", f"{count:064}", "test/1", False, "raw")
    kinds = (("trades", Kind.TRADE), ("quotes", Kind.QUOTE_SIDE))
    return lake.commit([(lake.draft(name, "WDOK20", DAY, source), events_of(kind, count)) for name, kind in kinds])


def test_a_partition_that_was_replaced_is_read_as_it_is_listed_now(lake: Lake) -> None:
    extend(lake, 2)
    before = lake.partitions()
    extend(lake, 3)
    assert not any((lake.folder / partition.path).exists() for partition in before)
    quotes, trades = before
    assert lake.read(trades)["sequence"].tolist() == [0, 2, 4]
    assert lake.read_columns(quotes, ["sequence"])["sequence"].tolist() == [1, 3, 5]
    assert lake.read_merged(before)["sequence"].tolist() == [0, 1, 2, 3, 4, 5]


def test_kinds_that_were_replaced_between_two_reads_are_of_one_import(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    extend(lake, 2)
    real = Lake._read

    def read_then_replaced(self: Lake, partition: Partition) -> np.ndarray:
        records = real(self, partition)
        monkeypatch.setattr(Lake, "_read", real)
        extend(lake, 3)
        return records

    monkeypatch.setattr(Lake, "_read", read_then_replaced)
    assert lake.read_events("WDOK20", DAY)["sequence"].tolist() == [0, 1, 2, 3, 4, 5]


def test_columns_of_a_series_grow_with_a_session_that_is_replaced_while_they_are_read(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    extend(lake, 2)

    def replaced_before(path: Path, names: list[str]) -> dict[str, np.ndarray]:
        monkeypatch.setattr("market.lake.columns_from_parquet", columns_from_parquet)
        extend(lake, 3)
        return columns_from_parquet(path, names)

    monkeypatch.setattr("market.lake.columns_from_parquet", replaced_before)
    assert Series(lake, "WDOK20", DAY, DAY).columns("trades", ["sequence"])["sequence"].tolist() == [0, 2, 4]


def test_one_process_reads_while_another_extends_the_session(lake: Lake) -> None:
    extend(lake, 1)
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    seen: set[int] = set()
    with subprocess.Popen([sys.executable, "-c", WRITER, str(lake.folder)], env=environment) as writer:
        while writer.poll() is None:
            events = lake.read_events("WDOK20", DAY)
            assert events["sequence"].tolist() == list(range(events.size))  # as many trades as quotes
            columns = Series(lake, "WDOK20", DAY, DAY).columns("trades", ["price"])
            assert 2 * columns["price"].size >= events.size
            seen.add(events.size // 2)
    assert writer.returncode == 0
    assert lake.read_events("WDOK20", DAY).size == 2 * (REVISIONS + 1)
    assert len(seen) > 3  # it did read while the other wrote
    assert sorted(path.name for path in lake.folder.rglob("*.parquet")) == [f"2020-04-02.{REVISIONS}.parquet"] * 2


def test_a_partition_that_is_replaced_while_files_are_checked_is_no_problem(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    extend(lake, 2)
    real = Lake._problem

    def replaced_before(self: Lake, partition: Partition) -> str:
        monkeypatch.setattr(Lake, "_problem", real)
        extend(lake, 3)
        return real(self, partition)

    monkeypatch.setattr(Lake, "_problem", replaced_before)
    assert lake.verify() == []


def held_open(monkeypatch: pytest.MonkeyPatch, times: int) -> list[float]:
    """Let the manifest be as on Windows while a reader has it open, so many times; return the waits."""
    real, left, waits = Path.replace, [times], list[float]()

    def replace(self: Path, target: Path) -> Path:
        if target.name == "manifest.json" and left[0]:
            left[0] -= 1
            raise PermissionError(13, "Access is denied", str(target))
        return real(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    monkeypatch.setattr(lake_commit, "sleep", waits.append)
    return waits


def test_a_manifest_that_a_reader_holds_open_is_replaced_when_it_lets_go(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    extend(lake, 1)
    waits = held_open(monkeypatch, 3)
    extend(lake, 2)
    assert waits == [lake_commit.REPLACE_WAIT_S] * 3
    assert lake.read_events("WDOK20", DAY).size == 4


def test_a_manifest_that_stays_open_leaves_the_lake_as_it_was(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    extend(lake, 1)
    before = {path: path.read_bytes() for path in lake.folder.rglob("*") if path.is_file()}
    with monkeypatch.context() as patch:
        waits = held_open(patch, 10**9)
        with pytest.raises(LakeError, match=r"manifest\.json: expected to replace it within 5 s, found it held open"):
            extend(lake, 2)
    assert sum(waits) == pytest.approx(5)
    assert {path: path.read_bytes() for path in lake.folder.rglob("*") if path.is_file()} == before
    extend(lake, 2)
    assert lake.read_events("WDOK20", DAY).size == 4


def test_a_revision_that_a_reader_held_open_goes_with_a_later_one(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(self: Path, missing_ok: bool = False) -> None:
        if self.suffix == ".parquet":
            raise PermissionError(13, "Access is denied", str(self))

    extend(lake, 1)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", denied)
        extend(lake, 2)
    assert len(list(lake.folder.rglob("*.parquet"))) == 4
    extend(lake, 3)
    assert sorted(path.name for path in lake.folder.rglob("*.parquet")) == ["2020-04-02.2.parquet"] * 2


Damage = Callable[[Lake, Path], Any]


@pytest.mark.parametrize(
    "damage",
    [
        lambda lake, path: path.unlink(),
        lambda lake, path: path.write_bytes(b"other"),
        lambda lake, path: (lake.folder / "manifest.json").write_text("{"),
        lambda lake, path: (lake.folder / "manifest.json").write_text(
            (lake.folder / "manifest.json").read_text().replace('"rows": 1,', '"rows": 7,')
        ),
    ],
)
def test_damage_is_restored_and_nothing_is_deleted(lake: Lake, damage: Damage) -> None:
    extend(lake, 1)
    damage(lake, lake.folder / lake.partitions("trades")[0].path)
    with pytest.raises(
        LakeError, match="import its source again, or restore it from a backup or with `dvc pull`"
    ) as told:
        lake.read_events("WDOK20", DAY)
    assert "delete" not in str(told.value)
