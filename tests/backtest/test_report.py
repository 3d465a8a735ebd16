"""The report is one file that needs no network, in two languages, and hides nothing."""

import re
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser

import pytest

from backtest.messages import MESSAGES
from backtest.report import Calibration, EquityCurve, Gate, ReportData, render_report, write_report
from registry.gates import Evidence, GateThresholds, challenger_gates, champion_gates
from trading.records import RefusalReason as R
from trading.requests import Refusal

VOID = {"meta", "br", "img", "input", "hr", "link"}


class Page(HTMLParser):
    """Collects what a browser would fetch, the ids, the visible words, and checks that tags close."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.ids: list[str] = []
        self.references: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag not in VOID:
            self.open.append(tag)
        self._note(attrs)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._note(attrs)

    def _note(self, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id":
                self.ids.append(str(value))
            if name in {"href", "xlink:href", "src", "srcset", "action", "poster", "background", "data"}:
                self.references.append(str(value))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"[ \t\n]+", " ", " ".join(self.words))


@pytest.fixture(scope="module")
def html(full_report: ReportData) -> str:
    return render_report(full_report)


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def test_nothing_is_fetched_from_anywhere(html, page):
    assert not re.search(r"https?:|//\w|@import|@font-face|\bimage-set\(", html)
    assert not re.search(r"url\((?!#)", html)
    assert page.tags.isdisjoint({"script", "link", "iframe", "object", "embed", "img", "base", "form"})
    assert page.references
    assert all(reference.startswith("#") for reference in page.references)


def test_every_reference_inside_the_page_has_its_target(html, page):
    assert len(page.ids) == len(set(page.ids))
    assert {reference[1:] for reference in page.references} <= set(page.ids)
    assert set(re.findall(r"url\(#([^)]+)\)", html)) <= set(page.ids)


def test_the_same_data_give_the_same_file(full_report, html, tmp_path):
    write_report(full_report, tmp_path / "report.html")
    assert (tmp_path / "report.html").read_bytes() == html.encode("utf-8")


def test_synthetic_data_carry_a_banner_and_real_data_do_not(full_report, page):
    sentence = MESSAGES["synthetic"]
    assert sentence.pt in page.text
    assert sentence.en in page.text
    real = Page(render_report(replace(full_report, synthetic=False))).text
    assert sentence.pt not in real
    assert sentence.en not in real


def test_sessions_the_model_was_trained_on_are_told_and_a_fresh_run_tells_none(bare_report):
    text = Page(render_report(replace(bare_report, in_sample=7))).text
    assert "Pregões até o último do treino: 7." in text
    assert "Sessions up to the last of training: 7." in text
    assert "do treino:" not in Page(render_report(bare_report)).text


def test_broker_notes_stand_by_month(page):
    assert " 03/2024 11 40 −1\u202f234,50 44,00 3,21 −1\u202f281,71 " in page.text


@pytest.mark.parametrize(("sufficient", "shown"), [(True, False), (False, True), (None, True)])
def test_a_small_sample_is_said_to_be_insufficient(sufficient, shown, full_report):
    metrics = {**full_report.metrics, "sufficient": sufficient}
    assert (MESSAGES["insufficient"].pt in Page(render_report(replace(full_report, metrics=metrics))).text) is shown


@pytest.mark.parametrize(
    "shown",
    [
        "WDO one minute", "R$\u00a012\u202f346", "1,42", "0,970", "3,4\u202f%", "1,31", "R$\u00a051,44", "54,0\u202f%",
        "tendência de alta", "trend down", "09 h", "annualised, after fees", "no champion to compare with",
        "the chosen trial is often below the median out of sample", "vwap_distance", "0,610", "2\u202f612",
        "−R$\u00a0412,60", "ab" * 32, "3f2b1c9", "market.synthetic", "2,10\u202f%",
        "4\u202f321 61,2\u202f% 60,0\u202f% 18,7\u202f%", "0 – 60,0\u202f% –",
        "5\u202f432 51,7\u202f% 49,8\u202f% – 0,2497 0,2731 –",
        "51,7\u202f% 49,8\u202f% 56,1\u202f% 0,2497 0,2731 0,5610",
    ],
)  # fmt: skip
def test_every_number_and_reason_is_shown(shown, page):
    assert shown in page.text


def test_gates_are_counted_and_an_unjudged_gate_has_not_passed(page):
    assert "To challenger : 1 / 2" in page.text
    assert "To champion : 0 / 1" in page.text
    assert MESSAGES["not_judged"].en in page.text


def test_what_gate_and_venue_did_not_let_pass_stands_side_by_side(bare_report):
    data = replace(bare_report, refused={"stale_feed": 12}, rejected={"phase": 2, "triggered": 1})
    text = Page(render_report(data)).text
    told = text[text.index("What was not traded") :]
    assert "Entries refused by the gate dados velhos demais data too old 12 Ordens rejeitadas pela bolsa" in told
    assert "fase do pregão phase of the session 2 stop já disparado stop already triggered 1" in told
    assert "What was not traded" not in Page(render_report(bare_report)).text


def test_every_reason_of_gate_and_venue_has_a_message():
    gate = {f"refusal_{reason.name.lower()}" for reason in R if R.NONE < reason < R.UNKNOWN_ORDER}
    assert gate == {key for key in MESSAGES if key.startswith("refusal_")}
    assert {f"reject_{reason.name.lower()}" for reason in Refusal} == {k for k in MESSAGES if k.startswith("reject_")}


def test_what_ended_the_entries_of_sessions_is_told_in_both_languages(bare_report):
    halts = ((date(2026, 7, 21), "account", "daily_loss"), (date(2026, 7, 22), "WINQ26", "unanswered"))
    text = Page(render_report(replace(bare_report, halts=halts))).text
    table = text[text.index("Bloqueios Locks") :]
    for told in (
        "Locks: 2.",
        "21/07/2026 Conta inteira Whole account perda diária no limite daily loss at its limit",
        "22/07/2026 WINQ26 pedido sem resposta",
    ):
        assert told in table
    assert "Bloqueios" not in Page(render_report(bare_report)).text


def test_every_reason_that_halts_or_reduces_has_a_message():
    # docs/risk.md, "What changes the state"; from UNKNOWN_ORDER on reasons only halt.
    session = {R.DAILY_LOSS, R.DRAWDOWN, R.IDENTICAL_ORDERS, R.ENTRY_RATE, R.REJECT_BURST, R.WIN_RATE, R.OUTPUT_FULL}
    reasons = session | {reason for reason in R if reason >= R.UNKNOWN_ORDER}
    assert {f"halt_{reason.name.lower()}" for reason in reasons} == {key for key in MESSAGES if key.startswith("halt_")}


def test_every_gate_of_the_registry_has_a_name_in_both_languages(bare_report):
    gates = (*challenger_gates(Evidence(), GateThresholds()), *champion_gates(Evidence(), GateThresholds()))
    named = {f"gate_{gate.name}" for gate in gates}
    assert named == {key for key in MESSAGES if key.startswith("gate_")}
    shown = tuple(Gate(gate.name, gate.passed, gate.value, gate.threshold, gate.reason) for gate in gates)
    text = Page(render_report(replace(bare_report, challenger_gates=shown))).text
    assert all(sentence in text for key in named for sentence in MESSAGES[key])


@pytest.mark.parametrize(
    ("value", "text"), [("0.05 to 0.9", "0.05 to 0.9"), (True, "sim yes"), (False, "não no"), (0.3, "0,3"), (None, "–")]
)
def test_a_gate_shows_what_it_measured_whatever_its_kind(value, text, bare_report):
    page = Page(render_report(replace(bare_report, champion_gates=(Gate("own_gate", True, value, 7.0, "why"),))))
    assert f" own_gate passou passed {text} 7 why " in page.text


def test_drift_is_read_by_its_size_the_largest_first(page):
    order = [page.text.index(name) for name in ("ofi_5", "vwap_distance", "adx_14")]
    assert order == sorted(order)
    for key in ("drift_stable", "drift_watch", "drift_shifted"):
        assert MESSAGES[key].pt in page.text


def test_a_drift_that_could_not_be_measured_comes_first_and_is_not_stable(bare_report):
    text = Page(render_report(replace(bare_report, drift={"adx_14": 0.02, "ofi_5": float("nan")}))).text
    assert text.index("ofi_5") < text.index("adx_14")
    assert MESSAGES["drift_shifted"].pt in text


@pytest.mark.parametrize(("psi", "key"), [(0.0999, "stable"), (0.10, "watch"), (0.25, "watch"), (0.2501, "shifted")])
def test_drift_limits(psi, key, bare_report):
    text = Page(render_report(replace(bare_report, drift={"adx_14": psi}))).text
    read = {name for name in ("stable", "watch", "shifted") if f" {MESSAGES['drift_' + name].pt} " in text}
    assert read == {key}


def test_inputs_that_nothing_finds_dead_are_named(bare_report):
    told = MESSAGES["drift_unwatched"].pt
    assert told not in Page(render_report(bare_report)).text
    text = Page(render_report(replace(bare_report, unwatched=("adx_bin", "slope_trend")))).text
    assert told in text
    assert ": adx_bin , slope_trend ." in text


def test_an_empty_run_is_shown_as_such_and_not_left_out(bare_report):
    text = Page(render_report(bare_report)).text
    for key in (key for key in MESSAGES if key.startswith("section_")):
        assert MESSAGES[key].pt in text
    assert text.count(MESSAGES["absent"].pt) == 19
    assert "nan" not in text.lower().split()


def test_empty_arrays_are_shown_as_absent(bare_report, walk):
    none = walk["close"][:0]
    data = replace(
        bare_report, curve=EquityCurve(none, none, none, 1.0), calibration=Calibration(none, none, none, 0.0)
    )
    assert "<svg" not in render_report(data)


def test_text_from_elsewhere_cannot_become_markup(full_report):
    hostile = '<script>alert("x")</script><img src=x>'
    data = replace(
        full_report,
        title=hostile,
        subtitle=hostile,
        lineage={hostile: hostile},
        drift={hostile: 0.1},
        importance={hostile: 1.0},
        challenger_gates=(Gate(hostile, False, 1.0, 2.0, hostile),),
    )
    page = Page(render_report(data))
    assert page.tags.isdisjoint({"script", "img"})


def test_every_message_is_used_and_stands_in_both_languages(full_report, bare_report, page):
    """A sentence that no report shows is dead; one that is missing fails the rendering."""
    assert full_report.paper is not None
    others = [
        bare_report,
        replace(full_report, paper=replace(full_report.paper, parity=False)),
        replace(full_report, paper=replace(full_report.paper, parity=None)),
    ]
    text = " ".join([page.text, *(Page(render_report(data)).text for data in others)])
    # each has its own test
    elsewhere = ("plot_grouped", "gate_", "data_", "in_sample", "sweep_", "refusal", "reject_", "halt")
    elsewhere += ("title_refusals", "title_halts", "column_session", "week_", "watch_")
    for key, message in MESSAGES.items():
        if not key.startswith(elsewhere):
            assert message.pt in text, key
            assert message.en in text, key


def test_no_message_is_empty_or_left_in_one_language():
    shared = {"Regime", "PSI", "real"}
    for key, (pt, en) in MESSAGES.items():
        assert pt.strip() == pt != "", key
        assert en.strip() == en != "", key
        assert pt != en or pt in shared, key
