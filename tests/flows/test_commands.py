"""Commands as processes of their own: their object, their home, and why one has no answer."""

from flows.commands import run_command
from market.home import Home


def test_answer_is_of_the_home_that_was_named(home: Home) -> None:
    assert run_command(("init",), home.root)["home"] == str(home.root)


def test_a_no_comes_with_its_reason(home: Home) -> None:
    answer = run_command(("lake", "ls", "--no-such-option"), home.root)
    assert (answer["ok"], "No such option" in answer["reason"]) == (False, True)


def test_a_process_that_says_nothing_is_a_no(home: Home) -> None:
    answer = run_command(("lake", "ls", "--help"), home.root)
    assert answer == {"ok": False, "reason": ""}
