"""A lake whose files were tampered with, one way at a time."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from market.importer import import_file
from market.lake import Lake
from market.lake_audit import audit

Rows = Callable[..., list[str]]
PLACE = "bars/WDOK20/60/2020-04-02.parquet"
REMEDY = "import its source again, or restore it from a backup or with `dvc pull` (WDOK20.csv)"


@pytest.fixture
def held(lake: Lake, write: Callable[..., Path], mt5_rows: Rows) -> Lake:
    """A lake with one session, one row in quarantine, and the user's calendar."""
    stray = "2020.04.02\t23:00:00\t5250.0\t5252.0\t5250.0\t5251.0\t10\t100\t5"
    import_file(lake, write("WDOK20.csv", [*mt5_rows(), stray]))
    (lake.folder / "calendar.csv").write_text("date,status,open,close,reason,source\n", encoding="utf-8")
    return lake


def test_untouched_lake_has_no_fault(held: Lake) -> None:
    assert audit(held) == []


def test_lake_that_was_never_written_has_no_fault(lake: Lake) -> None:
    assert audit(lake) == []


def test_missing_file_is_told_once(held: Lake) -> None:
    (held.folder / PLACE).unlink()
    assert audit(held) == [f"{PLACE}: expected a file, found none that can be read; {REMEDY}"]


def test_altered_file_is_told_once(held: Lake) -> None:
    path = held.folder / PLACE
    path.write_bytes(path.read_bytes()[:-1])
    (problem,) = audit(held)
    assert problem.startswith(f"{PLACE}: expected sha256")


def test_manifest_that_counts_other_rows_is_told(held: Lake) -> None:
    path = held.folder / "manifest.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"rows": 540', '"rows": 541'), encoding="utf-8")
    assert json.loads(path.read_text(encoding="utf-8"))["partitions"][0]["rows"] == 541
    assert audit(held) == [f"{PLACE}: expected 541 rows, found 540; {REMEDY}"]


def test_file_that_no_manifest_lists_is_told(held: Lake) -> None:
    (held.folder / "bars/WDOK20/60/2020-04-03.parquet").write_bytes(b"?")
    (problem,) = audit(held)
    assert problem.startswith("bars/WDOK20/60/2020-04-03.parquet: expected only what the manifest lists")


def test_rest_of_an_interrupted_import_is_told(held: Lake) -> None:
    (held.folder / "bars/WDOK20/60/2020-04-03.partial").write_bytes(b"?")
    (held.folder / "manifest.json.partial").write_bytes(b"?")
    again = "importing that file again clears it up, else delete it"
    assert audit(held) == [
        f"bars/WDOK20/60/2020-04-03.partial: left over by an interrupted import; {again}",
        f"manifest.json.partial: left over by an interrupted import; {again}",
    ]


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(path.read_bytes()[:-1] + b"?")])
def test_what_was_lost_or_altered_comes_back_with_its_source(
    held: Lake, write: Callable[..., Path], mt5_rows: Rows, damage: Callable[[Path], object]
) -> None:
    stray = "2020.04.02\t23:00:00\t5250.0\t5252.0\t5250.0\t5251.0\t10\t100\t5"
    source, place = write("WDOK20.csv", [*mt5_rows(), stray]), held.folder / PLACE
    written, listed = place.read_bytes(), held.partitions()
    damage(place)
    assert import_file(held, source).status == "imported"
    assert place.read_bytes() == written
    assert (held.partitions(), audit(held)) == (listed, [])
    assert import_file(held, source).status == "unchanged"
