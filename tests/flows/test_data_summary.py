"""The one-page summary: offline, in two languages, and every message of it is used."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from html.parser import HTMLParser
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from backtest.messages import MESSAGES
from flows.checks import CONTRACTS, SUITES, Check, Finding, Found, Unit
from flows.data_summary import write_summary
from flows.expectations import SuiteResult
from flows.series_report import SeriesReport
from market.calendar import to_ns
from market.lake_manifest import Cause, Partition, Provenance
from market.precheck_defects import LONG_RUN
from market.realism import Realism

DAY = date(2026, 6, 1)
REAL, DOUBTED = Realism(True, ()), Realism(False, ("returns have a kurtosis of 3.00",))


class Text(HTMLParser):
    """The words of a page and what it would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.fetched: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = [(name, value or "") for name, value in attrs]
        self.ids += [value for name, value in named if name == "id"]
        self.links += [value[1:] for name, value in named if name == "href" and value.startswith("#")]
        self.fetched += [
            f"{tag} {name}"
            for name, value in named
            if name in ("src", "href", "xlink:href", "data") and not value.startswith("#")
        ]


def read(page: str) -> Text:
    reader = Text()
    reader.feed(page)
    return reader


def text_of(page: str) -> str:
    reader = read(page)
    assert reader.fetched == []
    assert set(reader.links) <= set(reader.ids)
    assert not any(mark in page for mark in ("http:", "https:", "@import", "url("))
    return " ".join(" ".join(reader.words).split())


def partition(
    kind: str, basis: str = "raw", synthetic: bool = False, contract: str = "WDOFUT", seconds: int = 300
) -> Partition:
    origin = Provenance("WDOFUT <i>export</i>.csv", "0" * 64, "profit_bars/2", synthetic, basis)
    length = seconds if kind == "bars" else 0
    return Partition(kind, "WDO", contract, "", DAY.isoformat(), length, 45_818, 0, "", 0, 0, (), origin)


def report(kind: str = "bars", found: bool | str = False, **changes: object) -> SeriesReport:
    """Return a report of one session; with every finding of its two suites, or the one that is asked for."""
    results = tuple(
        SuiteResult(
            suite, kind, 1, 45_818, len(SUITES[suite]),
            tuple(Finding(check, ((DAY, Found(2, 7)),)) for check in SUITES[suite] if found in (True, check.name)),
        )
        for suite in (kind, "series")
    )  # fmt: skip
    made = SeriesReport((partition(kind),), results, REAL, {}, {}, CONTRACTS, None)
    return replace(made, **changes)  # type: ignore[arg-type]


def every_page() -> Iterator[list[SeriesReport]]:
    """Yield reports that between them show all a page can show."""
    yield []
    yield [report(kind, found) for kind, found in product(("trades", "quotes", "book", "bars"), (True, False))]
    yield [report(found="halt")]
    yield [report(gaps={str(cause): (3, 12.0) for cause in Cause}, volume=np.arange(48.0))]
    for unit in ("shares", "units"):
        heavy = Finding(Check("unusual_volume", False), ((DAY, Found(2, 7)),), unit=Unit(unit, 1.0))
        results = (SuiteResult("bars", "", 1, 1, 1, (heavy,)),)
        yield [report(results=results, unit=Unit(unit, 1.0), volume=np.arange(48.0))]
    yield [report(partitions=(partition("bars", seconds=86_400),))]
    for basis in ("raw", "recovered", "back_adjusted"):
        yield [report(partitions=(partition("bars", basis),))]
    yield [report(partitions=(partition("bars", synthetic=True),)), report(verdict=DOUBTED)]
    yield [report(partitions=(partition("bars", synthetic=True), partition("bars")))]


def written(folder: Path, reports: list[SeriesReport]) -> str:
    write_summary(folder / "deep" / "summary.html", reports, Path("docs/index.html"))
    return (folder / "deep" / "summary.html").read_text(encoding="utf-8")


def test_every_message_of_the_data_is_shown_in_both_languages(tmp_path: Path) -> None:
    """A sentence that no page shows is dead; one that is missing fails the rendering."""
    shown = " ".join(text_of(written(tmp_path, reports)) for reports in every_page())
    places = {"count": "2", "sessions": "1", "run": str(LONG_RUN)}
    verdicts = {"data_verdict_refused": "4 {} 8", "data_verdict_told": "1 {} 1"}
    for key in (key for key in MESSAGES if key.startswith("data_")):
        for text in MESSAGES[key]:
            of = "de" if text == MESSAGES[key].pt else "of"
            numbers = verdicts.get(key, "5 min").format(of).split(f" {of} ")
            head = text.partition("{worst}")[0].format(*numbers, **places)
            assert " ".join(head.split()) in shown, key


def test_a_page_quotes_safely_and_counts_in_thousands(tmp_path: Path) -> None:
    page = written(tmp_path, [report(partitions=(partition("bars", contract="WIN$ <script>"),))])
    assert "WIN$ &lt;script&gt;" in page
    assert "WDOFUT &lt;i&gt;export&lt;/i&gt;.csv" in page
    assert "45\u202f818" in page
    assert "docs/index.html" in page


def test_series_are_counted_and_shown_by_verdict_the_refused_first(tmp_path: Path) -> None:
    contracts = {"WDOA": False, "WDOB": "halt", "WDOC": "huge_volume", "WDOD": False, "WDOE": "generated"}
    reports = [
        report(found=found, partitions=(partition("bars", contract=contract),)) for contract, found in contracts.items()
    ]
    page = written(tmp_path, reports)
    heads = [piece.partition(" ·")[0] for piece in page.split("<h2>")[1:]]
    assert heads == ["WDOC", "WDOE", "WDOB", "WDOA", "WDOD"]
    text = text_of(page)
    assert "✘ Séries recusadas: 2 de 5." in text
    assert "5 Séries Series 2 Recusadas Refused 1 Com avisos With notices 2 Sem avisos Without notices" in text
    marks = [text.count(mark) for mark in ("✘ recusada refused", "✔ com avisos with notices")]
    assert marks == [4, 2]  # once in the table of all, once at the series


def test_head_of_the_page_leads_to_every_refused_series_and_says_why(tmp_path: Path) -> None:
    named = [
        report(found=found, partitions=(partition("bars", contract=contract),))
        for contract, found in (("WDOA", "halt"), ("WDOB", "huge_volume"))
    ]
    page = written(tmp_path, named)
    verdict, section = (
        page.partition('class="card tiles"')[0],
        page.partition('<section class="card" id="series-1">')[2],
    )
    assert verdict.count('<a href="#series-1">WDOB') == 1
    assert "WDOA" not in verdict
    assert "up to 7 contracts" in verdict
    assert section.partition("</h2>")[0].strip().startswith("<header>\n<h2>WDOB")
    assert read(page).links.count("series-2") == 1  # from the table of all


@pytest.mark.parametrize(
    ("found", "sign", "colour"), [("huge_volume", "✘", "loss"), ("halt", "✔", "warn"), ("", "✔", "gain")]
)
def test_verdict_of_the_page_is_that_of_its_worst_series(tmp_path: Path, found: str, sign: str, colour: str) -> None:
    page = written(tmp_path, [report(found=found), report()])
    assert f'<section class="card verdict {colour}">\n<p>{sign} ' in page


@pytest.mark.parametrize(
    ("seconds", "name"), [(86_400, "barras diárias daily bars"), (900, "barras de 15 min"), (90, "barras de 90 s")]
)
def test_length_of_bars_is_told_as_people_say_it(tmp_path: Path, seconds: int, name: str) -> None:
    made = report(partitions=(partition("bars", seconds=seconds),))
    assert f"WDOFUT · {name}" in text_of(written(tmp_path, [made]))
    labels = {86_400: "WDOFUT daily bars", 900: "WDOFUT bars 15 min", 90: "WDOFUT bars 90 s"}
    assert made.label == labels[seconds]


def test_gaps_and_missing_sessions_stand_together_by_cause(tmp_path: Path) -> None:
    made = report(gaps={"auction": (3, 12.0), "halt": (1, 30.0)}, missing={"feed loss": 21, "auction": 0, "holiday": 9})
    text = text_of(written(tmp_path, [made])).partition("Buracos por causa")[2]
    rows = (
        "interrupção halt 1 30 0",
        "leilão auction 3 12 0",
        "perda de dados feed loss 0 0 21",
        "feriado holiday 0 0 9",
    )
    places = [text.index(row) for row in rows]
    assert places == sorted(places)
    assert "arquivo cortado" not in text


def test_a_finding_names_its_places_once(tmp_path: Path) -> None:
    found = tuple((date(2026, 6, k), Found(1, k, to_ns(datetime(2026, 6, k, 9, 30)))) for k in range(1, 8))
    own = next(check for check in SUITES["bars"] if check.name == "huge_volume")
    results = (SuiteResult("bars", "", 7, 7, 12, (Finding(own, found),)),)
    page = text_of(written(tmp_path, [report(results=results)]))
    assert "barras de volume impossível para tão poucos negócios: 7, até 7 contratos" in page
    assert page.count("2026-06-07 09:30 , 2026-06-06 09:30 , 2026-06-05 09:30") == 1
    assert "+ 2" in page
    assert "2026-06-02 09:30" not in page


@pytest.mark.parametrize(
    ("volume", "marks"),
    [
        (np.zeros(48), []),
        (np.bincount([18, 18, 19, 21], minlength=48).astype(float), ["09:00: 2", "09:30: 1", "10:00: 0", "10:30: 1"]),
    ],
)
def test_volume_is_drawn_from_its_first_half_hour_to_its_last(
    tmp_path: Path, volume: np.ndarray, marks: list[str]
) -> None:
    page = written(tmp_path, [report(volume=volume)])
    assert [piece.partition("<title>")[2].partition("</title>")[0] for piece in page.split("<rect")[1:]] == marks
    assert page.count("Contratos por meia hora") == bool(marks)
    assert page.count(">9h</text>") == page.count(">10h</text>") == bool(marks)
