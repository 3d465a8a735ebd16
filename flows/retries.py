"""What is worth another try: what a server or a network did, never what was refused."""

from typing import Any

from market.errors import NoAnswer, NotConnected, ServerUnavailable

RETRIES = 2
DELAYS_S: list[float] = [30, 120]
_PASSING = (ServerUnavailable, NotConnected, NoAnswer, ConnectionError, TimeoutError)


def worth_retrying(_task: Any, _run: Any, state: Any) -> bool:
    """Tell Prefect whether a failed task may run again."""
    return isinstance(state.result(raise_on_failure=False), _PASSING)
