"""Each known defect of the real files (data/README.md, D1 to D6), by what the product says of it."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from flows.checks import Finding, Found
from flows.series_report import SeriesReport
from flows.validation import check_lake
from market.calendar import to_local
from market.errors import FileRefused
from market.home import Home
from market.importer import ImportResult, import_file
from market.instruments import Declaration, declare
from market.lake import Lake

REHEADERED = "b3/profit_bars_reheadered"
MINUTE_NS = 60_000_000_000


@dataclass(frozen=True)
class Checked:
    """One file, imported into a lake of its own and checked."""

    lake: Lake
    result: ImportResult
    report: SeriesReport
    page: str

    def finding(self, name: str) -> Finding:
        (found,) = [finding for finding in self.report.findings if finding.check.name == name]
        return found

    def found(self, name: str) -> dict[date, Found]:
        return dict(self.finding(name).sessions)

    def holes(self, day: date) -> list[tuple[str, int, str]]:
        """Return start, minutes and cause of a session's gaps."""
        (own,) = [p for p in self.lake.partitions() if p.day == day]
        return [
            (f"{to_local(gap.first_ns):%H:%M}", (gap.last_ns - gap.first_ns) // MINUTE_NS, gap.cause)
            for gap in own.gaps
        ]


def check(path: Path, root: Path) -> Checked:
    home = Home(root)
    lake = Lake(home.lake)
    result = import_file(lake, path)
    done = check_lake(home, lake, None, None)
    return Checked(lake, result, done.reports[0], done.summary.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def wdo(realdata: Path, tmp_path_factory: pytest.TempPathFactory) -> Checked:
    return check(realdata / "b3/mt5_bars/WDO.csv", tmp_path_factory.mktemp("wdo"))


@pytest.fixture(scope="module")
def winj20(realdata: Path, tmp_path_factory: pytest.TempPathFactory) -> Checked:
    return check(realdata / f"{REHEADERED}/WINJ20_1min.csv", tmp_path_factory.mktemp("winj20"))


@pytest.fixture(scope="module")
def win(realdata: Path, tmp_path_factory: pytest.TempPathFactory) -> Checked:
    return check(realdata / f"{REHEADERED}/WIN_5min_test.csv", tmp_path_factory.mktemp("win"))


@pytest.fixture(scope="module")
def wdofut(realdata: Path, tmp_path_factory: pytest.TempPathFactory) -> Checked:
    path = realdata / f"{REHEADERED}/WDOFUT_F_0_5min.export_2021-12-27.csv"
    return check(path, tmp_path_factory.mktemp("wdofut"))


# --- D1: WDO.csv ---


def test_d1_the_false_volume_is_set_aside_and_named(wdo: Checked) -> None:
    assert "1 row a volume that so few trades cannot have made" in wdo.result.reason
    (quarantine,) = (wdo.lake.folder / "quarantine").iterdir()
    aside = [line for line in quarantine.read_text(encoding="utf-8").splitlines() if "so few trades" in line]
    assert len(aside) == 1
    assert "2019.10.10\t10:50:00" in aside[0]
    assert "\t5837\t22002717\t" in aside[0]
    assert wdo.report.holds
    assert ("10:50", 5, "feed loss") in wdo.holes(date(2019, 10, 10))


def test_d1_the_missing_sessions_are_named(wdo: Checked) -> None:
    december = [3, 4, 5, 6, 7, 10, 11, 12, 14, 17, 18, 19, 20, 21, 26, 27, 28]
    listed = [date(2018, 12, day) for day in december]
    listed += [date(2019, 1, 2), date(2019, 10, 15), date(2019, 12, 2), date(2019, 12, 3)]
    assert list(wdo.found("missing_session")) == listed
    assert "whole sessions lost: 21 (2018-12-03" in wdo.finding("missing_session").sentence
    assert wdo.report.missing["feed loss"] == 21


def test_d1_the_missing_sessions_are_not_hidden_behind_another_file(realdata: Path, tmp_path: Path) -> None:
    """A week of 2026 in the same series: six years lie between the two files, and were not lost."""
    home = Home(tmp_path)
    lake = Lake(home.lake)
    for file in ("mt5_bars/WDO.csv", "mt5_python_rates/WDO_M5.csv"):
        import_file(lake, realdata / "b3" / file)
    (report,) = check_lake(home, lake, None, None).reports
    told = {finding.check.name: finding.count for finding in report.findings}
    assert (told["missing_session"], told["between_exports"]) == (21, 1_598)


def test_d1_the_two_saturdays_and_the_stray_bar_are_set_aside(wdo: Checked) -> None:
    assert wdo.result.rejected == 27
    assert "1 row outside the session's hours, 25 rows not a session of the exchange" in wdo.result.reason
    held = {p.day for p in wdo.lake.partitions()}
    assert not {date(2018, 11, 10), date(2019, 9, 7)} & held
    (own,) = [p for p in wdo.lake.partitions() if p.day == date(2018, 11, 1)]
    assert to_local(own.last_ns) < to_local(own.last_ns).replace(hour=18, minute=50)


def test_d1_the_truncated_days_are_the_ones_with_lost_data(wdo: Checked) -> None:
    lost = {day: found.badness // MINUTE_NS for day, found in wdo.found("feed_loss").items()}
    truncated = [(2018, 9, 28), (2018, 10, 3), (2018, 11, 30), (2018, 12, 13), (2019, 10, 14), (2019, 12, 4)]
    assert {date(*day) for day in truncated} <= {day for day, minutes in lost.items() if minutes >= 15}
    worst = wdo.finding("feed_loss").places
    assert worst[:2] == ["2018-11-30 550 min", "2018-09-28 335 min"]


def test_d1_ash_wednesdays_are_short_and_not_wrong(wdo: Checked) -> None:
    for day in (date(2018, 2, 14), date(2019, 3, 6)):
        assert day not in wdo.found("feed_loss")
        assert not [finding for finding in wdo.report.findings if finding.check.name == "unexplained_edge"]


def test_d1_the_spliced_piece_is_marked_as_restated(wdo: Checked) -> None:
    assert set(wdo.found("back_adjusted")) == {date(2018, 4, day) for day in (18, 19, 20, 23, 24, 25, 26, 27)}


# --- D2: a mini named where the full contract traded ---


def test_d2_the_wrong_contract_is_refused_with_the_right_one(realdata: Path, tmp_path: Path) -> None:
    lake, path = Lake(tmp_path / "lake"), realdata / "b3/mt5_bars/WDOK20_M1.csv"
    with pytest.raises(FileRefused, match=r"all 3769 multiples of 5, the lot of DOL: WDOK20_M1\.csv is DOLK20"):
        import_file(lake, path)
    assert import_file(lake, path, symbol="DOLK20").contracts == ("DOLK20",)


# --- D3: series restated at each roll ---


def test_d3_restated_prices_are_told_on_the_page_and_by_their_basis(wdofut: Checked) -> None:
    before_the_last_roll = {p.day for p in wdofut.lake.partitions() if p.day < date(2021, 11, 30)}
    assert set(wdofut.found("back_adjusted")) == before_the_last_roll
    basis = {p.day in before_the_last_roll: p.provenance.price_basis for p in wdofut.lake.partitions()}
    assert basis == {True: "back_adjusted", False: "raw"}
    assert "ajustados na rolagem" in wdofut.page


def test_d3_a_later_export_does_not_mix_with_the_one_before(realdata: Path, tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    import_file(lake, realdata / f"{REHEADERED}/WDOFUT_F_0_5min.export_2021-12-27.csv")
    with pytest.raises(FileRefused, match=r"every price restated by ×1\.006926"):
        import_file(lake, realdata / f"{REHEADERED}/WDOFUT_F_0_5min.export_2022-01-08.csv")


# --- D4: true prices by the turnover ---


def test_d4_a_contract_whose_turnover_is_its_price_is_as_traded(winj20: Checked) -> None:
    """Its turnover is in cents, and the average it gives lies within the bars."""
    assert {p.provenance.price_basis for p in winj20.lake.partitions()} == {"raw"}
    assert not [finding for finding in winj20.report.findings if finding.check.name == "back_adjusted"]


def test_d4_traded_prices_come_back_and_two_exports_join(realdata: Path, tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    older, newer = (realdata / f"{REHEADERED}/WDOFUT_F_0_5min.export_{day}.csv" for day in ("2021-12-27", "2022-01-08"))
    assert import_file(lake, older, true_prices=True).price_basis == ("raw", "recovered")
    assert import_file(lake, newer, true_prices=True).status == "imported"
    assert max(lake.sessions("WDOFUT")) == date(2022, 1, 7)
    assert not any(p.provenance.price_basis == "back_adjusted" for p in lake.partitions())


# --- D5: WINJ20 in the crash of 2020 ---


@pytest.mark.parametrize(("day", "halts"), [(9, 1), (11, 2), (12, 3), (16, 1), (18, 1), (24, 1), (25, 1)])
def test_d5_the_holes_of_the_crash_are_halts(winj20: Checked, day: int, halts: int) -> None:
    """Five minutes and more without a bar; three of them on the 12th."""
    long = [hole for hole in winj20.holes(date(2020, 3, day)) if hole[2] == "halt"]
    assert len(long) == halts
    assert all(minutes >= 5 for _, minutes, _ in long)


def test_d5_the_price_limits_are_told_and_refuse_nothing(winj20: Checked) -> None:
    assert winj20.report.holds
    found = winj20.found("zero_range_run")
    longest = {9: 59, 11: 24, 12: 253, 13: 71, 16: 84, 18: 40, 24: 36}  # minutes at one price, by the file
    assert {day: one.badness for day, one in found.items()} == {date(2020, 3, k): n for k, n in longest.items()}
    assert "a mais longa com 253" in winj20.page


def test_d5_carnival_is_no_missing_session(winj20: Checked) -> None:
    days = {p.day for p in winj20.lake.partitions()}
    assert not {date(2020, 2, 24), date(2020, 2, 25)} & days
    assert date(2020, 2, 26) in days  # opened at 13:00
    assert {finding.check.name for finding in winj20.report.findings} <= {
        "zero_range_run", "feed_loss", "truncated_export", "halt",
    }  # fmt: skip


# --- D6: short sessions and holes of WIN$ and WDOFUT ---


@pytest.mark.parametrize(
    ("day", "start", "minutes"),
    [
        (date(2025, 6, 3), "09:05", 50),  # after the bar of 09:00
        (date(2025, 8, 21), "09:20", 65),  # after the bar of 09:15
        (date(2026, 7, 31), "09:00", 210),
    ],
)
def test_d6_holes_are_in_the_lake(win: Checked, day: date, start: str, minutes: int) -> None:
    assert (start, minutes) in [hole[:2] for hole in win.holes(day)]
    assert win.report.holds


def test_d6_ash_wednesdays_are_short_and_not_wrong(win: Checked) -> None:
    for day in (date(2025, 3, 5), date(2026, 2, 18)):
        assert win.holes(day)[0] == ("09:00", 240, "holiday")
    assert not {date(2025, 3, 5), date(2026, 2, 18)} & set(win.found("feed_loss"))


def test_d6_the_partial_last_day_is_cut_by_its_export(win: Checked) -> None:
    assert set(win.found("truncated_export")) == {date(2026, 8, 18)}


def test_d6_no_session_is_missing(win: Checked, wdofut: Checked) -> None:
    for checked in (win, wdofut):
        assert not [finding for finding in checked.report.findings if finding.check.name == "missing_session"]


def test_d6_wdofut_has_two_holes_on_one_day(wdofut: Checked) -> None:
    holes = [minutes for _, minutes, _ in wdofut.holes(date(2021, 10, 11)) if minutes >= 25]
    assert len(holes) == 2
    assert all(25 <= minutes <= 40 for minutes in holes)


# --- nothing good is refused ---


def test_the_closing_calls_of_a_share_are_told_and_refuse_nothing(realdata: Path, tmp_path: Path) -> None:
    """248 times the usual volume, in a file that tells no number of trades."""
    share = {"PETR4": declare("PETR4", Declaration(0.01, 100.0, 1.0, "BRL", "b3_stocks"))}
    lake = Lake(Home(tmp_path).lake, share)
    import_file(lake, realdata / "b3/profit_bars/PETR4_B_0_1min.csv")
    (report,) = check_lake(Home(tmp_path), lake, None, None).reports
    assert report.holds
    (volume,) = [finding for finding in report.findings if finding.check.name == "unusual_volume"]
    assert "unusually large volume: 9, up to 23,730,300 shares (2022-12-16 17:49" in volume.sentence


def test_locked_quotes_are_told_and_refuse_nothing(realdata: Path, tmp_path: Path) -> None:
    checked = check(realdata / "b3/book/book_data_processed_sample.csv", tmp_path)
    assert checked.report.holds
    assert checked.finding("book_locked").sentence.startswith(
        "times the best bid stood at the best ask: 12 (2025-08-11"
    )


# --- no real file is taken for a generated one ---


def test_no_real_series_is_doubted(wdo: Checked, winj20: Checked, win: Checked, wdofut: Checked) -> None:
    for checked in (wdo, winj20, win, wdofut):
        assert (checked.report.origin, checked.report.verdict.doubts) == ("real", ())
        assert "looks generated" not in checked.result.reason
