"""Run the leak suite on the series and parameters of the candidate, and keep what it found for the gate."""

from dataclasses import asdict

from flows.leaks.cells import Found
from flows.leaks.check import check_leaks
from flows.parameters import Parameters
from flows.stages.artifacts import read_json, write_json
from market.errors import NotEnoughData
from market.home import Home

LEAKS = "leaks/leaks.json"
SESSIONS = 1  # the last one: some seconds; `pregao leakcheck --sessions` checks more


def run(home: Home, parameters: Parameters) -> Found:
    """Check one session, its labels and decisions, and one fold; a series too short for a fold is not checked."""
    try:
        found = check_leaks(home, parameters, SESSIONS)
    except NotEnoughData:
        found = Found()  # no check was made, and the gate says so
    write_json(home.artifacts / LEAKS, {"checked": found.checked, "leaks": [asdict(leak) for leak in found.leaks]})
    return found


def measured(home: Home) -> tuple[int, int]:
    """Return how many comparisons `run` made, and how many leaks they found."""
    stored = read_json(home.artifacts / LEAKS)
    return stored["checked"], len(stored["leaks"])
