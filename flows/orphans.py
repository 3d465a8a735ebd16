"""Stop the private Prefect server of a run that was killed: nothing else would."""

import contextlib
import os

import psutil

OWNER = "PREGAO_FLOW_OWNER"  # process id of the run; its server inherits the variable


def claim_server() -> None:
    """Mark what this process starts as its own, and stop servers whose owner is gone.

    A flow's private server is a child process. A run killed outright cannot stop it, so the next run does.
    """
    os.environ[OWNER] = str(os.getpid())
    for process in psutil.process_iter(["cmdline"]):
        if any("prefect.server" in part for part in process.info["cmdline"] or ()) and _is_orphan(process):
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                process.kill()


def _is_orphan(process: psutil.Process) -> bool:
    try:
        owner = process.environ().get(OWNER)
    except (psutil.AccessDenied, psutil.NoSuchProcess, OSError):
        return False
    return owner is not None and not psutil.pid_exists(int(owner))
