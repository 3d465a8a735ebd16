"""The drift check on a recorded market, by the reference its bundle carries."""

import datetime as dt
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cli.output import KEYS
from flows.drift import DriftResult, conclude
from flows.parameters import DataParams, Parameters
from flows.retrain_request import asked_sessions, pending
from flows.stages.drift import run
from flows.stages.features import compute_rows
from flows.stages.labels import label_rows
from market.errors import NotEnoughData, UsageError
from market.home import Home
from market.synthetic import SyntheticMarket
from models.drift import Cause, DriftLimits
from models.reference import RESULT, Observed, Reference, build_reference
from registry.bundle import install, load_bundle, write_bundle
from registry.installed import open_feed
from registry.signing import load_private_key, public_key
from tests.homes import fill_lake, install_model

MARKET = SyntheticMarket(symbol="WINQ26", sessions=17, seed=21, trades_per_session=600)
TRAINED = 11
PARAMETERS = Parameters(DataParams("WINQ26", "bars"), drift=DriftLimits(current_sessions=3))


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, Path]:
    """A home with seventeen sessions and a bundle without a reference."""
    home = Home(tmp_path_factory.mktemp("drift"))
    fill_lake(home, "bars", MARKET)
    return home, install_model(home, "bars")


def reference_of(home: Home, folder: Path, deviations: float = 0.0) -> Reference:
    """Condense the first sessions, with features that lie so many deviations higher than they did."""
    bundle = load_bundle(folder, public_key(home.keys))
    feed = open_feed(home, bundle, None)
    table = compute_rows(bundle.schema, feed, MARKET.days()[:TRAINED])
    rows = (table.rows + deviations * np.nanstd(table.rows, axis=0)).astype(np.float32)
    label = label_rows(table, PARAMETERS, feed)["label"]
    return build_reference(Observed(rows, table.session, label, np.full(len(rows), np.nan)), np.zeros(0, RESULT))


def with_reference(home: Home, folder: Path, reference: Reference, draft: Path) -> Path:
    """Sign the bundle again, trained on the first sessions and with a reference."""
    plain = load_bundle(folder, public_key(home.keys))
    lineage = replace(plain.manifest.lineage, last_session=MARKET.days()[TRAINED - 1].isoformat())
    key = load_private_key(home.keys, use_keyring=False)
    write_bundle(
        draft, replace(plain.manifest, lineage=lineage, files={}), plain.model, plain.golden.rows, key, reference
    )
    return install(draft, home.bundles, key.public)


def test_sessions_like_those_of_training_ask_for_nothing(filled: tuple[Home, Path], tmp_path: Path) -> None:
    home, folder = filled
    bundle = with_reference(home, folder, reference_of(home, folder), tmp_path / "calm")
    report = run(home, PARAMETERS, bundle, None, {})
    assert report.days == tuple(MARKET.days()[TRAINED:])
    assert [day.session for day in report.watched] == [(day - dt.date(1970, 1, 1)).days for day in report.days[2:]]
    assert report.asking is None
    assert report.journalled == 0
    assert report.classifier is not None
    json.dumps(report.as_dict(), allow_nan=False)


def test_a_series_is_judged_by_the_bundle_that_a_runner_takes(filled: tuple[Home, Path], tmp_path: Path) -> None:
    home, folder = filled
    other = with_reference(home, folder, reference_of(home, folder, 0.1), tmp_path / "newest")
    assert run(home, PARAMETERS, None, "winq26", {}).digest == other.name


def test_moved_inputs_ask_once_and_leave_a_request_and_a_page(filled: tuple[Home, Path], tmp_path: Path) -> None:
    home, folder = filled
    bundle = with_reference(home, folder, reference_of(home, folder, 3.0), tmp_path / "moved")
    report = run(home, PARAMETERS, bundle, None, {})
    assert report.asking is not None
    assert Cause.MEAN in report.asking.asks
    done: DriftResult = conclude(home, report)
    request = pending(home)
    assert request is not None
    assert request.digest == report.digest
    assert done.as_dict()["request"] == {"session": request.session, "causes": [*request.causes]}
    assert set(done.as_dict()) == set(KEYS["drift"])
    page = done.page.read_text(encoding="utf-8")
    assert "O mercado deixou o do treino" in page
    assert "The market has left that of training" in page
    assert "://" not in page
    asked = asked_sessions(home)
    with pytest.raises(NotEnoughData, match="the last request, found"):
        run(home, PARAMETERS, bundle, None, {report.digest: asked[report.digest] + dt.timedelta(days=3)})


def test_a_bundle_without_a_reference_is_refused(filled: tuple[Home, Path]) -> None:
    home, folder = filled
    with pytest.raises(UsageError, match="expected a reference of its training sessions"):
        run(home, PARAMETERS, folder, None, {})
