"""An inbox file is taken when nobody writes it any more, and goes where it ended, or is told to be still there."""

import os
from pathlib import Path

import pytest

from flows.sources.delivery import Delivery, take_delivery
from flows.sources.inbox import Inbox
from market.errors import ConfigError, LakeError
from market.home import Home
from market.lake import Lake
from tests.flows.collecting import DAY, minutes, put


def at(home: Home, seconds: float, quiet_s: float = 10.0) -> Inbox:
    """Return the inbox as it is seen so long after its one file was put there."""
    (path,) = (path for path in home.inbox.rglob("*") if path.is_file())
    moment = path.stat().st_ctime + seconds
    return Inbox(home.inbox, quiet_s, lambda: moment)


def only(home: Home, inbox: Inbox) -> Delivery:
    (delivery,) = inbox.deliveries(Lake(home.lake))
    return delivery


def take(home: Home, delivery: Delivery) -> tuple[str, str]:
    done = take_delivery(Lake(home.lake), "inbox", delivery)
    return done.status, done.reason


@pytest.mark.parametrize(
    "name",
    [
        "a.csv.part",
        "a.csv.PARTIAL",
        "a.csv.crdownload",
        "a.tmp",
        ".a.csv.Xa81b2",
        "~$a.xlsx",
        ".sync/a.csv",
        "b/.a.csv",
    ],
)
def test_a_name_that_says_unfinished_waits_until_it_is_the_final_one(home: Home, name: str) -> None:
    path = put(home, name, minutes(DAY))
    status, reason = take(home, only(home, at(home, 3600)))
    assert (status, reason) == (
        "waiting", "its name says that it is not finished; it is taken under its final name"
    )  # fmt: skip
    assert path.exists()
    assert not home.lake.exists()
    path.rename(home.inbox / "WDOK20_a.csv")
    assert take(home, only(home, at(home, 3600)))[0] == "imported"


def test_what_systems_put_into_folders_is_no_delivery(home: Home) -> None:
    for name in (".DS_Store", "b/Thumbs.db", "desktop.ini", ".gitkeep"):
        put(home, name, "x")
    assert list(Inbox(home.inbox, 0.0).deliveries(Lake(home.lake))) == []


def test_a_file_that_changed_within_the_quiet_time_waits_and_the_next_run_takes_it(home: Home) -> None:
    put(home, "WDOK20_a.csv", minutes(DAY, 200))
    assert take(home, only(home, at(home, 9.5))) == (
        "waiting", "it changed 10 s ago; it is taken once it was left alone for 10 s"
    )  # fmt: skip
    assert not home.lake.exists()
    assert take(home, only(home, at(home, 10.5))) == ("imported", "")


def test_a_copy_that_bears_its_originals_time_is_as_young_as_the_copy(home: Home) -> None:
    path = put(home, "WDOK20_a.csv", minutes(DAY))
    os.utime(path, (0, 1_585_900_000))
    assert take(home, only(home, at(home, 2)))[0] == "waiting"
    os.utime(path, (0, path.stat().st_ctime + 1e6))  # from a machine whose clock is ahead
    assert take(home, only(home, at(home, 2)))[0] == "waiting"
    assert take(home, only(home, at(home, 11)))[0] == "imported"


def test_a_file_that_grows_between_two_looks_waits_whatever_its_time_says(home: Home) -> None:
    path = put(home, "WDOK20_a.csv", minutes(DAY, 200))
    delivery = only(home, at(home, 3600))
    stamp = path.stat()
    path.write_text(minutes(DAY, 300))
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert take(home, delivery) == ("waiting", "it is changing; the next run takes it")
    assert not home.lake.exists()


def test_an_empty_file_waits_for_what_will_be_written(home: Home) -> None:
    put(home, "WDOK20_a.csv", "")
    assert take(home, only(home, at(home, 3600)))[0] == "waiting"
    put(home, "WDOK20_a.csv", minutes(DAY))
    assert take(home, only(home, at(home, 3600)))[0] == "imported"


@pytest.mark.parametrize("error", [PermissionError(13, "Permission denied"), FileNotFoundError(2, "No such file")])
def test_a_file_that_cannot_be_opened_or_is_gone_waits(
    home: Home, monkeypatch: pytest.MonkeyPatch, error: OSError
) -> None:
    put(home, "WDOK20_a.csv", minutes(DAY))
    delivery = only(home, at(home, 3600))

    def held(self: Path, *_: object) -> None:
        raise error

    monkeypatch.setattr(Path, "open", held)
    status, reason = take(home, delivery)
    assert status == "waiting"
    assert reason.startswith(f"it cannot be opened ({error.strerror})")


def test_a_file_that_changes_while_it_is_read_stays_and_is_taken_again(home: Home) -> None:
    path = put(home, "WDOK20_a.csv", minutes(DAY, 200))
    delivery = only(home, at(home, 3600))

    class Grows(Lake):
        def commit(self, *arguments):  # type: ignore[no-untyped-def]
            added = super().commit(*arguments)
            path.write_text(minutes(DAY))
            return added

    done = take_delivery(Grows(home.lake), "inbox", delivery)
    assert (done.status, done.reason) == (
        "unmoved", "imported; it changed while it was read; the next run takes it again"
    )  # fmt: skip
    assert take(home, only(home, at(home, 3600)))[0] == "imported"
    assert Lake(home.lake).read_bars("WDOK20", DAY, 60).size == 540
    assert not path.exists()


def held_elsewhere(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    """Let a file be as on Windows while another program has it open: it can be read but not moved."""
    real = Path.replace

    def replace(self: Path, target: Path) -> Path:
        if self == path:
            raise PermissionError(13, "The process cannot access the file", str(path))
        return real(self, target)

    monkeypatch.setattr(Path, "replace", replace)


def test_an_original_that_cannot_be_moved_is_told_and_moved_by_the_next_run(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put(home, "WDOK20_a.csv", minutes(DAY))
    with monkeypatch.context() as patch:
        held_elsewhere(patch, path)
        for told in ("imported", "unchanged"):
            status, reason = take(home, only(home, at(home, 3600)))
            assert status == "unmoved"
            assert reason.startswith(f"{told}; it could not be moved to {home.inbox / 'imported'}")
            assert "The process cannot access the file" in reason
            assert path.exists()
    assert take(home, only(home, at(home, 3600)))[0] == "unchanged"
    assert [p.name for p in home.inbox.rglob("*") if p.is_file()] == ["WDOK20_a.csv"]
    assert (home.inbox / "imported" / "WDOK20_a.csv").is_file()


def test_a_refused_original_that_cannot_be_moved_is_refused_again(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    path = put(home, "notes.txt", "nothing to trade on\n")
    with monkeypatch.context() as patch:
        held_elsewhere(patch, path)
        status, reason = take(home, only(home, at(home, 3600)))
        assert status == "refused"
        assert "it could not be moved to" in reason
        assert [p.name for p in home.inbox.rglob("*") if p.is_file()] == ["notes.txt"]
    assert take(home, only(home, at(home, 3600)))[0] == "refused"
    assert sorted(p.name for p in (home.inbox / "refused").iterdir()) == ["notes.txt", "notes.txt.reason.txt"]


@pytest.mark.parametrize("error", [LakeError("another process is writing"), ConfigError("declared otherwise")])
def test_a_lake_that_is_held_or_a_wrong_setting_does_not_refuse_the_file(home: Home, error: Exception) -> None:
    class Unusable(Lake):
        def commit(self, *arguments):  # type: ignore[no-untyped-def]
            raise error

    path = put(home, "WDOK20_a.csv", minutes(DAY))
    done = take_delivery(Unusable(home.lake), "inbox", only(home, at(home, 3600)))
    assert (done.status, done.reason) == ("failed", str(error))
    assert path.exists()
