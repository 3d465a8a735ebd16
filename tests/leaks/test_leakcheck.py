"""The check on the project's own code: clean as it is, and awake where a leak is planted in what it runs."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cli.main import main
from flows.leaks import check as check_module
from flows.leaks import subjects
from flows.leaks.cells import Cells, Found, find_leaks
from flows.leaks.check import check_leaks, check_spans
from flows.leaks.poison import Poison, known_count, spoil_records
from flows.leaks.source import CHECKOUT, of_feature
from flows.parameters import DataParams, FeatureParams, Parameters, SplitParams
from flows.recorded import data_of
from flows.stages.dataset import open_dataset
from flows.stages.features import FeatureTable
from market.bars import bars_from_events
from market.errors import NotEnoughData
from market.home import Home
from market.instruments import B3
from market.lake import Lake
from market.synthetic import SyntheticMarket, provenance_of, write_market
from models.splits import WalkForward
from models.training_table import TrainingTable
from tests.factories import OPEN_NS, SECOND_NS, make_bar, make_clock, make_trade, stack

MINUTE_NS = 60 * SECOND_NS
# The first session has no overnight gap and trains nothing: five are left, one of them held back.
# Half an hour of tape, and 500 trades of named brokers: too much for sessions of 600 trades.
UNSEEN = ("trade_intensity_ratio", "top_trader_ratio", "side_bias")
MARKET = SyntheticMarket(symbol="WINQ26", sessions=6, seed=11, trades_per_session=600)


def fill_lake(home: Home, feed: str) -> None:
    """Write the market as trades and quotes, or as bars of a minute."""
    lake = Lake(home.lake)
    if feed == "events":
        write_market(lake, MARKET)
        return
    writes = []
    for index, day in enumerate(MARKET.days()):
        bars = bars_from_events(MARKET.session_events(index), B3.session("WIN", day), MINUTE_NS)
        writes.append((lake.draft("bars", MARKET.symbol, day, provenance_of(MARKET), 60), bars))
    lake.commit(writes)


def parameters(feed: str, held_back: int = 1) -> Parameters:
    data = DataParams(MARKET.symbol, "bars" if feed == "bars" else "events", 60, held_back)
    return Parameters(data, features=FeatureParams("full", 1, UNSEEN), splits=SplitParams(folds=1))


@pytest.fixture(scope="module", params=["events", "bars"])
def market(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, str]:
    """A home with six sessions of one feed."""
    home = Home(tmp_path_factory.mktemp(request.param))
    fill_lake(home, request.param)
    return home, request.param


def test_the_project_does_not_leak(market: tuple[Home, str]) -> None:
    home, feed = market
    found = check_leaks(home, parameters(feed), sessions=1)
    assert found.leaks == ()
    # One fold, its fit under two poisons, and three cuts under three poisons: bars are not deleted from labels.
    assert found.checked == 1 + 2 + 9 + (6 if feed == "bars" else 9) + 9
    assert not home.keys.exists()


def test_a_column_that_sees_the_session_ahead_is_named_with_its_catalogue_line(market: tuple[Home, str]) -> None:
    home, feed = market
    params = parameters(feed)
    subject = subjects.Subject.open(open_dataset(home, params.data), params)
    trial = subjects.features_trial(subject, MARKET.days()[2])

    def centred(data: subjects.Feed) -> Cells:
        cells = trial.compute(data)
        leaky = np.roll(cells.columns["returns_5"], -1)
        return replace(cells, columns={**cells.columns, "returns_5": leaky})

    found = find_leaks(replace(trial, compute=centred), 3)
    assert [leak.column for leak in found.leaks] == ["returns_5"]
    name, _, line = found.leaks[0].source.partition(":")
    assert 'f"returns_{n}"' in (CHECKOUT / name).read_text(encoding="utf-8").splitlines()[int(line) - 1]


def test_weights_scaled_over_the_test_span_are_found(market: tuple[Home, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The check found this one in the project: a scale common to all rows moves the penalty of a logistic fit."""
    home, feed = market
    params = parameters(feed)
    subject = subjects.Subject.open(open_dataset(home, params.data), params)
    *_, end = subjects.fit_fold(subject, subject.dataset.feed)
    honest = subjects.join_rows

    def scaled(rows: FeatureTable, labels: np.ndarray, parameters: Parameters) -> TrainingTable:
        table = honest(rows, labels, parameters)
        return replace(table, weight=table.weight / table.weight.mean())

    monkeypatch.setattr(subjects, "join_rows", scaled)
    columns = {leak.column for leak in find_leaks(subjects.fit_trial(subject, end), 1).leaks}
    assert "training weight" in columns
    assert "training rows" not in columns


def test_too_few_sessions_are_refused(market: tuple[Home, str]) -> None:
    home, feed = market
    with pytest.raises(NotEnoughData, match="expected 3 training sessions"):
        check_leaks(home, parameters(feed, held_back=4))


def table_of(start: list[int], end: list[int], session: list[int]) -> TrainingTable:
    count = len(start)
    starts, ends, days = (np.array(values, dtype=np.int64) for values in (start, end, session))
    ones = np.ones(count)
    return TrainingTable(
        ("x",), ones[:, None].astype(np.float32), starts, days, ones.astype(np.uint8), ones, ones.astype(np.int8), ones,
        starts, ends, ones,
    )  # fmt: skip


def test_a_training_label_within_the_embargo_of_the_test_span_is_a_leak() -> None:
    table = table_of([10, 20, 40], [15, 35, 45], [1, 1, 2])
    split = (np.array([0, 1]), np.array([2]))
    assert check_spans(table, [split], 4).leaks == ()
    (leak,) = check_spans(table, [split], 5).leaks
    assert (leak.at_ns, leak.column) == (20, "end_ns")
    honest = list(WalkForward(1, 1, 5).split(groups=table.spans))
    assert check_spans(table, honest, 5).leaks == ()


def test_what_a_decision_has_seen_stays_and_the_rest_is_spoilt() -> None:
    cut_ns = OPEN_NS + MINUTE_NS
    events = stack([make_trade(59, 100), make_trade(60, 101), make_trade(30, 102), make_clock(61)])
    assert known_count(events, cut_ns) == 1
    bars = np.concatenate([make_bar(minute, (100, 102, 99, 101)) for minute in range(3)])
    assert known_count(bars, cut_ns) == 1
    for records in (events, bars):
        assert spoil_records(records, cut_ns, Poison.DELETED).tobytes() == records[:1].tobytes()
        for poison in (Poison.NOISE, Poison.SHIFTED):
            spoilt = spoil_records(records, cut_ns, poison)
            assert spoilt[:1].tobytes() == records[:1].tobytes()
            assert spoilt[1:].tobytes() != records[1:].tobytes()
            assert len(spoilt) == len(records)


def test_a_written_name_wins_over_a_pattern_and_other_columns_name_their_function() -> None:
    name, _, line = of_feature("gap_open", subjects.compute_session).partition(":")
    assert '"gap_open"' in (CHECKOUT / name).read_text(encoding="utf-8").splitlines()[int(line) - 1]
    assert of_feature("regime", subjects.compute_session).startswith("features/pipeline.py:")


def test_command_answers_machines(
    market: tuple[Home, str], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:  # fmt: skip
    home, feed = market
    monkeypatch.setenv("PREGAO_HOME", str(home.root))
    params = tmp_path_factory.mktemp("params") / "params.yaml"
    section = {"contract": MARKET.symbol, "feed": feed, "bar_seconds": 60, "held_back_sessions": 1}
    features = {"set": "full", "preload_sessions": 1, "exclude": list(UNSEEN)}
    content = {"data": section, "features": features, "splits": {"folds": 1}}
    params.write_text(json.dumps(content), encoding="utf-8")
    capfd.readouterr()
    assert main(["leakcheck", "--sessions", "1", "--params", str(params), "--json"]) == 0
    answer: dict[str, object] = json.loads(capfd.readouterr().out)
    assert list(answer) == ["ok", "checked", "leaks"]
    assert answer["leaks"] == []


@pytest.mark.parametrize(
    ("arguments", "checked"), [([], ("core10", ("rsi_14",))), (["--set", "book65"], ("book65", ()))]
)
def test_command_checks_the_set_of_the_parameters_or_any_other_whole(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: list[str], checked: tuple[str, tuple[str, ...]]
) -> None:
    params = tmp_path / "params.yaml"
    content = {"data": {"contract": MARKET.symbol}, "features": {"set": "core10", "exclude": ["rsi_14"]}}
    params.write_text(json.dumps(content), encoding="utf-8")
    asked = []

    def check(_home: Home, parameters: Parameters, _sessions: int) -> Found:
        asked.append((parameters.features.set, parameters.features.exclude))
        return Found(1, ())

    monkeypatch.setattr(check_module, "check_leaks", check)
    assert main(["leakcheck", "--params", str(params), *arguments]) == 0
    assert asked == [checked]


def test_command_names_the_sets_there_are(
    market: tuple[Home, str], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("PREGAO_HOME", str(market[0].root))
    params = tmp_path / "params.yaml"
    params.write_text(json.dumps({"data": {"contract": MARKET.symbol, "feed": market[1]}}), encoding="utf-8")
    assert main(["leakcheck", "--set", "book66", "--params", str(params)]) == 2
    assert "expected one of core10" in capfd.readouterr().err


def test_a_named_series_is_taken_in_the_form_it_has(market: tuple[Home, str]) -> None:
    """Whatever feed and length the parameters name for another."""
    home, feed = market
    other = DataParams("WDOZ26", "events" if feed == "bars" else "bars", 900, 1)
    taken = data_of(home, MARKET.symbol.lower(), other)
    assert (taken.contract, taken.feed, taken.held_back_sessions) == (MARKET.symbol, feed, 1)
    assert taken.bar_seconds == (60 if feed == "bars" else 900)
