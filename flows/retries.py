"""What is worth another try: what a server or a network did, never what was refused."""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

from prefect import task
from prefect.cache_policies import NO_CACHE

from market.errors import NoAnswer, NotConnected, ServerUnavailable

P = ParamSpec("P")
T = TypeVar("T")
_PASSING = (ServerUnavailable, NotConnected, NoAnswer, ConnectionError, TimeoutError)


def worth_retrying(_task: Any, _run: Any, state: Any) -> bool:
    """Tell Prefect whether a failed task may run again."""
    return isinstance(state.result(raise_on_failure=False), _PASSING)


def as_task(name: str, work: Callable[P, T]) -> Callable[P, T]:
    """Return work as a Prefect task that is tried again where that is worth it, and whose result is not kept."""
    made = task(
        name=name, persist_result=False, cache_policy=NO_CACHE, retries=2, retry_delay_seconds=[30, 120],
        retry_condition_fn=worth_retrying,
    )(work)  # fmt: skip
    return cast(Callable[P, T], made)
