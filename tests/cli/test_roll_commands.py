"""`pregao roll` and `pregao roll check`, as a user runs them."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from market.home import Home
from tests.cli.conftest import RunCommand
from tests.cli.test_data_commands import write_bars

Ask = Callable[..., tuple[int, dict[str, Any]]]
# WDOZ26 trades until 30 November 2026, a Monday; the session two before it is the 26th.
TWO_BEFORE, LAST = date(2026, 11, 26), date(2026, 11, 30)
SPAN = ("--from", "2026-11-16", "--to", "2026-12-11")
WHOLE = 570  # minutes from 09:00 to 18:30


def import_bars(run: RunCommand, folder: Path, contract: str, day: date, lots: int) -> None:
    """Import one whole session that trades some lots a minute."""
    path = write_bars(folder / f"{day}" / f"{contract}_M1.csv", WHOLE, day)
    path.write_bytes(path.read_bytes().replace(b"\t10\t100\t", f"\t10\t{lots}\t".encode()))
    assert run("import", path).code == 0


def test_table_is_printed_by_contract(run: RunCommand) -> None:
    done = run("roll", "--root", "WIN", "--from", "2026", "--to", "2026-06-30")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        "2026-01-02  WING26",
        "2026-02-18  WING26 to WINJ26, by expiry",
        "2026-04-15  WINJ26 to WINM26, by expiry",
        "2026-06-17  WINM26 to WINQ26, by expiry",
    ]


@pytest.mark.parametrize("written", ["win", "Win", " WIN"])
def test_root_may_be_written_in_any_case(ask: Ask, written: str) -> None:
    code, said = ask("roll", "--symbol", written, "--from", "2026", "--to", "2026-01-31")
    assert (code, said["root"], said["front"]) == (0, "WIN", "WING26")


def test_table_as_csv_has_the_columns_of_b3(run: RunCommand) -> None:
    done = run("roll", "show", *SPAN, "--csv")
    assert done.out == "date,root,from,to,reason,price_from,price_to\n2026-11-30,WDO,WDOZ26,WDOF27,expiry,,\n"


def test_volumes_in_the_lake_move_the_roll_and_price_it(run: RunCommand, ask: Ask, tmp_path: Path) -> None:
    for contract, lots in (("WDOZ26", 100), ("WDOF27", 101)):
        import_bars(run, tmp_path / "exports", contract, TWO_BEFORE, lots)
    code, said = ask("roll", *SPAN)
    assert (code, said["root"], said["first"], said["last"], said["front"]) == (
        0, "WDO", "2026-11-16", "2026-12-11", "WDOZ26"
    )  # fmt: skip
    assert said["rolls"] == [
        {
            "date": "2026-11-27", "root": "WDO", "from": "WDOZ26", "to": "WDOF27", "reason": "volume",
            "price_from": 5251.0, "price_to": 5251.0,
        }
    ]  # fmt: skip
    assert "2026-11-27  WDOZ26 to WDOF27, by volume, 5251.0 to 5251.0" in run("roll", *SPAN).out


def test_check_since_2018_agrees_and_lists_every_contract(ask: Ask) -> None:
    code, said = ask("roll", "check", "--root", "WDO", "--from", "2018")
    assert (code, said["ok"], said["disagreements"], said["leads"]) == (0, True, [], [])
    dates = {one["contract"]: (one["last_session"], one["expiry"]) for one in said["contracts"]}
    assert dates["WDOH22"] == ("2022-02-25", "2022-03-02")
    assert dates["WDOF26"] == ("2025-12-30", "2026-01-02")
    assert len(said["rolls"]) == len(said["contracts"]) - 1
    assert said["contracts"][0]["contract"] == "WDOG18"


def test_check_names_a_contract_that_led_after_it_was_left(run: RunCommand, ask: Ask, tmp_path: Path) -> None:
    for contract, lots in (("WDOZ26", 102), ("WDOF27", 101)):
        import_bars(run, tmp_path / "exports", contract, LAST, lots)
    code, said = ask("roll", "check", *SPAN)
    assert (code, said["ok"], len(said["disagreements"])) == (1, False, 1)
    assert said["reason"] == said["disagreements"][0]
    assert "expected WDOF27 to trade more than WDOZ26 after the roll, found 57,570 against 58,140" in said["reason"]
    lead = {"date": "2026-11-30", "from": "WDOZ26", "to": "WDOF27", "volume_from": 58_140, "volume_to": 57_570,
            "led": "WDOZ26"}  # fmt: skip
    assert said["leads"] == [lead]
    spoken = run("roll", "check", *SPAN)
    assert "2026-11-30  WDOZ26 led: WDOZ26 58,140, WDOF27 57,570" in spoken.out
    assert "WDOZ26  front 2026-11-16 to 2026-11-27, last session 2026-11-30, expiry 2026-12-01" in spoken.out
    assert "WDOF27  front 2026-11-30 to the end of the span, last session 2026-12-30," in spoken.out


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("roll --root PETR4", "--root: expected one of WDO, DOL, WIN, IND, found 'PETR4'"),
        ("roll --from 2026-05-02 --to 2026-05-01", "expected --from before --to, found 2026-05-02 and 2026-05-01"),
        ("roll check --from 2026-05-02 --to 2026-05-01", "expected --from before --to"),
        ("roll --to 2001-01-01", "-01-01 by default and 2001-01-01; give both"),
        ("roll --from 2027-12-01 --to 2028-01-31", "expected a day from 2013-01-01 to 2027-12-31"),
        ("roll --root WIN --to 2027-12-31", "which ends on 2027-12-31, found one on 2027-12-15 that does not; end the"),
        ("roll check --from 2026-05-02 --to 2026-05-03", "expected sessions from 2026-05-02 to 2026-05-03, found none"),
        (
            "roll check --to 2026-13",
            "month or year as 2026-05-31, 2026-05 or 2026, found '2026-13'",
        ),
    ],
)
def test_refusals(ask: Ask, line: str, said: str) -> None:
    code, answer = ask(*line.split())
    assert (code, answer["ok"]) == (2, False)
    assert said in answer["reason"]


def test_table_reads_and_writes_nothing_in_an_empty_home(run: RunCommand, home: Home) -> None:
    assert run("roll").code == 0
    assert not home.lake.exists()
