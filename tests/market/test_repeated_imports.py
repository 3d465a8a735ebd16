"""The same file again: the same request changes nothing, another one is done."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from market import importer
from market.errors import FileRefused
from market.importer import import_file
from market.lake import OVERRIDES, Lake
from market.lake_audit import audit
from market.lake_commit import MANIFEST
from market.lake_manifest import read_manifest
from market.lake_quarantine import rows_set_aside
from market.readers import mt5_bars
from market.readers.intake import Intake, Request, Writes
from market.readers.source import Source
from tests.market.importer_samples import SAMPLES

WriteFile = Callable[..., Path]
Rows = Callable[..., list[str]]
THURSDAY, SATURDAY = date(2020, 4, 2), date(2020, 4, 4)


def test_another_session_of_an_undated_tape_is_taken_too(lake: Lake, tmp_path: Path) -> None:
    path = tmp_path / SAMPLES["times_trades_workbook"].name
    path.write_bytes(SAMPLES["times_trades_workbook"].data)
    days = [date(2025, 8, 28), date(2025, 8, 29)]
    for day in days:
        assert import_file(lake, path, day=day).status == "imported"
        assert import_file(lake, path, day=day).status == "unchanged"
    (contract,) = lake.contracts()
    assert lake.sessions(contract) == days


def test_another_format_is_tried_and_the_same_one_by_name_is_known(
    lake: Lake, write: WriteFile, mt5_rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write("WDOK20.csv", mt5_rows())
    import_file(lake, path)
    with pytest.raises(FileRefused, match="between the columns of a Profit export"):
        import_file(lake, path, format="profit_bars")
    monkeypatch.setattr(importer, "FORMATS", (replace(mt5_bars.FORMAT, read=not_again),))
    assert import_file(lake, path, format="mt5_bars").status == "unchanged"


def not_again(*_: object) -> Writes:
    raise AssertionError("read again")


def test_prices_already_true_are_read_once_for_each_request(lake: Lake, write: WriteFile, mt5_rows: Rows) -> None:
    path = write("WDOK20.csv", mt5_rows())
    import_file(lake, path)
    before = lake.data_hash()
    assert import_file(lake, path, true_prices=True).status == "unchanged"
    assert [source.true_prices for source in read_manifest(lake.folder / MANIFEST).sources] == [True]
    assert lake.data_hash() == before


def test_a_day_that_the_users_calendar_opens_is_imported_from_the_same_file(
    lake: Lake, write: WriteFile, mt5_rows: Rows
) -> None:
    path = write("WDOK20.csv", mt5_rows() + mt5_rows(5, SATURDAY)[1:])
    assert import_file(lake, path).rejected == 5
    (lake.folder / OVERRIDES).write_text(
        f"date,status,open,close,reason,source\n{SATURDAY},open,,,Unusual session,B3 notice\n", encoding="utf-8"
    )
    own = Lake(lake.folder)
    again = import_file(own, path)
    assert (again.status, again.rejected) == ("imported", 0)
    assert own.sessions("WDOK20") == [THURSDAY, SATURDAY]
    assert import_file(own, path).status == "unchanged"
    assert rows_set_aside(own) == []
    assert audit(own) == []


def test_each_import_of_a_file_keeps_its_own_quarantine(lake: Lake, write: WriteFile, mt5_rows: Rows) -> None:
    path = write("WDOK20.csv", [*mt5_rows(), *mt5_rows(3, SATURDAY)[1:]])
    reasons = [import_file(lake, path, symbol=symbol).reason for symbol in (None, "DOLK20")]
    files = [lake.folder / reason.rpartition("set aside in ")[2] for reason in reasons]
    assert files[0] != files[1]
    assert all(file.is_file() for file in files)
    assert sorted((lake.folder / "quarantine").iterdir()) == sorted(files)
    assert [(one.day, one.rows) for one in rows_set_aside(lake)] == [(SATURDAY, 3)]


def test_a_file_that_changes_while_it_is_read_is_refused(
    lake: Lake, write: WriteFile, mt5_rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write("WDOK20.csv", [*mt5_rows(), *mt5_rows(3, SATURDAY)[1:]])

    def read(source: Source, request: Request, intake: Intake) -> Writes:
        yield from mt5_bars.FORMAT.read(source, request, intake)
        path.write_bytes(path.read_bytes().replace(b"5250.0", b"5250.5"))  # of the same size

    monkeypatch.setattr(importer, "FORMATS", (replace(mt5_bars.FORMAT, read=read),))
    with pytest.raises(FileRefused, match="found that it changed while it was read; import it again"):
        import_file(lake, path)
    assert [file.name for file in lake.folder.rglob("*") if file.is_file()] == ["lake.lock"]


def test_a_lake_listed_before_a_request_was_kept_is_read(lake: Lake, write: WriteFile, mt5_rows: Rows) -> None:
    path = write("WDOK20.csv", mt5_rows())
    import_file(lake, path)
    listed = (lake.folder / MANIFEST).read_text(encoding="utf-8")
    older = listed
    for part in ('"calendar_sha256": "", ', '"session": "", ', ', "true_prices": false'):
        assert part in older
        older = older.replace(part, "")
    (lake.folder / MANIFEST).write_text(older, encoding="utf-8")
    assert import_file(Lake(lake.folder), path).status == "unchanged"
