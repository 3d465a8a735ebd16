"""The week on one page: only its own days, and a page that opens without a network."""

import datetime as dt
import json
from pathlib import Path

import pytest

from cli.output import KEYS
from flows.retrain_request import RetrainRequest
from flows.weekly_review import Trained, Week, drift_between, review_job, traded_between, write_page
from market.errors import UsageError
from market.home import Home
from tests.flows.test_session_results import DAY, ROUND_TRIP, write_journal

FIRST, LAST = DAY, DAY + dt.timedelta(days=6)


def test_only_sessions_of_the_week_are_told(home: Home) -> None:
    for name, day in (("before", DAY - dt.timedelta(days=1)), ("first", FIRST), ("last", LAST)):
        home.journal.mkdir(parents=True, exist_ok=True)
        write_journal(home.journal / f"paper-{name}.bin", "any", ROUND_TRIP, day)
    traded = traded_between(home, FIRST, LAST)
    assert [one.day for one in traded] == [FIRST.isoformat(), LAST.isoformat()]
    assert (traded[0].decisions, traded[0].fills, traded[0].fees_reais) == (2, 2, 2.0)


def test_drift_of_other_weeks_is_left_out(home: Home) -> None:
    assert drift_between(home, FIRST, LAST) == []
    path = home.artifacts / "drift" / "drift.json"
    path.parent.mkdir(parents=True)
    sessions = [{"session": day, "causes": ["mean"]} for day in ("2026-06-05", "2026-06-09")]
    path.write_text(json.dumps({"sessions": sessions}), encoding="utf-8")
    assert drift_between(home, FIRST, LAST) == sessions[1:]


def week(*drift: dict[str, object]) -> Week:
    request = RetrainRequest("pregao-win-60s", "a" * 64, "2026-06-09", ("cost",))
    trained = Trained("pregao-<win>", 4, "2026-06-09", ("challenger",), 15, 17)
    return Week(FIRST, LAST, (trained,), (), tuple(drift), request, ())


def test_page_tells_it_in_both_languages_and_needs_no_network(tmp_path: Path) -> None:
    write_page(tmp_path / "week.html", week({"session": "2026-06-09", "causes": ["cost", "mean"]}))
    page = (tmp_path / "week.html").read_text(encoding="utf-8")
    for told in ("15 / 17", "challenger", "custo de execução", "cost of execution", "novo treino pedido", "2026-06-09"):
        assert told in page
    assert "pregao-&lt;win&gt; 4" in page
    assert "Nada nesta semana" in page  # nothing was traded
    assert "://" not in page


def test_answer_has_the_keys_of_the_contract() -> None:
    assert {*week().as_dict(), "page"} == set(KEYS["weekly-review"])


def test_a_wrong_date_is_refused(home: Home) -> None:
    with pytest.raises(UsageError, match="expected a date as 2026-06-12, found 'soon'"):
        review_job(home, "soon")
