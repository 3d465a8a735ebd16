"""Cards of logins: whoever is not let in is told why in one sentence, and nothing stays half open."""

import json
import time

import pytest

from live.profitdll.standin.wire import RequestKind
from tests.contract.cards import BLOCKS, FAULT, SETTING, VENDOR, standin_only
from tests.contract.conftest import Open, Play, Told
from tests.contract.recording import Recording


@pytest.fixture(scope="module")
def play(opened: Open) -> Play:
    made = Recording()
    made.trade()
    made.moment("end")
    made.faults.append({"fault": "license_lost", "login": 4, "ms": 200})
    return opened(made)


@pytest.fixture(scope="module")
def refused(play: Play) -> dict[str, Told]:
    """Logins one after the other from one home: two are refused, the third gets in, the fourth loses its licence."""
    wrong = {"password": {"PREGAO_PROFITDLL_PASSWORD": "not-it"}, "key": {"PREGAO_PROFITDLL_KEY": "EXPIRED-KEY"}}
    told = {name: play.run("login_steps", "ENTER", **changed) for name, changed in wrong.items()}
    told["right"] = play.run("login_steps", "ENTER")
    told["license"] = play.run("login_steps", "LICENSE")
    return told


def said_by(told: Told) -> str:
    """Return the sentence of a refused login; it is one."""
    kind, said = told["enter"]["said"]
    assert kind == "LoginRefused"
    assert "\n" not in said
    return said


@standin_only(BLOCKS)
def test_l01_wrong_password(refused: dict[str, Told]) -> None:
    """A wrong password is told as one, with the variable to correct, and the password itself is not told."""
    said = said_by(refused["password"])
    assert "expected the login's password, found a wrong one; correct PREGAO_PROFITDLL_PASSWORD" in said
    assert "not-it" not in refused["password"].output


@standin_only(BLOCKS)
def test_l02_expired_key(refused: dict[str, Told]) -> None:
    """An expired or unknown activation key is told as that, and to renew it at the vendor."""
    said = said_by(refused["key"])
    assert "activation key: expected a valid one, found an expired or invalid key; renew it at the vendor" in said
    assert "EXPIRED-KEY" not in refused["key"].output


@standin_only(SETTING)
def test_l03_no_market_data(opened: Open) -> None:
    """A login without permission for market data is told so within seconds, and to ask the broker for it; another login
    of the same home is not kept out by the first."""
    play = opened(Recording(), {"market_result": 3}, PREGAO_CONTRACT_PATIENCE_S="4")
    for _ in range(2):
        said = said_by(play.run("login_steps", "ENTER"))
        assert "market data: expected a permission, found a login without one; ask the broker for market data" in said


@standin_only(BLOCKS)
def test_l04_nothing_half_open(refused: dict[str, Told], play: Play) -> None:
    """A refused login is ended at once, and the next one of the same home and key gets in."""
    assert refused["right"]["enter"]["said"] == ["", "connected"]
    assert play.venue is not None
    asked = play.venue.wire.requests["kind"][: int(play.venue.wire.header["request_head"][0])]
    assert asked[:4].tolist() == [RequestKind.LOGIN, RequestKind.FINALIZE] * 2


@standin_only(FAULT)
def test_l05_license_lost(refused: dict[str, Told]) -> None:
    """A licence that turns out not to hold after a full connect is told as a refused login, not as a lost
    connection."""
    before, after = refused["license"]["lose_license"]
    assert before[0] == ""
    assert after[0] == "LoginRefused"


def test_l06_second_login(opened: Open) -> None:
    """A second login of the key, from another process and another home, is refused in one sentence; the first lives
    on."""
    made = Recording()
    made.trade()
    made.moment("end")
    play = opened(made)
    first = play.start("login_steps", "HOLD")
    assert first.stdout is not None
    assert json.loads(first.stdout.readline())[1]["said"] == ["", "connected"]
    found = play.run("login_steps", "ENTER", home="other")["enter"]
    assert found["said"][0] == "SecondSession"
    assert "the activation key is in use already" in found["said"][1]
    same = play.run("login_steps", "ENTER")["enter"]
    assert same["said"][0] == "SecondSession"
    assert "found one that holds this lock" in same["said"][1]
    if play.venue is not None:
        until = time.monotonic() + 10
        while play.venue.wire.header["request_head"][0] < 2 and time.monotonic() < until:
            time.sleep(0.01)
        play.venue.wire.header["released"] = made.moments["end"]
    alive, states = play.end(first)["hold"]
    assert alive is True
    assert states["market"] == (states["market"] if VENDOR else 4)
