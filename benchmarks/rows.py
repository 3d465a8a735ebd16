"""One line of a benchmark's answer, and the race that fills it: ours and the peers in turn, the best of the rounds."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """What was measured; `ratio` is above one where ours is better, null without a peer."""

    work: str
    unit: str
    ours: float
    peer: float | None = None
    peer_name: str | None = None
    ratio: float | None = None


def more_is_better(work: str, unit: str, ours: float, peer: float, peer_name: str) -> Row:
    return Row(work, unit, rounded(ours), rounded(peer), peer_name, rounded(ours / peer))


def less_is_better(work: str, unit: str, ours: float, peer: float, peer_name: str) -> Row:
    return Row(work, unit, rounded(ours), rounded(peer), peer_name, rounded(peer / ours))


def race(ours: Callable[[], object], *peers: Callable[[], object], rounds: int) -> tuple[float, float]:
    """Return the best seconds of ours and of the fastest peer; in turn, so that a busy machine slows all of them."""
    runners = (ours, *peers)
    for run in runners:  # compiles and fills the caches
        run()
    taken = [[seconds_of(run) for run in runners] for _ in range(rounds)]
    best = [min(seconds) for seconds in zip(*taken, strict=True)]
    return best[0], min(best[1:])


def seconds_of(run: Callable[[], object]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def rounded(value: float) -> float:
    """To three significant digits below a thousand, to whole numbers above."""
    return float(f"{value:.3g}") if abs(value) < 1_000 else round(value)
