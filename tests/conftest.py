"""Every test runs in a folder of its own; nothing touches the checkout."""

import os
from pathlib import Path

import pytest

from cli.environment import CHECKOUT, set_environment
from market.home import Home

# Before numba or an OpenMP library loads. The compiled code is shared with the checkout, so that it is compiled once.
os.environ.setdefault("OMP_NUM_THREADS", "1")
set_environment(Home(CHECKOUT))


# Files that compile much, each before folders that compile little: two workers that meet the same kernels at the same
# moment both compile them, so one compiles while the other is busy with those.
FIRST = ("backtest/test_replay.py", "market", "contract/test_book_cards.py", "registry")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run what is named in `FIRST` first, everything else in the order of its folders."""
    here = Path(__file__).parent
    places = {here / name: number for number, name in enumerate(FIRST)}
    items.sort(
        key=lambda item: min(
            (places[one] for one in (item.path, *item.path.parents) if one in places), default=len(FIRST)
        )
    )


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A user's folder that is thrown away."""
    return Home(tmp_path)


@pytest.fixture(scope="session")
def realdata() -> Path:
    """The folder of real market files, or a skip that says why."""
    named = os.environ.get("PREGAO_REALDATA")
    if not named or not Path(named).is_dir():
        pytest.skip("PREGAO_REALDATA names no folder: real market files are not shipped")
    return Path(named)
