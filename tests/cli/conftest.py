"""Commands run in this process, in a home of their own."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli.main import main
from market.home import Home
from tests.commands import Ended

RunCommand = Callable[..., Ended]


@pytest.fixture
def run(home: Home, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> RunCommand:
    """Run a command line and return its exit code and what it wrote, on the level of file descriptors."""
    monkeypatch.setenv("PREGAO_HOME", str(home.root))

    def run_command(*arguments: str | Path) -> Ended:
        capfd.readouterr()
        code = main([str(argument) for argument in arguments])
        return Ended(code, *capfd.readouterr())

    return run_command


@pytest.fixture
def ask(run: RunCommand) -> Callable[..., tuple[int, dict[str, Any]]]:
    """Run a command line with --json and return its exit code and its one object."""

    def ask_command(*arguments: str | Path) -> tuple[int, dict[str, Any]]:
        done = run(*arguments, "--json")
        assert json.loads(done.out) == done.answer
        return done.code, done.answer

    return ask_command
