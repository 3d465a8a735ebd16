"""Ending processes together with all that they have started."""

from collections.abc import Iterable

import psutil

STOP_TIMEOUT_S = 10.0


def end_trees(roots: Iterable[psutil.Process]) -> None:
    """End processes and all their children, first politely."""
    family = {member for root in roots for member in (root, *children_of(root))}
    for member in family:
        _signal(member, "terminate")
    _, stubborn = psutil.wait_procs(family, timeout=STOP_TIMEOUT_S)
    for member in stubborn:
        _signal(member, "kill")
    psutil.wait_procs(stubborn, timeout=STOP_TIMEOUT_S)


def children_of(process: psutil.Process) -> list[psutil.Process]:
    """Return what a process has started, and what that has; none where it is gone."""
    try:
        return list(process.children(recursive=True))
    except psutil.NoSuchProcess:
        return []


def _signal(process: psutil.Process, verb: str) -> None:
    try:
        getattr(process, verb)()
    except psutil.NoSuchProcess:
        return
