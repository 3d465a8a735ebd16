"""A built library, a venue process behind it, and clients as processes of their own."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from live.profitdll.standin.build import build
from live.profitdll.standin.wire import WIRE_FILE, attach
from market.errors import UsageError
from market.types import Kind, Side
from tests.commands import CHECKOUT
from tests.factories import WDO, make_event, make_quote, make_trade

CONTRACT = "WDON26"


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    try:
        return build(tmp_path_factory.mktemp("standin"))
    except UsageError as error:
        pytest.skip(str(error))


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

    def __init__(self, folder: Path, library: Path, process: "subprocess.Popen[str]", map_path: Path) -> None:
        self.folder, self.library, self.process, self.map_path = folder, library, process, map_path
        self.wire = attach(map_path)

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

    def stop(self) -> str:
        """Stop the venue; return what it failed with, empty where it served to the end."""
        self.wire.header["stop"] = 1
        try:
            _, err = self.process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return "the venue did not stop" + self.process.communicate()[1]
        return err if self.process.returncode else ""


StartVenue = Callable[..., Running]


@pytest.fixture
def venue(tmp_path: Path, library: Path) -> Iterator[StartVenue]:
    """Start venues: `venue(events, faults=[...], settings={...}, pace=["--stepped"])`."""
    started: list[Running] = []

    def start(
        events: np.ndarray | None = None, faults: Any = (), settings: Any = None, pace: tuple[str, ...] = ("--stepped",)
    ) -> Running:
        folder = tmp_path / str(len(started))
        folder.mkdir()
        np.save(folder / "events.npy", session_events() if events is None else events)
        (folder / "faults.json").write_text(json.dumps(list(faults)), encoding="utf-8")
        (folder / "settings.json").write_text(json.dumps(settings or {}), encoding="utf-8")
        map_path = folder / "venue.map"
        process = subprocess.Popen(
            [sys.executable, "-m", "live.profitdll.standin.venue", str(map_path), "--contract", CONTRACT, *pace,
             "--events", str(folder / "events.npy"), "--faults", str(folder / "faults.json"),
             "--settings", str(folder / "settings.json")],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=CHECKOUT,
        )  # fmt: skip
        assert process.stdout is not None
        line = process.stdout.readline()
        if "serves" not in line:
            pytest.fail(process.communicate(timeout=20)[1])
        assert map_path.stat().st_size == WIRE_FILE.itemsize
        started.append(Running(folder, library, process, map_path))
        return started[-1]

    yield start
    failures = [running.stop() for running in started]
    assert not any(failures), failures
