"""One job at a time per home: whoever writes artifacts holds this lock."""

import contextlib
from collections.abc import Iterator

from filelock import FileLock, Timeout

from market.errors import PregaoError
from market.home import Home


@contextlib.contextmanager
def exclusive(home: Home) -> Iterator[None]:
    """Hold the home's job lock.

    Raises
    ------
    PregaoError
        If another process holds it.
    """
    home.state.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(home.state / "retrain.lock").acquire(timeout=0):
            yield
    except Timeout:
        raise PregaoError(
            f"{home.root}: another job is running (collect, retrain, check or a stage); wait for it or stop it"
        ) from None
