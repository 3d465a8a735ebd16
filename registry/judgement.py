"""Whether a version may be champion: its signed gates, and anew those whose evidence has grown since training."""

from dataclasses import dataclass
from pathlib import Path

from market.errors import GatesRefused, SafetyRefusal
from market.home import Home
from registry.gate_record import CHAMPION_ALIAS, GateRecord, unseal
from registry.gates import Evidence, Gate, GateThresholds, paper_sessions
from registry.signing import load_private_key, public_key
from registry.tracking import DIGEST_TAG, Version, gate_record_of, store_gate_record
from trading.journal import Kind, scan

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
        If the version's gate record is not signed by the home's key, or is of another model or bundle.
    RegistryError
        If the server cannot be reached or the version has no gate record.
    """
    stored = verified_record(home, uri, version)
    lacking = paper_sessions.__name__ in [gate.name for gate in stored.failing(CHAMPION_ALIAS)]
    record = stored.answered(_count_sessions(home, stored)) if lacking else stored
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


def count_sessions(folder: Path, digest: str) -> int:
    """Return on how many days a bundle was run on paper or in the shadow, by the journals in a folder.

    A journal that is damaged is no evidence, so it is passed over.
    """
    return len({day for path in folder.glob("*.bin") for day in _days_of(path, digest)})


def _days_of(path: Path, digest: str) -> set[str]:
    try:
        records = scan(path).records
    except (SafetyRefusal, OSError):
        return set()
    begun = [record.fields() for record in records if record.kind == Kind.SESSION]
    return {one["day"] for one in begun if one["mode"] in _COUNTED and digest in one["bundle"].split("+")}


def _count_sessions(home: Home, record: GateRecord) -> Gate:
    """Answer the gate that asks for sessions, against the threshold that was signed."""
    asked = [gate.threshold for gate in record.gates if gate.name == paper_sessions.__name__]
    least = asked[0] if asked and isinstance(asked[0], (int, float)) else GateThresholds().min_shadow_sessions
    found = Evidence(paper_sessions=count_sessions(home.journal, record.bundle_digest))
    return paper_sessions(found, GateThresholds(min_shadow_sessions=int(least)))
