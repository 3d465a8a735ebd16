"""Market data from a user's own Python, as docs/data.md shows it."""

import re
import runpy
from datetime import date
from pathlib import Path

import pytest

from cli.environment import CHECKOUT
from market.home import Home
from market.lake import Lake
from market.synthetic import SyntheticMarket, provenance_of, split_kinds


def test_the_documented_lines_read_events_columns_bars_and_the_continuous_view(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From 17 June 2026, when WINM26 expires, WINQ26 is the front."""
    market = SyntheticMarket(symbol="WINQ26", first=date(2026, 6, 17), sessions=2, seed=11, trades_per_session=600)
    lake, source = Lake(home.lake), provenance_of(market)
    told = [market.session_events(index) for index in range(2)]
    for day, events in zip(market.days(), told, strict=True):
        lake.commit([(lake.draft(kind, "WINQ26", day, source), part) for kind, part in split_kinds(events)])
    monkeypatch.setenv("PREGAO_HOME", str(home.root))
    section = (CHECKOUT / "docs" / "data.md").read_text(encoding="utf-8").split("## Reading from Python")[1]
    (lines,) = re.findall(r"```python\n(.*?)```", section.split("\n## ")[0], re.DOTALL)
    (tmp_path / "shown.py").write_text(lines, encoding="utf-8")
    found = runpy.run_path(str(tmp_path / "shown.py"))
    assert found["events"].size == sum(events.size for events in told)
    trades = sum(int((events["kind"] == 1).sum()) for events in told)
    assert {name: values.size for name, values in found["columns"].items()} == dict.fromkeys(
        ("ts_event_ns", "price", "quantity"), trades
    )
    assert found["bars"].size == sum(count for *_, count in found["by_contract"]) > 0
    assert [place[:2] for place in found["by_contract"]] == [
        (date(2026, 6, 17), "WINQ26"), (date(2026, 6, 18), "WINQ26")
    ]  # fmt: skip
