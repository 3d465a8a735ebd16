"""Explanations: a journalled decision is found by order and by time, and only a row that gives it is explained."""

from pathlib import Path

import numpy as np
import pytest

from features.pipeline import SessionFeatures, compute_session
from flows.explanation import explain_order, explain_time
from forest.flat import ForestKind, empty
from live.journal_writer import JournalWriter
from market.errors import DataError, UsageError
from market.home import Home
from market.lake import Lake
from market.stream import Feed
from market.types import Regime
from registry.bundle import FeedNeeds
from tests.commands import run_pregao
from tests.factories import MINUTE_NS, make_model, make_stump
from tests.homes import MARKET, SCHEMA, STRATEGY, fill_lake, install_bundle, install_model
from trading.blend import Blend, pack_blends
from trading.journal import Kind, json_payload
from trading.model import score_probability
from trading.records import DECISION, ORDER

DAY = MARKET.days()[2]
UP, DOWN = 0.9, 1.0 - 0.9  # what the stump of `install_model` says of a rise and of a fall
BOUGHT, HELD = 3, 4  # sequence of two decisions


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home with recorded bars and a model of one stump, on whether the last bar rose."""
    home = Home(tmp_path_factory.mktemp("home"))
    fill_lake(home, "bars")
    install_model(home, "bars")
    return home


@pytest.fixture(scope="module")
def seen(home: Home) -> SessionFeatures:
    return compute_session(SCHEMA, Feed(Lake(home.lake), MARKET.symbol, MINUTE_NS, "bars"), DAY)


@pytest.fixture(scope="module")
def places(seen: SessionFeatures) -> tuple[int, int]:
    """Rows of a rise and of a fall in a regime."""
    known = (seen.regime != Regime.UNDEFINED) & np.isfinite(seen.rows).all(axis=1)
    rises, falls = np.flatnonzero(known & (seen.rows[:, 0] > 0)), np.flatnonzero(known & (seen.rows[:, 0] < 0))
    return int(rises[-1]), int(falls[-1])


@pytest.fixture(scope="module")
def journal(home: Home, seen: SessionFeatures, places: tuple[int, int]) -> Path:
    """An older journal with the same order id, and the newest, with two decisions and one order."""
    path = home.journal / "2026.bin"
    write_journal(home.journal / "2025.bin", home, seen, (places[1], places[0]), (DOWN, UP))
    write_journal(path, home, seen, places, (UP, DOWN))
    return path


def write_journal(
    path: Path, home: Home, seen: SessionFeatures, places: tuple[int, int], said: tuple[float, float]
) -> None:
    """Journal what a runner would: a session, a decision that bought and its order, and one that held."""
    (bundle,) = home.bundles.iterdir()
    made, order = np.zeros(2, dtype=DECISION), np.zeros(1, dtype=ORDER)
    for row, place in enumerate(places):
        made[row]["ts_ns"], made[row]["regime"] = seen.ts_ns[place], seen.regime[place]
    made["sequence"], made["probability"], made["side"] = (BOUGHT, HELD), said, (1, 0)
    order["id"], order["decision"] = 7, BOUGHT
    path.parent.mkdir(parents=True, exist_ok=True)
    with JournalWriter(path) as journal:
        journal.append(Kind.SESSION, json_payload({"mode": "paper", "day": DAY.isoformat(), "bundle": bundle.name}))
        journal.append(Kind.DECISION, made[:1].tobytes())
        journal.append(Kind.ORDER, order.tobytes())
        journal.append(Kind.DECISION, made[1:].tobytes())


def test_order_is_explained_by_the_row_behind_it(
    home: Home, journal: Path, seen: SessionFeatures, places: tuple[int, int]
) -> None:
    done = explain_order(home, 7)
    assert (done.found.path, done.found.day, int(done.found.decision["sequence"])) == (journal, DAY, BOUGHT)
    assert done.row.tobytes() == seen.rows[places[0]].tobytes()
    # One stump on the first column: the second can have moved nothing.
    (only,) = done.members
    assert (only.learner, only.weight) == ("forest", 1.0)
    assert only.shares.tolist() == [pytest.approx(only.score - only.usual), 0.0]
    rising = np.mean(done.bundle.golden.rows[:, 0] > 0)
    assert only.shares[0] == pytest.approx((1 - rising) * (UP - DOWN))


def test_decision_that_held_is_explained_by_its_time(
    home: Home, journal: Path, seen: SessionFeatures, places: tuple[int, int]
) -> None:
    done = explain_time(home, int(seen.ts_ns[places[1]]))
    assert int(done.found.decision["sequence"]) == HELD
    assert done.members[0].shares[0] < 0


def test_every_learner_of_a_blend_is_told_the_heaviest_first(tmp_path: Path) -> None:
    own = Home(tmp_path)
    fill_lake(own, "bars")
    rising, strong = make_stump(2, 0, 0.0, DOWN, UP), make_stump(2, 1, 50.0, -1.0, 2.0)
    boosted = strong._replace(header=np.array([ForestKind.LIGHTGBM, *strong.header[1:]], dtype=np.int64))
    blend = Blend((boosted, empty(), rising), np.array([0.25, 0.0, 0.75]))
    model = make_model(SCHEMA, rising, (), STRATEGY)._replace(blends=pack_blends([blend] * 3))
    install_bundle(own, "WIN", FeedNeeds("bars", 60), SCHEMA, model, STRATEGY)
    seen = compute_session(SCHEMA, Feed(Lake(own.lake), MARKET.symbol, MINUTE_NS, "bars"), DAY)
    known = (seen.regime != Regime.UNDEFINED) & np.isfinite(seen.rows).all(axis=1)
    last, before = np.flatnonzero(known & (seen.rows[:, 0] > 0))[[-1, -2]].tolist()
    said = tuple(score_probability(model, int(seen.regime[k]), seen.rows[k]) for k in (last, before))
    write_journal(own.journal / "2026.bin", own, seen, (last, before), said)
    done = explain_order(own, 7)
    assert [(one.learner, one.weight) for one in done.members] == [("forest", 0.75), ("lightgbm", 0.25)]
    golden, (forest, lightgbm) = done.bundle.golden.rows, done.members
    rises, strong_rows = np.mean(golden[:, 0] > 0), np.mean(golden[:, 1] > 50)
    # Each reads one column, and its share is the whole step from the usual; by hand, as in a stump alone.
    assert forest.shares.tolist() == [pytest.approx((1 - rises) * (UP - DOWN)), 0.0]
    score = 2.0 if done.row[1] > 50 else -1.0
    assert lightgbm.score == score
    assert lightgbm.shares.tolist() == [0.0, pytest.approx(score - (3 * strong_rows - 1))]


def test_command_tells_features_shares_and_lineage(home: Home, journal: Path) -> None:
    done = run_pregao(home, "explain", "7", "--json")
    told = done.answer
    assert (done.code, told["ok"], told["side"]) == (0, True, "BUY")
    assert list(told["features"]) == list(SCHEMA.columns)
    (only,) = told["members"]
    assert sum(one["share"] for one in only["shares"]) == pytest.approx(only["score"] - only["usual"])
    assert abs(only["shares"][0]["share"]) >= abs(only["shares"][1]["share"])
    assert (told["data_hash"], told["commit"], told["probability"]) == ("d" * 64, "c" * 40, UP)
    assert (told["contract"], told["journal"]) == (MARKET.symbol, str(journal))


def test_paper_run_of_a_training_is_looked_through_too(home: Home, journal: Path) -> None:
    paper = home.artifacts / "paper" / "journal.bin"
    paper.parent.mkdir(parents=True)
    paper.write_bytes(journal.read_bytes())
    found = explain_order(home, 7).found.path
    paper.unlink()
    assert found == paper


def test_unknown_order_and_time_are_refused(home: Home, journal: Path) -> None:
    with pytest.raises(UsageError, match="order 8, found none"):
        explain_order(home, 8)
    with pytest.raises(UsageError, match="decision at 5 ns, found none"):
        explain_time(home, 5)


def test_row_that_does_not_give_the_journalled_probability_is_refused(
    home: Home, journal: Path, seen: SessionFeatures, places: tuple[int, int]
) -> None:
    later = home.journal / "2027.bin"
    write_journal(later, home, seen, places, (np.nextafter(UP, 1), DOWN))
    try:
        with pytest.raises(DataError, match="as was journalled, found another row"):
            explain_order(home, 7)
    finally:
        later.unlink()
