"""Tables are computed once for the inputs they have, and a build that was stopped goes on."""

from pathlib import Path

import numpy as np
import pytest

import flows.feature_tables
from features.pipeline import compute_session
from features.schema import FeatureSchema
from flows.feature_tables import build_tables, folder_of
from flows.recorded import open_recorded
from flows.stages.artifacts import read_table
from flows.stages.dataset import Dataset
from market.home import Home
from market.lake import Lake
from market.synthetic import provenance_of, split_kinds
from tests.homes import MARKET, SCHEMA, fill_lake

DAYS = [str(day) for day in MARKET.days()]


def build(home: Home, schema: FeatureSchema = SCHEMA) -> dict[str, str]:
    done = build_tables(home, schema, open_recorded(home, None, None))
    assert all(one.rows > 100 for one in done)
    return {one.session: one.status for one in done}


def tables(home: Home, schema: FeatureSchema = SCHEMA) -> dict[str, Path]:
    return {path.name[:10]: path for path in folder_of(home, schema, MARKET.symbol).glob("*.parquet")}


@pytest.mark.parametrize("kind", ["events", "bars"])
def test_a_table_holds_the_rows_of_its_session(home: Home, kind: str) -> None:
    fill_lake(home, kind)
    assert build(home) == dict.fromkeys(DAYS, "built")
    dataset: Dataset = open_recorded(home, None, None)
    for day, path in tables(home).items():
        wanted = compute_session(SCHEMA, dataset.feed, next(one for one in MARKET.days() if str(one) == day))
        stored = read_table(path)
        assert list(stored) == ["_ts_ns", "_regime", "_close", "_atr", *SCHEMA.columns]
        rows = np.stack([stored[name] for name in SCHEMA.columns], axis=1)
        assert rows.tobytes() == wanted.rows.tobytes()
        assert stored["_ts_ns"].tolist() == wanted.ts_ns.tolist()
    text = (folder_of(home, SCHEMA, MARKET.symbol) / "schema.json").read_text(encoding="utf-8")
    assert FeatureSchema.from_json(text) == SCHEMA


def test_a_second_build_computes_nothing(home: Home) -> None:
    fill_lake(home)
    build(home)
    before = {path: path.stat().st_mtime_ns for path in tables(home).values()}
    assert build(home) == dict.fromkeys(DAYS, "unchanged")
    assert {path: path.stat().st_mtime_ns for path in tables(home).values()} == before


@pytest.mark.parametrize("left", [0, 200])
def test_a_damaged_table_is_computed_again(home: Home, left: int) -> None:
    fill_lake(home)
    build(home)
    damaged = tables(home)[DAYS[1]]
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[:left])
    assert build(home) == {**dict.fromkeys(DAYS, "unchanged"), DAYS[1]: "built"}
    assert read_table(damaged)["_ts_ns"].size > 100


@pytest.mark.parametrize("place", [0.1, 0.5, 0.8])
def test_a_table_with_one_bit_turned_is_computed_again(home: Home, place: float) -> None:
    fill_lake(home)
    build(home)
    damaged = tables(home)[DAYS[1]]
    whole = bytearray(damaged.read_bytes())
    whole[int(place * len(whole))] ^= 0x10
    damaged.write_bytes(whole)
    assert build(home) == {**dict.fromkeys(DAYS, "unchanged"), DAYS[1]: "built"}


def test_only_what_a_stopped_build_left_is_computed(home: Home) -> None:
    fill_lake(home)
    build(home)
    lost = tables(home)[DAYS[1]]
    half = lost.with_suffix(".part")
    half.write_bytes(lost.read_bytes()[:100])
    lost.unlink()
    assert build(home) == {**dict.fromkeys(DAYS, "unchanged"), DAYS[1]: "built"}
    assert not half.exists()


def test_a_new_session_changes_those_it_is_preloaded_for(tmp_path: Path) -> None:
    """The schema preloads one session, so a session that appears before the second changes the second alone."""
    home = Home(tmp_path)
    lake, source = Lake(home.lake), provenance_of(MARKET)
    days = MARKET.days()
    writes = {
        day: [(lake.draft(kind, MARKET.symbol, day, source), part) for kind, part in split_kinds(events)]
        for day, events in zip(days, (MARKET.session_events(index) for index in range(len(days))), strict=True)
    }
    lake.commit([one for day in (days[0], days[2], days[3]) for one in writes[day]])
    assert build(home) == dict.fromkeys((DAYS[0], DAYS[2], DAYS[3]), "built")
    lake.commit(writes[days[1]])
    assert build(home) == dict(zip(DAYS, ("unchanged", "built", "built", "unchanged"), strict=True))
    assert sorted(tables(home)) == DAYS
    assert len(list(folder_of(home, SCHEMA, MARKET.symbol).glob("*.parquet"))) == len(DAYS)


def test_another_schema_has_tables_of_its_own(home: Home) -> None:
    fill_lake(home)
    build(home)
    other = FeatureSchema("test", ("rsi_14",), SCHEMA.bar_ns, 1)
    assert build(home, other) == dict.fromkeys(DAYS, "built")
    assert set(tables(home)) == set(tables(home, other)) == set(DAYS)


def test_other_hours_of_a_session_change_its_table(home: Home) -> None:
    fill_lake(home)
    build(home)
    header = "date,status,open,close,reason,source"
    (home.lake / "calendar.csv").write_text(f"{header}\n{DAYS[3]},open,09:00,17:00,test,test\n", encoding="utf-8")
    assert build(home) == {**dict.fromkeys(DAYS, "unchanged"), DAYS[3]: "built"}


def test_two_processes_write_what_one_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    homes = Home(tmp_path / "one"), Home(tmp_path / "two")
    for home in homes:
        fill_lake(home)
    build(homes[0])
    monkeypatch.setattr(flows.feature_tables, "WORTH_WORKERS", 2)
    assert build(homes[1]) == dict.fromkeys(DAYS, "built")
    one, two = ({day: path.read_bytes() for day, path in tables(home).items()} for home in homes)
    assert one == two
