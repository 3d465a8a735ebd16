"""A built library, a venue process behind it, and clients as processes of their own."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from live.profitdll.standin.build import build, compiler
from live.profitdll.standin.launch import Launched, launch
from market.errors import UsageError
from market.types import Kind, Side
from tests.commands import CHECKOUT
from tests.factories import WDO, make_event, make_quote, make_trade

CONTRACT = "WDON26"


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    try:
        compiler()
    except UsageError as error:
        pytest.skip(str(error))
    return build(tmp_path_factory.mktemp("standin"))


def session_events(trades: int = 100) -> np.ndarray:
    """Return a state, then for each trade both best quotes and the trade: bid 10000, ask 10001, buyers aggress."""
    parts = [make_event(Kind.STATE, 0)]
    for k in range(trades):
        at = 1 + k / 10
        parts += [make_quote(at, Side.BUY, 10_000, 10 + k), make_quote(at, Side.SELL, 10_001, 20)]
        parts.append(make_trade(at + 0.05, 10_001, 2, Side.BUY, trade_number=k + 1, buyer=3, seller=85))
    events = np.concatenate(parts)
    events["sequence"], events["instrument"] = np.arange(events.size), WDO
    return events


class Running:
    """A venue process and its clients."""

    def __init__(self, launched: Launched, library: Path) -> None:
        self.launched, self.library = launched, library
        self.wire, self.map_path = launched.wire, launched.map_path

    def start(self, scene: str) -> "subprocess.Popen[str]":
        """Start a client."""
        return subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("client.py")), str(self.library), scene],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=CHECKOUT,
            env={**os.environ, "PREGAO_STANDIN": str(self.map_path)},
        )  # fmt: skip

    def play(self, scene: str) -> Any:
        """Run a client to its end and return its answer."""
        client = self.start(scene)
        out, err = client.communicate(timeout=60)
        assert client.returncode == 0, err
        return json.loads(out)

    def wait_for(self, field: str, value: int) -> None:
        """Wait until a field of the wire's head has come to a value."""
        for _ in range(3000):
            if int(self.wire.header[field][0]) >= value:
                return
            time.sleep(0.01)
        pytest.fail(f"{field}: expected {value}, found {self.wire.header[field][0]}")


StartVenue = Callable[..., Running]


@pytest.fixture
def venue(tmp_path: Path, library: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StartVenue]:
    """Start venues: `venue(events, faults=[...], settings={...}, pace=["--stepped"])`."""
    monkeypatch.chdir(CHECKOUT)
    started: list[Running] = []

    def start(events: np.ndarray | None = None, pace: tuple[str, ...] = ("--stepped",), **how: Any) -> Running:
        folder = tmp_path / str(len(started))
        folder.mkdir()
        np.save(folder / "events.npy", session_events() if events is None else events)
        source = ("--contract", CONTRACT, "--events", str(folder / "events.npy"))
        started.append(Running(launch(folder, source, pace, **how), library))
        return started[-1]

    yield start
    failures = [running.launched.stop() for running in started]
    assert not any(failures), failures
