"""How long a stage takes and how much memory it and its child processes hold at most."""

import threading
import time
from dataclasses import dataclass
from types import TracebackType

import psutil

SAMPLE_EVERY_S = 0.1


@dataclass(frozen=True)
class StageCost:
    """One stage: wall seconds, and the peak of resident memory over the process tree in MiB."""

    name: str
    seconds: float
    peak_mib: float


class Meter:
    """Measures the block it encloses; memory is sampled, so a peak shorter than 0.1 s may be missed."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._peak = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._started = 0.0
        self.cost: StageCost | None = None

    def __enter__(self) -> "Meter":
        self._started = time.perf_counter()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()
        self.cost = StageCost(self._name, time.perf_counter() - self._started, self._peak / 2**20)

    def _sample(self) -> None:
        while True:
            self._peak = max(self._peak, _tree_rss())
            if self._done.wait(SAMPLE_EVERY_S):
                return


def _tree_rss() -> int:
    total, process = 0, psutil.Process()
    for one in (process, *process.children(recursive=True)):
        try:
            total += one.memory_info().rss
        except psutil.Error:  # ended meanwhile, or another user's
            continue
    return total
