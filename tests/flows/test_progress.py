"""Progress goes to standard error: a bar for people, a line now and then for logs."""

import contextlib
import io

import pytest

from flows.progress import steps


class Terminal(io.StringIO):
    """A standard error that a person looks at."""

    def isatty(self) -> bool:
        return True


def shown(stream: io.StringIO, quiet_after_s: float) -> str:
    with contextlib.redirect_stderr(stream):
        assert list(steps(["a", "b", "c"], "folds", quiet_after_s)) == ["a", "b", "c"]
    return stream.getvalue()


def test_log_gets_whole_lines_and_nothing_that_moves() -> None:
    assert shown(io.StringIO(), quiet_after_s=-1.0) == "folds: 1 of 3\nfolds: 2 of 3\nfolds: 3 of 3\n"


def test_short_work_says_nothing_in_a_log() -> None:
    assert shown(io.StringIO(), quiet_after_s=60.0) == ""


def test_terminal_gets_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    assert "folds" in shown(Terminal(), quiet_after_s=60.0)


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_no_items_are_no_work(stream: type[io.StringIO]) -> None:
    with contextlib.redirect_stderr(stream()):
        assert list(steps([], "folds")) == []


def test_standard_output_stays_free(capfd: pytest.CaptureFixture[str]) -> None:
    list(steps(["a"], "folds", -1.0))
    assert capfd.readouterr() == ("", "folds: 1 of 1\n")


def test_item_is_counted_only_when_its_work_is_done() -> None:
    stream = io.StringIO()
    with contextlib.redirect_stderr(stream):
        walk = steps(["a", "b"], "folds", -1.0)
        next(walk)
        assert stream.getvalue() == ""
        next(walk)
        assert stream.getvalue() == "folds: 1 of 2\n"
