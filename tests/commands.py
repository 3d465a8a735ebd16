"""Run `pregao` as a process of its own, as users and schedulers do."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from market.home import Home

CHECKOUT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Ended:
    """How a command ended and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def answer(self) -> dict[str, Any]:
        """The one JSON object on standard output; anything beside it is an error of the test."""
        lines = self.out.splitlines()
        assert len(lines) == 1, f"expected one object, found {lines}; standard error ends in {self.err[-2000:]}"
        return dict(json.loads(lines[0]))


def environment_of(home: Home, **changes: str) -> dict[str, str]:
    """Return this process's environment with another home."""
    return {**os.environ, "PREGAO_HOME": str(home.root), "PREFECT_HOME": str(home.state / "prefect"), **changes}


def run_pregao(home: Home, *arguments: str, **changes: str) -> Ended:
    """Run a command to its end."""
    done = subprocess.run(
        [sys.executable, "-m", "cli", *arguments],
        capture_output=True, text=True, encoding="utf-8", check=False, cwd=CHECKOUT,
        env=environment_of(home, **changes),
    )  # fmt: skip
    return Ended(done.returncode, done.stdout, done.stderr)


def start_pregao(home: Home, *arguments: str, **changes: str) -> subprocess.Popen[str]:
    """Start a command that the test will end."""
    return subprocess.Popen(
        [sys.executable, "-m", "cli", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8", cwd=CHECKOUT,
        env=environment_of(home, **changes),
    )  # fmt: skip
