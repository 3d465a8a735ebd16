"""Starts a venue as a process of its own, and stops it."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from live.profitdll.standin.wire import Wire, attach
from market.errors import PregaoError

_PATIENCE_S = 20
_CHECKOUT = Path(__file__).parents[3]


@dataclass
class Launched:
    """A running venue.

    Attributes
    ----------
    process : Popen
    map_path : Path
        What PREGAO_STANDIN names to a library of this venue.
    wire : Wire
        The same file, for reading counters and for stepping.
    """

    process: "subprocess.Popen[str]"
    map_path: Path
    wire: Wire

    def stop(self) -> str:
        """Stop the venue; return what it failed with, empty where it served to the end."""
        self.wire.header["stop"] = 1
        try:
            _, said = self.process.communicate(timeout=_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return f"the venue did not stop: {self.process.communicate()[1]}"
        return said if self.process.returncode else ""


def launch(
    folder: Path,
    source: Sequence[str],
    pace: Sequence[str] = (),
    faults: Sequence[Mapping[str, Any]] = (),
    settings: Mapping[str, Any] | None = None,
) -> Launched:
    """Start a venue in a folder and wait until libraries can log in.

    Parameters
    ----------
    folder : Path
        Takes the mapped file, the script of faults and the settings.
    source : sequence of str
        What the venue serves, as its command line names it: ("--contract", "WDOZ26", "--events", "file.npy").
    pace : sequence of str
        ("--speed", "0"), ("--stepped",), ("--owner", "1234"); empty for real time.
    faults, settings
        As in `faults.read_faults` and `settings.read_settings`.

    Raises
    ------
    PregaoError
        If the venue does not start; with what it said.
    """
    map_path = folder / "venue.map"
    told = {"--faults": list(faults), "--settings": dict(settings or {})}
    files: list[str] = []
    for option, content in told.items():
        path = folder / f"{option[2:]}.json"
        path.write_text(json.dumps(content), encoding="utf-8")
        files += [option, str(path)]
    process = subprocess.Popen(
        [sys.executable, "-m", "live.profitdll.standin.venue", str(map_path), *source, *pace, *files],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": _search_path()},
    )  # fmt: skip
    ready = False
    try:
        assert process.stdout is not None
        ready = "serves" in process.stdout.readline()
        if not ready:
            said = process.communicate()[1].strip()
            raise PregaoError(f"venue: expected it to serve, found {said}; correct its source")
        return Launched(process, map_path, attach(map_path))
    finally:
        if not ready:
            process.kill()


def _search_path() -> str:
    """Return where a Python that is started in any folder finds this very code."""
    return os.pathsep.join([str(_CHECKOUT), *filter(None, [os.environ.get("PYTHONPATH")])])
