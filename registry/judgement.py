"""Whether a version may be champion: its signed gates, and anew those whose evidence has grown since training."""

import datetime as dt
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from market.errors import GatesRefused, SafetyRefusal
from market.home import Home
from registry.bundle_files import last_session_in
from registry.gate_record import CHAMPION_ALIAS, GateRecord, unseal
from registry.gates import Evidence, Gate, GateThresholds, paper_sessions
from registry.signing import load_private_key, public_key
from registry.tracking import DIGEST_TAG, Version, gate_record_of, manifest_of, store_gate_record
from trading.journal import VENDOR_FEED, Kind, scan

_COUNTED = ("shadow", "paper")  # modes of the runner that follow a session as it happens


@dataclass(frozen=True)
class Judgement:
    """What the gates say of a version now.

    Parameters
    ----------
    version : Version
    record : GateRecord
        As stored with the version.
    failing : tuple of Gate
        What keeps it from being champion; none where it may be.
    """

    version: Version
    record: GateRecord
    failing: tuple[Gate, ...]


def judge(home: Home, uri: str, version: Version) -> Judgement:
    """Ask whether a version may be champion, and store what was answered anew.

    Sessions on paper or in the shadow come after training, so they are counted now, in the journals of the home.

    Raises
    ------
    GatesRefused
        If the version's gate record is not signed by the home's key, or it or the stored manifest is of another bundle.
    RegistryError
        If the server cannot be reached or the version has no gate record.
    """
    stored = verified_record(home, uri, version)
    lacking = paper_sessions.__name__ in [gate.name for gate in stored.failing(CHAMPION_ALIAS)]
    record = stored.answered(_count_sessions(home, uri, version, stored)) if lacking else stored
    if record != stored:
        store_gate_record(uri, version, record, load_private_key(home.keys))
    return Judgement(version, record, record.failing(CHAMPION_ALIAS))


def verified_record(home: Home, uri: str, version: Version) -> GateRecord:
    """Return the gate record stored with a version once it is proved to be of this version; raises as `judge`."""
    where = f"{version.name} version {version.version}"
    record = unseal(where, gate_record_of(uri, version.name, version.version), public_key(home.keys))
    own = (version.name, version.tags.get(DIGEST_TAG))
    if (record.model, record.bundle_digest) != own:
        raise GatesRefused(
            f"{where}: expected the gate record of bundle {own[1]}, found that of {record.model} "
            f"{record.bundle_digest}; register the version again"
        )
    return record


def count_sessions(folder: Path, digest: str, trained: dt.date) -> int:
    """Return on how many days after its training a bundle was followed on the market, by the journals in a folder.

    A day counts where a journal has it on the vendor's feed, in the shadow or on paper, and the bundle made decisions
    and was there at the close. What a journal does not say does not count, and neither does one that is damaged.
    """
    days = {day for path in folder.glob("*.bin") for day in _days_of(path, digest)}
    return sum(day > trained.isoformat() for day in days)


def _days_of(path: Path, digest: str) -> set[str]:
    try:
        records = scan(path).records
    except (SafetyRefusal, OSError):
        return set()
    days: set[str] = set()
    day, decided = "", False
    for record in records:
        if record.kind == Kind.SESSION:
            day, decided = _day_followed(record.fields(), digest), False
        elif record.kind == Kind.DECISION:
            decided = True
        elif record.kind == Kind.CLOSE and day and decided:
            days.add(day)
    return days


def _day_followed(session: Mapping[str, Any], digest: str) -> str:
    """Return the day of a session that a bundle followed on the market, empty where it did not."""
    followed = session.get("mode") in _COUNTED and session.get("feed") == VENDOR_FEED
    return str(session.get("day", "")) if followed and session.get("bundle") == digest else ""


def _count_sessions(home: Home, uri: str, version: Version, record: GateRecord) -> Gate:
    """Answer the gate that asks for sessions, against the threshold that was signed."""
    asked = [gate.threshold for gate in record.gates if gate.name == paper_sessions.__name__]
    least = asked[0] if asked and isinstance(asked[0], (int, float)) else GateThresholds().min_shadow_sessions
    trained = _last_trained(uri, version, record.bundle_digest)
    found = Evidence(paper_sessions=count_sessions(home.journal, record.bundle_digest, trained))
    return paper_sessions(found, GateThresholds(min_shadow_sessions=int(least)))


def _last_trained(uri: str, version: Version, digest: str) -> dt.date:
    """Return the last session of a version's training, by the manifest that its digest is of."""
    manifest = manifest_of(uri, version)
    found = hashlib.sha256(manifest).hexdigest()
    if found != digest:
        raise GatesRefused(
            f"{version.name} version {version.version}: expected the manifest of bundle {digest}, found that of "
            f"{found}; register the version again"
        )
    return last_session_in(manifest)
