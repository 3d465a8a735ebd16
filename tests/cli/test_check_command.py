"""`pregao check`, as people and machines read it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from market.home import Home
from market.types import Kind
from tests.cli.conftest import RunCommand
from tests.flows.invented_lakes import fill_real
from tests.homes import MARKET, fill_lake

Ask = Callable[..., tuple[int, dict[str, Any]]]


def test_a_good_lake_holds(run: RunCommand, ask: Ask, home: Home) -> None:
    fill_lake(home)
    code, said = ask("check")
    assert (code, said["ok"]) == (0, True)
    assert [list(series) for series in said["series"]] == [
        ["contract", "kind", "bar_seconds", "sessions", "rows", "synthetic", "findings", "holds"]
    ] * 2
    trades = said["series"][1]
    rows = sum(int((MARKET.session_events(k)["kind"] == Kind.TRADE).sum()) for k in range(4))
    assert trades == {
        "contract": "WINQ26", "kind": "trades", "bar_seconds": 0, "sessions": 4, "rows": rows, "synthetic": True,
        "findings": [], "holds": True,
    }  # fmt: skip
    assert said["summary"] == str(home.artifacts / "validation" / "summary.html")
    assert all(Path(said[page]).is_file() for page in ("summary", "data_docs"))
    spoken = run("check", "--kind", "trades")
    first, last = spoken.out.splitlines()
    assert (spoken.code, first) == (0, f"holds   WINQ26 trades: 4 sessions, {rows:,} rows, synthetic")
    assert last == f"summary {said['summary']}, Data Docs {said['data_docs']}"


def test_a_bad_lake_is_an_answer_of_no_with_its_reasons(run: RunCommand, ask: Ask, home: Home) -> None:
    def spoil(trades: Any) -> None:
        trades["quantity"] = 0

    fill_real(home, spoil)
    code, said = ask("check", "--contract", "WINQ26")
    (series,) = said["series"]
    (finding,) = series["findings"]
    assert (code, said["ok"], series["holds"], series["synthetic"]) == (1, False, False, False)
    assert (finding["check"], finding["count"], finding["refuses"]) == ("no_quantity", 1, True)
    assert finding["sentence"].startswith("1 records lack a quantity above zero, the lowest is 0 (2026-06-02 09:")
    assert said["reason"] == f"WINQ26 trades: {finding['sentence']}"
    spoken = run("check")
    assert (spoken.code, spoken.err.splitlines()[-1]) == (1, f"pregao: {said['reason']}")
    assert spoken.out.startswith("REFUSED WINQ26 trades: 4 sessions")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--contract", "WINZ26"), "--contract: expected one of WINQ26, found 'WINZ26'"),
        (("--kind", "book"), "--kind: expected one of quotes, trades, found 'book'"),
    ],
)
def test_what_the_lake_does_not_hold_is_wrong_use(ask: Ask, home: Home, arguments: tuple[str, ...], said: str) -> None:
    fill_lake(home)
    code, answer = ask("check", *arguments)
    assert (code, answer["series"]) == (2, None)
    assert said in answer["reason"]


def test_an_empty_lake_is_no_error(run: RunCommand, ask: Ask) -> None:
    code, said = ask("check")
    assert (code, said["ok"], said["series"]) == (0, True, [])
    assert "the lake is empty" in run("check").out
