"""What else is traded over a fold's sessions: each threshold, and the champion where it was not trained."""

import datetime as dt
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from flows.stages import alternatives
from flows.stages.alternatives import Span, trade_champion, trade_grid
from flows.stages.standing import Standing, champion_folder, store_standing
from market.errors import BundleRefused
from market.home import Home
from registry.bundle import load_bundle
from registry.signing import public_key
from tests.homes import STRATEGY, install_model
from trading.policy import RiskLimits

FIRST = dt.date(2026, 6, 1)
DAYS = tuple(FIRST + dt.timedelta(days=number) for number in range(5))
NAME = "pregao-win-60s"
NOTHING = {"sessions": [], "net": [], "outdated": "", "missing": ""}


def earned(_dataset: Any, _limits: Any, span: Any) -> Any:
    """Earn the sum of the thresholds, and the day of the month."""
    theta = span.bundle.model.policy["theta"]
    assert theta.shape == (1, 3)
    return SimpleNamespace(session_pnl=lambda: np.array([theta.sum() * 100 + day.day for day in span.days]))


@pytest.fixture
def _traded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alternatives, "trade", earned)


def spans(home: Home) -> list[Span]:
    """Two folds with the bundle of a small model."""
    bundle = load_bundle(install_model(home), public_key(home.keys))
    return [Span(bundle, DAYS[:2]), Span(bundle, DAYS[2:])]


@pytest.mark.usefixtures("_traded")
def test_each_threshold_is_a_column_and_each_session_a_row(home: Home) -> None:
    folds = spans(home)
    before = folds[0].bundle.model.policy.copy()
    found = trade_grid(cast(Any, None), RiskLimits(), folds, (0.1, 0.4))
    # Three regimes ask for the threshold: 100 x 3 x 0.1 is 30.
    assert found.tolist() == pytest.approx(np.array([[30.0 + day, 120.0 + day] for day in (1, 2, 3, 4, 5)]))
    assert folds[0].bundle.model.policy == before


def test_without_a_champion_nothing_is_traded(home: Home) -> None:
    told = trade_champion(home, cast(Any, None), RiskLimits(), NAME, DAYS)
    assert told == {"version": None, **NOTHING}


def standing_champion(home: Home) -> Path:
    """Make a signed bundle the champion to beat."""
    folder = champion_folder(home, NAME)
    folder.parent.mkdir(parents=True)
    install_model(home).rename(folder)
    store_standing(home, NAME, Standing(champion=4))
    return folder


@pytest.mark.usefixtures("_traded")
def test_champion_trades_only_what_it_was_not_trained_on(home: Home) -> None:
    """Its bundle says 5 June; of the sessions given only those after it remain."""
    standing_champion(home)
    days = [FIRST + dt.timedelta(days=number) for number in range(3, 7)]  # 4 to 7 June
    told = trade_champion(home, cast(Any, None), RiskLimits(), NAME, days)
    level = 100 * sum(STRATEGY.theta)
    assert told == {
        "version": 4,
        "sessions": ["2026-06-06", "2026-06-07"],
        "net": pytest.approx([level + 6, level + 7]),
        "outdated": "",
        "missing": "",
    }
    assert trade_champion(home, cast(Any, None), RiskLimits(), NAME, days[:2])["sessions"] == []


def test_champion_of_another_format_is_outdated_and_an_altered_one_is_refused(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = standing_champion(home)
    monkeypatch.setattr("registry.bundle.FORMAT", 7)
    told = trade_champion(home, cast(Any, None), RiskLimits(), NAME, DAYS)
    assert "expected bundle format 7, found 6" in told.pop("outdated")
    assert told == {"version": 4, "sessions": [], "net": [], "missing": ""}
    model = folder / "model.npz"
    model.write_bytes(model.read_bytes()[:-1])
    with pytest.raises(BundleRefused, match="found other bytes"):
        trade_champion(home, cast(Any, None), RiskLimits(), NAME, DAYS)


def test_champion_that_the_registry_lost_is_named_and_not_traded(home: Home) -> None:
    store_standing(home, NAME, Standing(champion=4, champion_missing="no files"))
    told = trade_champion(home, cast(Any, None), RiskLimits(), NAME, DAYS)
    assert told == {"version": 4, **NOTHING, "missing": "no files"}
