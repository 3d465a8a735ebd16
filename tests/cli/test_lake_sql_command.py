"""`pregao lake sql`, as people, machines and spreadsheets read it."""

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from cli.sql import to_json
from market.home import Home
from tests.cli.conftest import RunCommand
from tests.commands import CHECKOUT, environment_of
from tests.homes import MARKET, fill_lake

Ask = Callable[..., tuple[int, dict[str, Any]]]
COUNT = "SELECT session, contract, count(*) AS trades FROM trades GROUP BY ALL ORDER BY session"


def test_answers_machines_with_columns_and_rows(ask: Ask, home: Home) -> None:
    lake = fill_lake(home)
    code, said = ask("lake", "sql", COUNT)
    rows = [[p.session, p.contract, p.rows] for p in lake.partitions("trades")]
    assert (code, said) == (0, {"columns": ["session", "contract", "trades"], "rows": rows, "ok": True})


def test_answers_spreadsheets_and_people(run: RunCommand, home: Home) -> None:
    lake = fill_lake(home)
    wanted = [[p.session, p.contract, str(p.rows)] for p in lake.partitions("trades")]
    header = ["session", "contract", "trades"]
    assert list(csv.reader(io.StringIO(run("lake", "sql", COUNT, "--csv").out))) == [header, *wanted]
    assert [line.split() for line in run("lake", "sql", COUNT).out.splitlines()] == [header, *wanted]


def test_local_time_and_points_are_told(ask: Ask, home: Home) -> None:
    fill_lake(home)
    code, said = ask("lake", "sql", "SELECT min(ts), any_value(price_points / price) FROM trades")
    ((first, tick_size),) = said["rows"]
    assert (code, tick_size) == (0, 5.0)
    assert first.startswith(f"{MARKET.days()[0]}T")
    assert first.endswith("-03:00")


def test_a_query_that_fails_is_one_sentence(run: RunCommand, ask: Ask) -> None:
    spoken = run("lake", "sql", "SELECT nothing FROM trades")
    assert (spoken.code, spoken.out, spoken.err.count("\n")) == (2, "", 1)
    assert "nothing" in spoken.err
    code, said = ask("lake", "sql", "DROP VIEW trades")
    assert (code, said["columns"], said["rows"]) == (2, None, None)
    assert said["reason"] == "SQL: expected one SELECT, found DROP; the lake is only read here"


def test_a_lake_that_is_damaged_says_no_with_the_file(ask: Ask, home: Home) -> None:
    lake = fill_lake(home)
    place = lake.partitions("trades")[0].path
    (home.lake / place).write_bytes(b"?")
    code, said = ask("lake", "sql", "SELECT count(*) FROM trades")
    assert (code, said["rows"], place in said["reason"]) == (1, None, True)


def test_a_failure_among_the_rows_still_ends_in_one_object(ask: Ask) -> None:
    sql = "SELECT CASE WHEN i < 300_000 THEN i ELSE error('far') END AS i FROM range(300_001) t(i)"
    code, said = ask("lake", "sql", sql)
    assert (code, said["ok"], said["columns"]) == (2, False, ["i"])
    assert "far" in said["reason"]


def test_one_form_at_a_time(run: RunCommand) -> None:
    assert run("lake", "sql", "SELECT 1", "--json", "--csv").code == 2


def test_a_reader_that_has_seen_enough_ends_it_quietly(home: Home) -> None:
    started = subprocess.Popen(
        [sys.executable, "-m", "cli", "lake", "sql", "FROM range(100_000_000)", "--csv"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=CHECKOUT, env=environment_of(home),
    )  # fmt: skip
    assert started.stdout is not None
    assert started.stderr is not None
    assert started.stdout.readline() == b"range" + os.linesep.encode()
    started.stdout.close()
    assert (started.wait(60), started.stderr.read()) == (0, b"")
    started.stderr.close()


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (None, None),
        (True, True),
        (2**80, 2**80),
        (1.5, 1.5),
        (float("nan"), None),
        (float("-inf"), None),
        (Decimal("2.25"), 2.25),
        (date(2020, 4, 2), "2020-04-02"),
        (datetime(2020, 4, 2, 9), "2020-04-02T09:00:00"),
        (timedelta(hours=1), "1:00:00"),
        (b"\x01\xff", "01ff"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        ([1, (float("inf"), {"a": date(2020, 4, 2)})], [1, [None, {"a": "2020-04-02"}]]),
    ],
)
def test_values_are_told_as_json_has_them(value: Any, told: Any) -> None:
    assert to_json(value) == told
    json.dumps(to_json(value), allow_nan=False)
