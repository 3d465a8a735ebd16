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
from flows.checks import SUITES, Finding, Found
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

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.fetched += [f"{tag} {name}" for name, _ in attrs if name in ("src", "href", "xlink:href", "data")]


def text_of(page: str) -> str:
    reader = Text()
    reader.feed(page)
    assert reader.fetched == []
    assert not any(mark in page for mark in ("http:", "https:", "@import", "url("))
    return " ".join(" ".join(reader.words).split())


def partition(kind: str, basis: str = "raw", synthetic: bool = False, contract: str = "WDOFUT") -> Partition:
    origin = Provenance("WDOFUT <i>export</i>.csv", "0" * 64, "profit_bars/2", synthetic, basis)
    seconds = 300 if kind == "bars" else 0
    return Partition(kind, "WDO", contract, "", DAY.isoformat(), seconds, 45_818, 0, "", 0, 0, (), origin)


def report(kind: str = "bars", found: bool = False, **changes: object) -> SeriesReport:
    """Return a report of one session; with every finding of its two suites, if asked."""
    results = tuple(
        SuiteResult(
            suite, kind, 1, 45_818, len(SUITES[suite]),
            tuple(Finding(check, ((DAY, Found(2, 7)),)) for check in SUITES[suite] if found),
        )
        for suite in (kind, "series")
    )  # fmt: skip
    made = SeriesReport((partition(kind),), results, REAL, {}, None)
    return replace(made, **changes)  # type: ignore[arg-type]


def every_page() -> Iterator[list[SeriesReport]]:
    """Yield reports that between them show all a page can show."""
    yield []
    yield [report(kind, found) for kind, found in product(("trades", "quotes", "book", "bars"), (True, False))]
    yield [report(gaps={str(cause): (3, 12.0) for cause in Cause}, volume=np.arange(48.0))]
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
    for key in (key for key in MESSAGES if key.startswith("data_")):
        for text in MESSAGES[key]:
            head = text.partition("{worst}")[0].format("5 min", **places)
            assert " ".join(head.split()) in shown, key


def test_a_page_quotes_safely_and_counts_in_thousands(tmp_path: Path) -> None:
    page = written(tmp_path, [report(partitions=(partition("bars", contract="WIN$ <script>"),))])
    assert "WIN$ &lt;script&gt;" in page
    assert "WDOFUT &lt;i&gt;export&lt;/i&gt;.csv" in page
    assert "45\u202f818" in page
    assert "docs/index.html" in page


def test_what_refuses_and_what_tells_is_counted_apart(tmp_path: Path) -> None:
    page = text_of(written(tmp_path, [report(found=True), report()]))
    assert "✘ recusada refused real" in page
    assert "✔ aprovada holds real" in page
    # 11 of bars and 1 of the series refuse; 1 and 6 tell
    assert "12 Motivos de recusa Reasons to refuse 7 Avisos Notices" in page


def test_a_finding_names_its_places_once(tmp_path: Path) -> None:
    found = tuple((date(2026, 6, k), Found(1, k, to_ns(datetime(2026, 6, k, 9, 30)))) for k in range(1, 8))
    own = next(check for check in SUITES["bars"] if check.name == "huge_volume")
    results = (SuiteResult("bars", "", 7, 7, 12, (Finding(own, found),)),)
    page = text_of(written(tmp_path, [report(results=results)]))
    assert "barras de volume absurdo: 7, até 7 contratos" in page
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
    assert page.count(">9h</text>") == page.count(">10h</text>") == bool(marks)
