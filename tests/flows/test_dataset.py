"""Which series a model is trained on, and what of it is held back."""

import shutil
from dataclasses import replace
from datetime import date
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from features.catalogue import CATALOGUE, Need
from flows.parameters import DataParams, FeatureParams, Parameters, SyntheticParams
from flows.stages import collect
from flows.stages.dataset import open_dataset
from flows.stages.train import fold_spans
from market.errors import ConfigError, NotEnoughData, UsageError
from market.home import Home
from market.lake import Lake
from market.lake_manifest import Provenance
from market.synthetic import SyntheticMarket, split_kinds
from tests.homes import MARKET, fill_lake

DAYS = MARKET.days()
EVENTS, BARS = DataParams(MARKET.symbol, "events", 60, 1), DataParams(MARKET.symbol, "bars", 60, 1)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home with four sessions of trades, quotes and bars."""
    home = Home(tmp_path_factory.mktemp("whole"))
    fill_lake(home)
    fill_lake(home, "bars")
    return home


@pytest.mark.parametrize("data", [EVENTS, BARS], ids=["events", "bars"])
def test_last_sessions_are_held_back(whole: Home, data: DataParams) -> None:
    dataset = open_dataset(whole, replace(data, held_back_sessions=3))
    assert (dataset.training, dataset.held_back) == (tuple(DAYS[:1]), tuple(DAYS[1:]))
    assert dataset.instrument.root == "WIN"
    assert dataset.synthetic


@pytest.mark.parametrize(("held", "left"), [(1, 3), (4, 1), (99, 1)])
def test_at_least_one_session_is_left_to_learn_from(whole: Home, held: int, left: int) -> None:
    dataset = open_dataset(whole, replace(BARS, held_back_sessions=held))
    assert len(dataset.training) == left
    assert len(dataset.training) + len(dataset.held_back) == len(DAYS)


@pytest.mark.parametrize("held", [0, -2])
def test_a_paper_run_needs_a_session_held_back(held: int) -> None:
    with pytest.raises(ConfigError, match="held_back_sessions"):
        replace(BARS, held_back_sessions=held)


def test_feeds_do_not_mix(whole: Home) -> None:
    assert {p.kind for p in open_dataset(whole, EVENTS).partitions} == {"trades", "quotes"}
    assert {p.kind for p in open_dataset(whole, BARS).partitions} == {"bars"}


TAPE = {Need.BARS, Need.CALENDAR, Need.TRADES}
DEEP = SyntheticMarket(symbol="WINQ26", sessions=1, seed=11, trades_per_session=600, levels=5)


def test_feed_says_what_features_may_need(whole: Home) -> None:
    assert open_dataset(whole, BARS).needs == {Need.BARS, Need.CALENDAR}
    assert open_dataset(whole, EVENTS).needs == TAPE | {Need.BOOK, Need.BOOK_SIZE, Need.IDS}


@pytest.mark.parametrize(
    ("kept", "offered"),
    [
        ((1, 2, 3, 5), {Need.BOOK, Need.BOOK_SIZE, Need.BOOK_DEPTH, Need.IDS}),
        ((1, 2, 3), {Need.BOOK, Need.BOOK_SIZE, Need.BOOK_DEPTH, Need.IDS}),
        ((1, 5), {Need.BOOK, Need.BOOK_SIZE, Need.IDS}),
        ((1,), {Need.IDS}),
    ],
)
def test_what_a_feed_does_not_send_is_left_out(home: Home, kept: tuple[int, ...], offered: set[Need]) -> None:
    commit(home, DEEP.session_events(0), kept)
    assert open_dataset(home, EVENTS).needs == TAPE | offered


def test_trades_that_name_one_broker_offer_no_ids(home: Home) -> None:
    events = DEEP.session_events(0)
    events["buyer"] = 0
    commit(home, events, (1,))
    dataset = open_dataset(home, EVENTS)
    assert dataset.needs == TAPE
    assert not dataset.synthetic


def commit(home: Home, events: np.ndarray, kept: tuple[int, ...]) -> None:
    """Write one session of some kinds of event, as if it had been recorded."""
    lake, source = Lake(home.lake), Provenance("trades", "0" * 64, "test/1", False, "raw")
    parts = split_kinds(events[np.isin(events["kind"], kept)])
    lake.commit([(lake.draft(kind, MARKET.symbol, DAYS[0], source), part) for kind, part in parts if part.size])


def test_one_synthetic_session_makes_the_dataset_synthetic(whole: Home, home: Home) -> None:
    lake = Lake(home.lake)
    bars = Lake(whole.lake).read_bars(MARKET.symbol, DAYS[0], 60)
    real, made = (Provenance("x", "0" * 64, "test/1", synthetic, "raw") for synthetic in (False, True))
    lake.commit([(lake.draft("bars", MARKET.symbol, DAYS[0], real, 60), bars)])
    assert not open_dataset(home, BARS).synthetic
    later = Lake(whole.lake).read_bars(MARKET.symbol, DAYS[1], 60)
    lake.commit([(lake.draft("bars", MARKET.symbol, DAYS[1], made, 60), later)])
    assert open_dataset(home, BARS).synthetic


def test_data_hash_is_over_every_partition_and_nothing_else(whole: Home, home: Home) -> None:
    dataset = open_dataset(whole, BARS)
    lines = sorted(
        f"bars WINQ26 {day} 60 " + sha256((whole.lake / "bars/WINQ26/60" / f"{day}.parquet").read_bytes()).hexdigest()
        for day in DAYS
    )
    assert dataset.data_hash == sha256("\n".join(lines).encode()).hexdigest()
    shutil.copytree(whole.lake, home.lake)
    assert open_dataset(home, BARS).data_hash == dataset.data_hash
    bars = Lake(whole.lake).read_bars(MARKET.symbol, DAYS[0], 60)
    lake = Lake(home.lake)
    lake.commit([(lake.draft("bars", "WINV26", DAYS[0], dataset.partitions[0].provenance, 60), bars)])
    assert open_dataset(home, BARS).data_hash == dataset.data_hash
    assert open_dataset(home, EVENTS).data_hash != dataset.data_hash


def test_schema_leaves_out_what_the_feed_lacks_and_what_is_excluded(whole: Home) -> None:
    parameters = Parameters(BARS, features=FeatureParams("full", 2, ("returns_1", "trade_intensity_ratio"), 750))
    schema = open_dataset(whole, BARS).schema(parameters)
    able = [feature.name for feature in CATALOGUE if feature.needs <= {Need.BARS, Need.CALENDAR}]
    assert list(schema.columns) == [name for name in able if name != "returns_1"]
    assert (schema.bar_ns, schema.preload_sessions, schema.book_max_age_ns) == (60_000_000_000, 2, 750_000_000)


def test_exclusion_of_an_unknown_feature_names_the_nearest(whole: Home) -> None:
    parameters = Parameters(BARS, features=FeatureParams("full", 2, ("return_1",)))
    with pytest.raises(ConfigError, match=r"found 'return_1'; did you mean 'returns_1'\?"):
        open_dataset(whole, BARS).schema(parameters)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (DataParams("WINV26"), "expected events of WINV26, found none; import a file"),
        (DataParams(MARKET.symbol, "bars", 300), "expected bars of WINQ26, found none"),
    ],
)
def test_series_that_is_not_there_is_refused_with_the_way_to_get_it(whole: Home, data: DataParams, said: str) -> None:
    with pytest.raises(NotEnoughData, match=said):
        open_dataset(whole, data)


def write_bars(path: Path, minutes: int = 1, day: date = date(2020, 4, 2)) -> Path:
    """Write a session of MT5 bars from 09:00 to 18:00."""
    header = "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>"
    times = [(9 + k // 60, k % 60) for k in range(0, 540, minutes)]
    rows = [f"{day:%Y.%m.%d}\t{h:02}:{m:02}:00\t5250.0\t5252.0\t5250.0\t5251.0\t10\t100\t5" for h, m in times]
    path.write_text("\r\n".join([header, *rows, ""]), encoding="utf-8", newline="")
    return path


SMALL = Parameters(DataParams("WINQ26"), SyntheticParams(sessions=2, seed=5))


def test_without_files_the_synthetic_market_is_written_once(home: Home) -> None:
    assert collect.run(home, SMALL) == SMALL
    before = Lake(home.lake).data_hash()
    assert len(Lake(home.lake).partitions()) == 4
    collect.run(home, SMALL)
    assert Lake(home.lake).data_hash() == before


def test_series_imported_before_is_taken_as_it_is(home: Home, tmp_path: Path) -> None:
    """`pregao import FILE`, then `pregao retrain`: no synthetic market is mixed in."""
    taken = collect.run(home, SMALL, [write_bars(tmp_path / "WDOK20.csv")])
    assert taken.data == replace(SMALL.data, contract="WDOK20", feed="bars", bar_seconds=60)
    before = Lake(home.lake).data_hash()
    assert collect.run(home, taken) == taken
    assert Lake(home.lake).data_hash() == before


def test_bar_length_is_that_of_the_file_named(home: Home, tmp_path: Path) -> None:
    (tmp_path / "five").mkdir()
    five = write_bars(tmp_path / "five" / "WDOK20_M5.csv", 5)
    one = write_bars(tmp_path / "WDOK20_M1.csv", 1)
    assert collect.run(home, SMALL, [five]).data.bar_seconds == 300
    assert collect.run(home, SMALL, [one]).data.bar_seconds == 60
    assert collect.run(home, SMALL, [five]).data.bar_seconds == 300
    with pytest.raises(UsageError, match="WDOK20: expected bars of one length, found 60 s, 300 s"):
        collect.run(home, SMALL, [one, five])


def test_files_of_two_contracts_are_refused(home: Home, tmp_path: Path) -> None:
    files = [write_bars(tmp_path / "WDOK20.csv"), write_bars(tmp_path / "WDOM20.csv")]
    with pytest.raises(UsageError, match="expected files of one contract, found WDOK20, WDOM20"):
        collect.run(home, SMALL, files)


def test_every_session_of_a_fold_is_tested_whatever_its_labels() -> None:
    days = [date(2026, 6, day) for day in (1, 2, 3, 5, 8, 9, 10)]
    assert fold_spans(days, [date(2026, 6, 3), date(2026, 6, 9)]) == [
        [date(2026, 6, 3), date(2026, 6, 5), date(2026, 6, 8)],
        [date(2026, 6, 9), date(2026, 6, 10)],
    ]
