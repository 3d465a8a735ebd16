"""Cards of credentials: whatever goes wrong, nothing that is written or printed holds a secret."""

import os
from pathlib import Path

import pytest

from tests.contract.cards import SHOWS, standin_only
from tests.contract.conftest import Open, Told
from tests.contract.recording import Recording

CANARY = "kanarie5Zw"  # part of every secret here
NAMES = ("key", "user", "password", "routing_password")
SECRETS = {name: f"{CANARY}-{name}" for name in NAMES}
KINDS = ["RequestRefused", "BrokerError", "TypeError"]  # what each wrong request ends in


@pytest.fixture(scope="module")
def told(opened: Open) -> tuple[list[Told], Path]:
    """A process that is locked out, and one that gets in and crashes."""
    made = Recording()
    made.trade()
    made.moment("open")
    made.moment("crash", "crash")
    environment = {f"PREGAO_PROFITDLL_{name.upper()}": secret for name, secret in SECRETS.items()}
    play = opened(made, SECRETS, **environment)
    assert play.venue is not None
    play.venue.wire.header["busy"] = 1
    out = play.run("secret_steps", "OUT")
    play.venue.wire.header["busy"] = 0
    return [out, play.run("secret_steps", "IN")], play.folder / "home"


@standin_only(SHOWS)
def test_s01_no_output_holds_a_secret(told: tuple[list[Told], Path]) -> None:
    """No exception, not even with the locals of its frames, no log and no dump of a crash shows key, user or
    password."""
    out, crashed = told[0]
    assert out["locked_out"] == "SecondSession"
    assert crashed["refused_requests"] == KINDS
    assert crashed.code < 0
    for one in (out, crashed):
        assert "Traceback" in one.output
        lines = [line for line in one.output.splitlines() if CANARY in line]
        assert lines == []
    assert "Fatal Python error" in crashed.output


@standin_only(SHOWS)
def test_s02_no_file_holds_a_secret(told: tuple[list[Told], Path]) -> None:
    """No file that a session leaves in its home holds key, user or password, in any encoding; nor do they name one."""
    written = [path for path in told[1].rglob("*") if path.is_file()]
    assert {"notices.ring", "events.ring"} <= {path.name for path in written}
    marks = [CANARY.encode(encoding) for encoding in ("utf-8", "utf-16-le")]
    assert [path for path in written if any(mark in path.read_bytes() for mark in marks)] == []
    assert not any(CANARY in os.fspath(path) for path in written)
