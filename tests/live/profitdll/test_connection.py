"""Logging in to a real C library: states, refusals, locks and the end."""

import json

import pytest

from live.profitdll.abi import Wide
from live.profitdll.credentials import Credentials, Secret, find_credentials
from market.errors import LoginRefused
from market.home import Home
from tests.live.profitdll.vendor import CANARY, CREDENTIALS, answer_of, run_child

TRY = """
from market.errors import PregaoError
try:
    connection = open_connection(home, library, patience_s=1.0)
except PregaoError as error:
    vendor = Vendor(library)
    print(json.dumps([type(error).__name__, str(error), vendor.said()]))
    end()
print(json.dumps(["connected", connection.states(), Vendor(library).said()]))
end()
"""
GOOD = "state 0 0\nstate 3 0\nstate 2 4\n"


def test_market_login_is_ready_and_sets_what_it_needs(home: Home) -> None:
    kind, states, said = answer_of(run_child(TRY, home))
    assert (kind, states) == ("connected", {"login": 0, "routing": 5, "market": 4, "activation": 0})
    sizes = [len(f"{CANARY}-{name}") for name in ("key", "user", "pass")]
    assert said == ["DLLInitializeMarketLogin 0000", f"login {sizes[0]} {sizes[1]} {sizes[2]}"]


def test_routing_login_waits_for_the_broker(home: Home) -> None:
    body = TRY.replace("patience_s=1.0", "patience_s=1.0, routing=True")
    kind, _, said = answer_of(run_child(body, home))
    assert kind == "connected"
    assert said[0] == "DLLInitializeLogin 000000"
    assert said[-1] == "SetEnabledHistOrder 1"
    kind, message, said = answer_of(run_child(body, home, VENDOR_SCRIPT=GOOD + "state 1 2"))
    assert kind == "NotConnected"
    assert "found routing 2;" in message
    assert said[-1] == "DLLFinalize"


@pytest.mark.parametrize(
    ("script", "found"),
    [
        ("state 0 2", "expected the login's password, found a wrong one; correct PREGAO_PROFITDLL_PASSWORD"),
        ("state 0 1", "found an invalid one"),
        ("state 0 3", "found a blocked password"),
        ("state 0 4", "found an expired password"),
        ("state 0 200", "every login of the key in use"),
        ("state 0 99", "an error of the vendor"),
        ("state 0 0\nstate 3 1", "activation key: expected a valid one, found an expired or invalid key"),
        ("state 0 0\nstate 3 0\nstate 2 3", "market data: expected a permission"),
    ],
)
def test_refused_login_says_why_and_is_ended(home: Home, script: str, found: str) -> None:
    kind, message, said = answer_of(run_child(TRY, home, VENDOR_SCRIPT=script))
    assert kind == "LoginRefused"
    assert found in message
    assert "\n" not in message
    assert said[-1] == "DLLFinalize"


def test_handshake_that_does_not_end_names_what_is_missing(home: Home) -> None:
    kind, message, said = answer_of(run_child(TRY, home, VENDOR_SCRIPT="state 0 0\nstate 2 1"))
    assert kind == "NotConnected"
    assert "within 1 s, found activation -1, market 1;" in message
    assert said[-1] == "DLLFinalize"


def test_initialisation_that_fails_is_told_by_its_code(home: Home) -> None:
    kind, message, _ = answer_of(run_child(TRY, home, VENDOR_INIT="-2147483647"))
    assert kind == "SecondSession"
    assert "the activation key is in use already" in message


def test_finalise_that_hangs_ends_in_time(home: Home) -> None:
    body = """
from market.errors import NoAnswer
connection = open_connection(home, library, finalise_s=0.3)
started = time.monotonic()
try:
    connection.close()
except NoAnswer as error:
    print(json.dumps([time.monotonic() - started, str(error)]))
connection.close()
end()
"""
    taken, message = answer_of(run_child(body, home, VENDOR_FINALISE="30"))
    assert taken < 5
    assert "end the process" in message


def test_second_login_is_refused_in_this_process_and_in_another(home: Home) -> None:
    body = """
import subprocess
from market.errors import SecondSession
connection = open_connection(home, library)
again = []
try:
    open_connection(home, library)
except SecondSession as error:
    again.append(str(error))
other = subprocess.run([sys.executable, "-c", sys.argv[1]], capture_output=True, text=True)
again.append(other.stdout + other.stderr[-300:])
connection.close()
try:
    open_connection(home, library)
except SecondSession as error:
    again.append(str(error))
third = subprocess.run([sys.executable, "-c", sys.argv[1]], capture_output=True, text=True)
again.append(third.stdout + third.stderr[-300:])
print(json.dumps(again)); end()
"""
    inner = f"""
from pathlib import Path
from market.errors import SecondSession
from market.home import Home
from tests.live.profitdll.vendor import build_vendor, end, open_connection
try:
    open_connection(Home(Path({str(home.root)!r})), build_vendor())
    print("connected")
except SecondSession as error:
    print(error)
end()
"""
    here, there, closed, freed = answer_of(run_child(f"sys.argv.append({inner!r})\n" + body, home))
    assert "found one that holds this lock" in here
    assert "found one that holds this lock" in there
    assert "expected one initialisation in a process" in closed
    assert freed.strip() == "connected"


def test_lock_of_a_killed_runner_is_free(home: Home) -> None:
    killed = run_child("open_connection(home, library); os.kill(os.getpid(), 9)", home)
    assert killed.returncode == -9
    assert answer_of(run_child(TRY, home))[0] == "connected"


def test_secret_shows_itself_to_nobody() -> None:
    secret = CREDENTIALS.password
    shown = [repr(secret), str(secret), f"{secret}", f"{secret!r:>20}", repr(CREDENTIALS), str([secret])]
    assert not [text for text in shown if CANARY in text]
    with pytest.raises(TypeError, match="not serialised"):
        __import__("pickle").dumps(secret)
    with pytest.raises(TypeError):
        json.dumps(secret)
    for text in ("\ud800" + CANARY, "\0" + CANARY):
        with pytest.raises(ValueError) as caught:
            Wide.from_param(text)
        assert CANARY not in f"{caught.value!r} {caught.value.__context__!s} {caught.value.args}"


@pytest.mark.parametrize(
    ("script", "body"),
    [
        ("state 0 2", "open_connection(home, library)"),
        (GOOD, "connection = open_connection(home, library); 1 / 0"),
        (GOOD, "connection = open_connection(home, library); Vendor(library).play('crash')"),
        (GOOD, "connection = open_connection(home, library); print(vars(connection), CREDENTIALS); end()"),
    ],
)
def test_no_output_of_a_process_that_ends_badly_holds_a_secret(home: Home, script: str, body: str) -> None:
    done = run_child(body, home, VENDOR_SCRIPT=script)
    assert CANARY not in done.stdout + done.stderr
    written = [path for path in home.root.rglob("*") if path.is_file() and CANARY.encode() in path.read_bytes()]
    assert written == []


def test_credentials_come_from_the_environment_and_a_missing_one_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("live.profitdll.credentials._from_keyring", lambda name: {"user": "from keyring"}.get(name))
    environment = {"PREGAO_PROFITDLL_KEY": "k", "PREGAO_PROFITDLL_PASSWORD": "p"}
    found = find_credentials(environment, routing=False)
    assert found == Credentials(Secret("k"), Secret("from keyring"), Secret("p"))
    with pytest.raises(LoginRefused, match=r"expected routing password in PREGAO_PROFITDLL_ROUTING_PASSWORD"):
        find_credentials(environment, routing=True)


def test_process_that_ends_while_the_feed_runs_ends_well(home: Home) -> None:
    """The library's thread goes on after Python's clean-up has begun; what it uses is never freed."""
    done = run_child(
        """
from datetime import date
from live.profitdll.market import Market
connection = open_connection(home, library)
Market(connection, date(2026, 11, 20)).subscribe("WDOZ26")
deadline = time.monotonic() + 5
while connection.events.head == 0 and time.monotonic() < deadline:
    time.sleep(0.001)
print(connection.events.head > 0)
sys.exit(7)
""",
        home, VENDOR_SCRIPT=GOOD + "sleep 300\nstorm 1000000000",
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (7, "True\n"), done.stderr[-2000:]
