"""Sessions of real minutes side by side have the bits of each alone: auctions, gaps overnight, a crash, short days."""

from pathlib import Path

import pytest

from features.batch import compute_sessions
from features.pipeline import compute_session
from features.schema import build_schema
from flows.parameters import DataParams
from flows.stages.dataset import open_dataset
from market.home import Home
from market.importer import import_file
from market.lake import Lake
from tests.measured import CRASH_MINUTES


@pytest.mark.parametrize("lanes", [pytest.param(4, marks=pytest.mark.nightly), 8])
def test_real_sessions_in_lanes(realdata: Path, tmp_path: Path, lanes: int) -> None:
    home = Home(tmp_path)
    import_file(Lake(home.lake), realdata / CRASH_MINUTES[0])
    dataset = open_dataset(home, DataParams(CRASH_MINUTES[1], "bars", 60, 1))
    schema = build_schema("full", dataset.needs, dataset.feed.bar_ns, 5)
    days = dataset.feed.sessions()
    days = [*days[:7], *days[-4:]]
    for day, seen in zip(days, compute_sessions(schema, dataset.feed, days, lanes), strict=True):
        for name, part, alone in zip(seen._fields, seen, compute_session(schema, dataset.feed, day), strict=True):
            assert part.tobytes() == alone.tobytes(), (day, name)
