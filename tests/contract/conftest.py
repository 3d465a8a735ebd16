"""A venue with a recorded session, and desks: processes that log in to it and take the steps of cards."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from live.profitdll.standin.build import build
from live.profitdll.standin.launch import Launched, launch
from market.errors import UsageError
from tests.commands import CHECKOUT
from tests.contract.cards import VENDOR
from tests.contract.recording import Recording

# The stand-in's own login and simulator; with the vendor's file the user's environment names all of these.
STANDIN = {
    "PREGAO_PROFITDLL_KEY": "STANDIN-KEY", "PREGAO_PROFITDLL_USER": "trader@example.com",
    "PREGAO_PROFITDLL_PASSWORD": "login-password", "PREGAO_PROFITDLL_ROUTING_PASSWORD": "routing-password",
    "PREGAO_CONTRACT_TICKER": "WDON26", "PREGAO_CONTRACT_DAY": "2026-06-01", "PREGAO_CONTRACT_BROKER": "15011",
    "PREGAO_CONTRACT_ACCOUNT": "SIM700123", "PREGAO_CONTRACT_SIMULATOR": "Simulador Nelogica",
    "PREGAO_CONTRACT_PATIENCE_S": "20",
}  # fmt: skip


@dataclass
class Told:
    """What a desk told before it ended, by step, and how it ended."""

    answers: dict[str, Any]
    code: int
    output: str

    def __getitem__(self, step: str) -> Any:
        if step not in self.answers:
            pytest.fail(f"{step}: the desk ended with {self.code} before it came to it\n{self.output[-3000:]}")
        found = self.answers[step]
        if isinstance(found, dict) and "error" in found:
            pytest.fail(f"{step}: {found['error']}")
        return found


@dataclass
class Play:
    """A library, the venue behind it if there is one, and the desks that log in."""

    library: Path
    folder: Path
    venue: Launched | None = None
    moments: Mapping[str, int] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)

    def start(self, module: str, *steps: str, home: str = "home", **changes: str) -> "subprocess.Popen[str]":
        """Start a desk with a home of that name."""
        (self.folder / home).mkdir(exist_ok=True)
        named = {"PREGAO_STANDIN": str(self.venue.map_path)} if self.venue else {}
        return subprocess.Popen(
            [sys.executable, "-X", "faulthandler", "-m", "tests.contract.desk", f"tests.contract.{module}", *steps],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8", cwd=CHECKOUT,
            env={
                **os.environ, "PYTHONPATH": str(CHECKOUT), "PREGAO_HOME": str(self.folder / home),
                "PREGAO_PROFITDLL": str(self.library), "PREGAO_CONTRACT_MOMENTS": json.dumps(dict(self.moments)),
                **named, **self.environment, **changes,
            },
        )  # fmt: skip

    def end(self, desk: "subprocess.Popen[str]") -> Told:
        """Wait for a desk's end and return what it told."""
        out, err = desk.communicate(timeout=240)
        answers = dict(json.loads(line) for line in out.splitlines() if line.startswith('["'))
        return Told(answers, desk.returncode, out + err)

    def run(self, module: str, *steps: str, **how: str) -> Told:
        """Run a desk to its end."""
        return self.end(self.start(module, *steps, **how))


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The vendor's file, or the stand-in."""
    if VENDOR:
        return Path(VENDOR)
    try:
        return build(tmp_path_factory.mktemp("library"))
    except UsageError as error:
        pytest.skip(str(error))


Open = Callable[..., Play]


@pytest.fixture(scope="module")
def opened(library: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Open]:
    """Open plays: `opened(recording, settings={...})`; with the vendor's file nothing stands behind.

    `source` names a session of a lake instead, of which the recording then gives moments and faults alone.
    """
    venues: list[Launched] = []

    def start(
        recording: Recording,
        settings: Mapping[str, Any] | None = None,
        source: tuple[str, ...] = (),
        **changes: str,
    ) -> Play:
        folder = tmp_path_factory.mktemp("play")
        if VENDOR:
            return Play(library, folder)
        served = source or recording.save(folder)
        venues.append(launch(folder, served, ("--stepped",), recording.faults, settings))
        return Play(library, folder, venues[-1], recording.moments, STANDIN | changes)

    here = Path.cwd()
    os.chdir(CHECKOUT)  # where `python -m` finds the venue
    yield start
    os.chdir(here)
    failures = [venue.stop() for venue in venues]
    assert not any(failures), failures
