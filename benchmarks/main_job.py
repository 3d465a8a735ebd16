"""The whole main job on the synthetic market: seconds and memory of every stage."""

import tempfile
from pathlib import Path

from benchmarks.rows import Row
from cli.environment import CHECKOUT
from flows.retrain import main_job
from market.home import Home
from trading.policy import RiskLimits


def measure(paper: bool = True) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="pregao-bench-") as folder:
        done = main_job(Home(Path(folder)), CHECKOUT / "params.yaml", (), RiskLimits(), paper=paper)
    rows = []
    for cost in done.stages:
        rows.append(Row(f"{cost.name} wall time", "s", round(cost.seconds, 2)))
        rows.append(Row(f"{cost.name} peak memory", "MiB", round(cost.peak_mib, 2)))
    rows.append(Row("whole job wall time", "s", round(sum(cost.seconds for cost in done.stages), 2)))
    rows.append(Row("whole job peak memory", "MiB", round(max(cost.peak_mib for cost in done.stages), 2)))
    return rows
