"""The gates of promotion: pure functions from evidence to pass or fail, with number, threshold and reason.

Whatever was not measured fails. So does a number that is not finite or lies outside what it can be, for a broken
measurement is no evidence.
"""

import hashlib
import json
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

NOT_MEASURED = "not measured"

Number = float | str | bool | None


@dataclass(frozen=True)
class Gate:
    """The answer of one gate.

    Parameters
    ----------
    value : float, str, bool or None
        What was measured; None where nothing was, text where it is a band or not a finite number.
    threshold : float, str, bool or None
        What `value` was held against.
    reason : str
        A sentence with both, or `NOT_MEASURED`.
    """

    name: str
    passed: bool
    value: Number
    threshold: Number
    reason: str


@dataclass(frozen=True)
class GateThresholds:
    """Where the gates stand; the values in use come from ``params.yaml``.

    Shares, rates, drawdown and errors are fractions; a band is inclusive at both ends.
    """

    latency_p99_us: float = 1000.0
    min_fills: int = 100
    min_sharpe: float = 1.0
    min_deflated_sharpe: float = 0.95
    max_pbo: float = 0.2
    max_drawdown: float = 0.10
    max_ece: float = 0.05
    class_share_band: tuple[float, float] = (0.05, 0.90)
    action_rate_band: tuple[float, float] = (0.002, 0.5)
    min_shadow_sessions: int = 5
    min_compared_sessions: int = 10


@dataclass(frozen=True)
class Evidence:
    """What is known about a candidate; None means nobody measured it.

    Parameters
    ----------
    provenance_known : bool
        Every partition of the lineage names its source.
    schema_equal : bool
        The bundle's feature schema is the catalogue's.
    leak_checks, leaks : int
        Checks of the leak suite that ran, and the leaks they found.
    parity_events, parity_differing : int
        Decision events compared between batch and live, and those that differ in any bit.
    bundle_verifies : bool
        Digests, golden vectors and signature of the bundle hold.
    latency_p99_us : float
        Microseconds from event to decision, 99th percentile.
    fills : int
        Out-of-sample fills.
    sharpe : float
        Annualised, net of costs.
    deflated_sharpe, pbo : float
        Probabilities in [0, 1].
    trials, configurations : int
        Every trial ever run, by which the first is deflated; those that the second was measured among.
    drawdown : float
        Largest fall from the peak as a fraction of capital, positive.
    ece : float
        Expected calibration error in [0, 1].
    class_shares : sequence of float
        Share of each class, summing to one.
    action_rate : float
        Share of decisions that act, in [0, 1].
    synthetic : bool
        The lineage holds synthetic data.
    paper_sessions : int
        Sessions run in the shadow or on paper.
    champion_exists : bool
        There is a champion to beat.
    champion_outdated : str
        Why this version of the code does not take the champion's bundle; empty where it does.
    champion_missing : str
        Why the champion's bundle could not be had; empty where it could.
    compared_sessions : int
        Out-of-sample sessions that the champion was not trained on either.
    lower_bound_over_champion : float
        Lower end of the 90 % interval of the paired block bootstrap: R$ per session over the champion's.
    """

    provenance_known: bool | None = None
    schema_equal: bool | None = None
    leak_checks: int | None = None
    leaks: int | None = None
    parity_events: int | None = None
    parity_differing: int | None = None
    bundle_verifies: bool | None = None
    latency_p99_us: float | None = None
    fills: int | None = None
    sharpe: float | None = None
    deflated_sharpe: float | None = None
    trials: int | None = None
    pbo: float | None = None
    configurations: int | None = None
    drawdown: float | None = None
    ece: float | None = None
    class_shares: Sequence[float] | None = None
    action_rate: float | None = None
    synthetic: bool | None = None
    paper_sessions: int | None = None
    champion_exists: bool | None = None
    champion_outdated: str = ""
    champion_missing: str = ""
    compared_sessions: int | None = None
    lower_bound_over_champion: float | None = None


Check = Callable[[Evidence, GateThresholds], Gate]


@dataclass(frozen=True)
class _Rule:
    """How a number is held against its threshold, and what the number can be at all."""

    words: str
    holds: Callable[[float, float], bool]
    low: float = -math.inf
    high: float = math.inf

    def can_be(self, value: float) -> bool:
        return math.isfinite(value) and self.low <= value <= self.high


_AT_LEAST = _Rule("at least", operator.ge)
_ABOVE = _Rule("above", operator.gt)
_COUNT_AT_LEAST = _Rule("at least", operator.ge, low=0.0)
_COUNT_AT_MOST = _Rule("at most", operator.le, low=0.0)
_SIZE_AT_MOST = _Rule("at most", operator.le, low=0.0)
_SIZE_BELOW = _Rule("below", operator.lt, low=0.0)
_PROBABILITY_AT_LEAST = _Rule("at least", operator.ge, 0.0, 1.0)
_PROBABILITY_AT_MOST = _Rule("at most", operator.le, 0.0, 1.0)
_PROBABILITY_BELOW = _Rule("below", operator.lt, 0.0, 1.0)


def provenance_known(evidence: Evidence, thresholds: GateThresholds) -> Gate:
    """Every partition in the lineage names its source."""
    return _fact("provenance_known", evidence.provenance_known, "Every stored partition of the lineage has a source")


def schema_equal(evidence: Evidence, thresholds: GateThresholds) -> Gate:
    """The bundle was trained on the schema that live computes."""
    return _fact("schema_equal", evidence.schema_equal, "The feature schema of the bundle equals the catalogue's")


def leak_suite(evidence: Evidence, thresholds: GateThresholds) -> Gate:
    """The leak suite ran and found nothing."""
    gate = _number("leak_suite", "The number of leaks found", evidence.leaks, _COUNT_AT_MOST, 0)
    return _counted(gate, evidence.leak_checks, "leak checks")


def parity(evidence: Evidence, thresholds: GateThresholds) -> Gate:
    """Batch and live agree in every bit of every decision event compared."""
    subject = "The number of events that differ between batch and live"
    gate = _number("parity", subject, evidence.parity_differing, _COUNT_AT_MOST, 0)
    return _counted(gate, evidence.parity_events, "events")


def bundle_verifies(evidence: Evidence, thresholds: GateThresholds) -> Gate:
    """The bundle on disk is whole and gives its golden answers."""
    return _fact("bundle_verifies", evidence.bundle_verifies, "The bundle verifies against its digests and golden rows")


def latency(evidence: Evidence, thresholds: GateThresholds) -> Gate:
    """A decision is made within the budget."""
    subject = "The 99th percentile of microseconds per decision"
    return _number("latency", subject, evidence.latency_p99_us, _SIZE_AT_MOST, thresholds.latency_p99_us)


def fills(evidence: Evidence, thresholds: GateThresholds) -> Gate:
    """There are enough out-of-sample fills to say anything."""
    return _number("fills", "The number of out-of-sample fills", evidence.fills, _COUNT_AT_LEAST, thresholds.min_fills)


def sharpe(evidence: Evidence, thresholds: GateThresholds) -> Gate:
    """The result net of costs pays for its risk."""
    return _number("sharpe", "The net Sharpe ratio", evidence.sharpe, _AT_LEAST, thresholds.min_sharpe)


def deflated_sharpe(evidence: Evidence, thresholds: GateThresholds) -> Gate:
    """The result is not the luck of many trials."""
    subject, least = "The deflated Sharpe ratio", thresholds.min_deflated_sharpe
    gate = _number("deflated_sharpe", subject, evidence.deflated_sharpe, _PROBABILITY_AT_LEAST, least)
    return _counted(gate, evidence.trials, "trials")


def pbo(evidence: Evidence, thresholds: GateThresholds) -> Gate:
    """The choice made in sample holds out of sample."""
    subject = "The probability of overfitting"
    gate = _number("pbo", subject, evidence.pbo, _PROBABILITY_AT_MOST, thresholds.max_pbo)
    return _counted(gate, evidence.configurations, "configurations", least=2)


def drawdown(evidence: Evidence, thresholds: GateThresholds) -> Gate:
    """The fall from the peak stays bearable."""
    subject = "The drawdown as a fraction of capital"
    return _number("drawdown", subject, evidence.drawdown, _SIZE_BELOW, thresholds.max_drawdown)


def calibration(evidence: Evidence, thresholds: GateThresholds) -> Gate:
    """A stated probability is about the observed frequency."""
    subject = "The expected calibration error"
    return _number("calibration", subject, evidence.ece, _PROBABILITY_BELOW, thresholds.max_ece)


def class_shares(evidence: Evidence, thresholds: GateThresholds) -> Gate:
    """No class has vanished and none is all there is."""
    band, shares = thresholds.class_share_band, evidence.class_shares
    if shares is None:
        return _unmeasured("class_shares", _band(*band))
    found = ", ".join(_text(share) for share in shares)
    if len(shares) < 2 or not abs(math.fsum(shares) - 1.0) < 1e-6:
        reason = f"The class shares are ({found}) but must be two or more numbers that sum to one."
        return Gate("class_shares", False, found, _band(*band), reason)
    passed = all(band[0] <= share <= band[1] for share in shares)
    return Gate("class_shares", passed, found, _band(*band), _placed(f"The class shares are {found}", passed, band))


def action_rate(evidence: Evidence, thresholds: GateThresholds) -> Gate:
    """The model acts, and not always."""
    band = thresholds.action_rate_band
    if evidence.action_rate is None:
        return _unmeasured("action_rate", _band(*band))
    rate = float(evidence.action_rate)
    passed = band[0] <= rate <= band[1]
    reason = _placed(f"The share of decisions that act is {_text(rate)}", passed, band)
    return Gate("action_rate", passed, _plain(rate), _band(*band), reason)


def provenance_real(evidence: Evidence, thresholds: GateThresholds) -> Gate:
    """No synthetic data in the lineage."""
    if evidence.synthetic is None:
        return _unmeasured("provenance_real", "real")
    found = "synthetic" if evidence.synthetic else "real"
    reason = f"The lineage of the data is {found}; a champion's must be real."
    return Gate("provenance_real", found == "real", found, "real", reason)


def paper_sessions(evidence: Evidence, thresholds: GateThresholds) -> Gate:
    """The challenger has run in the shadow or on paper for long enough."""
    subject, least = "The number of sessions in the shadow or on paper", thresholds.min_shadow_sessions
    return _number("paper_sessions", subject, evidence.paper_sessions, _COUNT_AT_LEAST, least)


def beats_champion(evidence: Evidence, thresholds: GateThresholds) -> Gate:
    """The challenger is better than the champion, or there is none that could trade."""
    if evidence.champion_exists is None:
        return _unmeasured("beats_champion", 0.0)
    if not evidence.champion_exists:
        return Gate("beats_champion", True, "no champion", 0.0, "There is no champion to beat.")
    if evidence.champion_outdated:
        reason = f"This code cannot trade the champion, so none is to beat: {evidence.champion_outdated}."
        return Gate("beats_champion", True, "outdated champion", 0.0, reason)
    if evidence.champion_missing:
        reason = f"The champion cannot be compared with: {evidence.champion_missing}."
        return Gate("beats_champion", False, None, 0.0, reason)
    subject = "The lower 90 % bound of R$ per session over the champion's"
    gate = _number("beats_champion", subject, evidence.lower_bound_over_champion, _ABOVE, 0.0)
    return _counted(gate, evidence.compared_sessions, "sessions new to both", least=thresholds.min_compared_sessions)


CHALLENGER: tuple[Check, ...] = (
    provenance_known,
    schema_equal,
    leak_suite,
    parity,
    bundle_verifies,
    latency,
    fills,
    sharpe,
    deflated_sharpe,
    pbo,
    drawdown,
    calibration,
    class_shares,
    action_rate,
)
CHAMPION: tuple[Check, ...] = (provenance_real, paper_sessions, beats_champion)


def challenger_gates(evidence: Evidence, thresholds: GateThresholds) -> tuple[Gate, ...]:
    """Answer every gate between candidate and challenger, in the order of the design."""
    return tuple(check(evidence, thresholds) for check in CHALLENGER)


def champion_gates(evidence: Evidence, thresholds: GateThresholds) -> tuple[Gate, ...]:
    """Answer every gate between challenger and champion; they come on top of the challenger's."""
    return tuple(check(evidence, thresholds) for check in CHAMPION)


def as_table(gates: Sequence[Gate]) -> list[dict[str, Any]]:
    """Return one row per gate, ready for JSON, with keys name, passed, value, threshold and reason."""
    return [asdict(gate) for gate in gates]


def gates_digest(table: Sequence[Mapping[str, Any]]) -> str:
    """Return the SHA-256 of a gate table's canonical JSON, in hexadecimal."""
    text = json.dumps([dict(row) for row in table], sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _number(name: str, subject: str, value: float | None, rule: _Rule, threshold: float) -> Gate:
    """Hold a number against its threshold."""
    if value is None:
        return _unmeasured(name, threshold)
    number = float(value)
    if not rule.can_be(number):
        reason = f"{subject} is {_text(number)}, which is not a number from {_text(rule.low)} to {_text(rule.high)}."
        return Gate(name, False, _plain(number), threshold, reason)
    passed = bool(rule.holds(number, threshold))
    needed = f"{rule.words} {_text(threshold)}"
    ending = f", {needed} as asked." if passed else f" but must be {needed}."
    reason = f"{subject} is {_text(number)}{ending}"
    return Gate(name, passed, number, threshold, reason)


def _fact(name: str, value: bool | None, statement: str) -> Gate:
    if value is None:
        return _unmeasured(name, True)
    return Gate(name, bool(value), bool(value), True, f"{statement}: {'yes' if value else 'no'}; yes is asked.")


def _counted(gate: Gate, size: int | None, noun: str, least: int = 1) -> Gate:
    """Fail a gate whose sample is unknown or too small: nothing was wrong among nothing compared."""
    if size is not None and not least <= size < math.inf:
        return replace(gate, passed=False, reason=f"The sample is {size} {noun} but must be at least {least}.")
    if size is None or gate.value is None:
        return _unmeasured(gate.name, gate.threshold)
    return replace(gate, reason=f"{gate.reason[:-1]} (out of {size} {noun}).")


def _unmeasured(name: str, threshold: Number) -> Gate:
    return Gate(name, False, None, threshold, NOT_MEASURED)


def _band(low: float, high: float) -> str:
    return f"{_text(low)} to {_text(high)}"


def _placed(statement: str, passed: bool, band: tuple[float, float]) -> str:
    return f"{statement}, within {_band(*band)} as asked." if passed else f"{statement} but must lie in {_band(*band)}."


def _text(number: float) -> str:
    return f"{number:.6g}"


def _plain(number: float) -> float | str:
    """Return the number, or its name where JSON has none for it."""
    return number if math.isfinite(number) else str(number)
