"""Commands as processes of their own: their object, their home, and why one has no answer."""

import datetime as dt
import os
import sys
import time
from pathlib import Path

import psutil
import pytest

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


@pytest.mark.skipif(os.name == "nt", reason="the command that hangs is a shell script")
def test_command_that_hangs_is_ended_with_all_that_it_started(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hanging = tmp_path / "hanging"
    hanging.write_text(f"#!/bin/sh\nsh -c 'sleep 600 & echo $! > {tmp_path}/pid; wait' &\nwait\n", encoding="ascii")
    hanging.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(hanging))
    began = time.monotonic()
    answer = run_command(("retrain",), home.root, dt.timedelta(seconds=0.5))
    assert time.monotonic() - began < 60.0
    assert answer["ok"] is False
    assert "pregao retrain: expected an end within 0:00:00.500000, found it running" in answer["reason"]
    assert not psutil.pid_exists(int((tmp_path / "pid").read_text()))
