"""A command of `pregao` as a process of its own, for what flows need of others: a live run, a scheduled job."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parent.parent
_TOLD = 500  # characters of what a process said before it died


def run_command(command: Sequence[str], home: Path | None = None) -> dict[str, Any]:
    """Run a command of `pregao` with ``--json``; return its object, or the end of what it said as a no.

    Parameters
    ----------
    command : sequence of str
    home : Path, optional
        PREGAO_HOME; by default that of this process.
    """
    environment = os.environ if home is None else {**os.environ, "PREGAO_HOME": str(home)}
    done = subprocess.run(
        [sys.executable, "-m", "cli", *command, "--json"], cwd=CHECKOUT, env=environment, capture_output=True,
        encoding="utf-8", errors="replace", check=False,
    )  # fmt: skip
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    return dict(json.loads(lines[-1])) if lines else {"ok": False, "reason": done.stderr.strip()[-_TOLD:]}
