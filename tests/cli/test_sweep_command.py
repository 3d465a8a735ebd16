"""`pregao sweep`: every pair once, the best first, and no result without the count of trials."""

from collections.abc import Callable
from typing import Any

import pytest

from market.home import Home
from tests.cli.conftest import RunCommand
from tests.homes import MARKET, fill_lake

Ask = Callable[..., tuple[int, dict[str, Any]]]
PAIRS = ("--stop", "1,2", "--target", "3,1.5,3")


@pytest.mark.parametrize("kind", ["events", "bars"])
def test_every_pair_is_told_once_and_the_best_first(home: Home, ask: Ask, kind: str) -> None:
    fill_lake(home, kind)
    code, found = ask("sweep", MARKET.symbol, *PAIRS)
    assert (code, found["ok"], found["trials"], found["unit"]) == (0, True, 4, "atr")
    assert (found["first"], found["last"]) == (str(MARKET.days()[0]), str(MARKET.days()[-1]))
    pairs = found["pairs"]
    assert sorted((one["stop"], one["target"]) for one in pairs) == [(1, 1.5), (1, 3), (2, 1.5), (2, 3)]
    assert [one["net"] for one in pairs] == sorted((one["net"] for one in pairs), reverse=True)
    assert all(one["round_trips"] > 0 and one["fees"] > 0 for one in pairs)
    assert len({one["net"] for one in pairs}) > 1


def test_people_are_told_of_the_trials_and_of_too_few_round_trips(home: Home, run: RunCommand) -> None:
    fill_lake(home, "bars")
    done = run("sweep", MARKET.symbol.lower(), *PAIRS, "--unit", "ticks", "--from", str(MARKET.days()[1]))
    assert done.code == 0
    lines = done.out.splitlines()
    assert lines[0].startswith(f"{MARKET.symbol}: 3 sessions, ")
    assert lines[1].split() == ["stop", "target", "net", "round", "trips", "drawdown", "Sharpe"]
    assert any(line.startswith("4 trials, and those of earlier sweeps count too") for line in lines)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (("--stop", "1,x"), "expected numbers as 1,1.5,2, found '1,x'"),
        (("--stop", "0"), "expected stops and targets above 0"),
        (("--from", "2031"), "expected recorded sessions from 2031-01-01"),
    ],
)
def test_what_cannot_be_swept_is_refused(home: Home, run: RunCommand, given: tuple[str, str], expected: str) -> None:
    fill_lake(home, "bars")
    done = run("sweep", MARKET.symbol, *given)
    assert done.code == 2 or "2031" in expected
    assert expected in done.err
