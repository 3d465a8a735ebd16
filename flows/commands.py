"""A command of `pregao` as a process of its own, for what flows need of others: a live run, a scheduled job."""

import datetime as dt
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil

from registry.process_tree import end_trees

CHECKOUT = Path(__file__).resolve().parent.parent
_TOLD = 500  # characters of what a process said before it died


def run_command(command: Sequence[str], home: Path | None = None, limit: dt.timedelta | None = None) -> dict[str, Any]:
    """Run a command of `pregao` with ``--json``; return its object, or the end of what it said as a no.

    Parameters
    ----------
    command : sequence of str
    home : Path, optional
        PREGAO_HOME; by default that of this process.
    limit : timedelta, optional
        How long it may take; what runs longer is ended, with all that it has started, and is a no.
    """
    environment = os.environ if home is None else {**os.environ, "PREGAO_HOME": str(home)}
    process = subprocess.Popen(
        [sys.executable, "-m", "cli", *command, "--json"], cwd=CHECKOUT, env=environment, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, encoding="utf-8", errors="replace",
    )  # fmt: skip
    try:
        said, complained = process.communicate(timeout=limit.total_seconds() if limit else None)
    except subprocess.TimeoutExpired:
        end_trees([psutil.Process(process.pid)])
        process.wait()
        found = f"pregao {' '.join(command)}: expected an end within {limit}, found it running"
        return {"ok": False, "reason": f"{found}; it was ended with all that it had started: look at its log"}
    lines = [line for line in said.splitlines() if line.startswith("{")]
    return dict(json.loads(lines[-1])) if lines else {"ok": False, "reason": complained.strip()[-_TOLD:]}
