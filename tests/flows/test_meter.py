"""What a stage costs: wall time, and memory with that of its children."""

import subprocess
import sys
import threading
import time

import numpy as np
import psutil
import pytest

from flows.meter import Meter, StageCost

MIB = 2**20
HOLD = "import sys, time; held = b'x' * (200 << 20); print('held', flush=True); sys.stdin.read()"


def cost_of(meter: Meter) -> StageCost:
    assert meter.cost
    return meter.cost


def test_seconds_are_those_of_the_wall() -> None:
    with Meter("nap") as meter:
        time.sleep(0.25)
    assert cost_of(meter).name == "nap"
    assert 0.25 <= cost_of(meter).seconds < 2.0


def test_peak_is_seen_after_it_is_gone() -> None:
    with Meter("idle") as idle:
        pass
    with Meter("busy") as busy:
        held = np.ones(200 * MIB // 8)
        time.sleep(0.3)  # at least one sample while it is held
        del held
        time.sleep(0.2)
    assert cost_of(busy).peak_mib - cost_of(idle).peak_mib > 150


def test_children_count() -> None:
    with Meter("alone") as alone:
        pass
    with Meter("parent") as parent:
        child = subprocess.Popen([sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert child.stdout
        assert child.stdout.readline() == "held\n"
        time.sleep(0.3)
        child.communicate()
    assert cost_of(parent).peak_mib - cost_of(alone).peak_mib > 180


def test_even_the_shortest_block_has_a_peak() -> None:
    with Meter("short") as meter:
        pass
    assert cost_of(meter).peak_mib > 0.5 * psutil.Process().memory_info().rss / MIB


def test_failed_stage_is_measured_and_leaves_no_thread() -> None:
    before = threading.active_count()
    meter = Meter("broken")
    with pytest.raises(KeyError), meter:
        raise KeyError
    assert cost_of(meter).seconds >= 0
    assert threading.active_count() == before
