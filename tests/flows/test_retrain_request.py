"""A request to retrain: left, found, answered, and never lost to one that came meanwhile."""

import datetime as dt
from dataclasses import replace

import pytest

from flows.retrain_request import ASKED, REQUEST, RetrainRequest, answered, ask, asked_sessions, pending
from market.errors import ConfigError
from market.home import Home

FIRST = RetrainRequest("pregao-win-60s", "a" * 64, "2026-06-12", ("mean", "cost"))


def test_a_request_is_found_until_it_is_answered(home: Home) -> None:
    assert pending(home) is None
    ask(home, FIRST)
    assert pending(home) == FIRST
    answered(home, FIRST)
    assert pending(home) is None
    assert asked_sessions(home) == {FIRST.digest: dt.date(2026, 6, 12)}  # what asked does not ask again


def test_a_request_that_came_while_training_stays(home: Home) -> None:
    ask(home, FIRST)
    later = replace(FIRST, session="2026-06-15")
    ask(home, later)
    answered(home, FIRST)
    answered(home, None)
    assert pending(home) == later


def test_bundles_ask_apart(home: Home) -> None:
    ask(home, FIRST)
    ask(home, replace(FIRST, digest="b" * 64, session="2026-06-20"))
    assert asked_sessions(home) == {"a" * 64: dt.date(2026, 6, 12), "b" * 64: dt.date(2026, 6, 20)}


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"model": 1', '{"model": "m", "digest": "d", "session": "s"}'])
def test_a_damaged_request_is_refused(home: Home, text: str) -> None:
    home.state.mkdir(parents=True)
    (home.state / REQUEST).write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match="remove the file"):
        pending(home)


@pytest.mark.parametrize("text", ["", "[]", '{"a": "someday"}', '{"a": 3}'])
def test_damaged_memory_of_requests_is_refused(home: Home, text: str) -> None:
    home.state.mkdir(parents=True)
    (home.state / ASKED).write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match="remove the file"):
        asked_sessions(home)
