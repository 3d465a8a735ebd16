"""Which bundle the runner takes, and why it may: one small file per instrument and place, replaced in one step.

The place is the alias; a demonstration has one of its own beside it, which no order at a broker ever follows. The file
names the bundle of the cache by its digest and holds the signed gate record that lets it trade, and the same of the one
before. Everything is proved anew whenever it is opened; where the present one does not hold, the one before
it serves. No server is asked.
"""

import contextlib
import json
import os
import tempfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from market.durable import sync_folder
from market.errors import BundleRefused, GatesRefused, ProvenanceRefused, SafetyRefusal
from market.home import Home
from registry.bundle import Bundle, load_bundle
from registry.gate_record import CHAMPION_ALIAS, GateRecord, unseal
from registry.signing import public_key


@dataclass(frozen=True)
class Entry:
    """A bundle of the cache that an alias named.

    Parameters
    ----------
    digest : str
    model : str
        Registered name.
    version : int
    alias : str
    demonstration : bool
        Taken for paper only, where synthetic data are allowed.
    gate_record : str
        As signed.
    """

    digest: str
    model: str
    version: int
    alias: str
    demonstration: bool
    gate_record: str

    @property
    def where(self) -> str:
        """Name it for messages."""
        return f"{self.model} version {self.version}"

    @property
    def place(self) -> str:
        """Name where it is served."""
        return _place_of(self.alias, demonstration=self.demonstration)


@dataclass(frozen=True)
class Served:
    """The bundle to trade, verified.

    Parameters
    ----------
    bundle : Bundle
    entry : Entry
        What it is.
    refused : str
        Why this is the last good one and not the present one; empty where it is the present one.
    """

    bundle: Bundle
    entry: Entry
    refused: str = ""


def places_of(alias: str, *, at_broker: bool) -> tuple[str, ...]:
    """Return where a runner looks for its bundle, in this order.

    Orders at a broker are the champion's alone. Elsewhere a demonstration goes first, for somebody asked for it; the
    next bundle that is pulled for that alias ends it.
    """
    if at_broker:
        return (CHAMPION_ALIAS,)
    aliases = dict.fromkeys((alias, CHAMPION_ALIAS))
    return tuple(_place_of(one, demonstration=shown) for one in aliases for shown in (True, False))


def serve(home: Home, root: str, entry: Entry) -> Path:
    """Make a bundle the one that the runner takes of an instrument; the one before stays named behind it.

    Whoever calls has verified it. A demonstration stands beside what else is served, and ends with the next bundle.
    """
    try:
        present = _entries(home, root, entry.place)
    except BundleRefused:  # it is about to be replaced
        present = ()
    before = [one for one in present if one.digest != entry.digest][:1]
    text = json.dumps([asdict(one) for one in (entry, *before)], sort_keys=True, indent=1)
    path = _path(home, root, entry.place)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=".serving-")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    Path(draft).replace(path)
    sync_folder(path.parent)
    if not entry.demonstration:
        _path(home, root, _place_of(entry.alias, demonstration=True)).unlink(missing_ok=True)
    return path


def swap_request(home: Home, root: str, place: str) -> Path:
    """Return the file whose time asks the runner of an instrument to take what is served then, once it is flat.

    It is touched after the bundle is served, so whoever opens a bundle after having seen the request has answered it.
    """
    return home.bundles / f"{root}.{place}.now"


def swap_requests(home: Home) -> dict[Path, int]:
    """Return every request there is with its time, ns."""
    return times_of(home.bundles.glob("[!.]*.now"))


def times_of(requests: Iterable[Path]) -> dict[Path, int]:
    """Return the time of each request, ns; one that was never made is left out."""
    times = {}
    for path in requests:
        with contextlib.suppress(OSError):
            times[path] = path.stat().st_mtime_ns
    return times


def served_roots(home: Home, place: str = CHAMPION_ALIAS) -> list[str]:
    """Return the instruments of which a bundle is served, in alphabetical order."""
    return sorted(path.name.removesuffix(f".{place}.json") for path in home.bundles.glob(f"[!.]*.{place}.json"))


def present_entry(home: Home, root: str, place: str = CHAMPION_ALIAS) -> Entry | None:
    """Return what is served of an instrument, unproved; None where nothing is."""
    try:
        return next(iter(_entries(home, root, place)), None)
    except BundleRefused:
        return None


def open_first(home: Home, root: str, places: Iterable[str]) -> Served | None:
    """Verify and return what is served at the first place that has anything, None where none has; as `open_served`."""
    return next((served for place in places if (served := open_served(home, root, place)) is not None), None)


def open_served(home: Home, root: str, place: str = CHAMPION_ALIAS) -> Served | None:
    """Verify and return what is served of an instrument at a place, None where nothing was ever served.

    Raises
    ------
    SafetyRefusal
        If neither the present bundle nor the one before it holds.
    """
    refused: list[str] = []
    for entry in _entries(home, root, place):
        try:
            return Served(open_entry(home, entry), entry, "; ".join(refused))
        except SafetyRefusal as error:
            refused.append(f"{entry.where}: {error}")
    if refused:
        raise BundleRefused(f"{root} {place}: expected a bundle that holds, found none: {'; '.join(refused)}")
    return None


def open_entry(home: Home, entry: Entry) -> Bundle:
    """Return a bundle of the cache once it and its gate record are proved; raises as `admit` and `load_bundle`."""
    bundle = load_bundle(home.bundles / entry.digest, public_key(home.keys))
    admit(bundle, entry, public_key(home.keys))
    return bundle


def admit(bundle: Bundle, entry: Entry, public: bytes) -> GateRecord:
    """Prove that a verified bundle may trade under its alias, and return its gate record.

    Raises
    ------
    GatesRefused
        If the gate record is not signed by the key, is of another bundle, or a gate did not pass.
    ProvenanceRefused
        If the model has seen synthetic data, and not only a demonstration is asked for.
    BundleRefused
        If the bundle is of another model or digest than the entry says.
    """
    manifest = bundle.manifest
    if (bundle.digest, manifest.name) != (entry.digest, entry.model):
        expected = f"bundle {entry.digest} of {entry.model}"
        raise BundleRefused(f"{entry.where}: expected {expected}, found {bundle.digest} of {manifest.name}; pull again")
    record = unseal(entry.where, entry.gate_record.encode(), public)
    if (record.bundle_digest, record.model) != (entry.digest, entry.model):
        found = f"that of {record.model} {record.bundle_digest}"
        raise GatesRefused(
            f"{entry.where}: expected the gate record of {entry.digest}, found {found}; register it again"
        )
    if manifest.lineage.synthetic and not entry.demonstration and entry.alias == CHAMPION_ALIAS:
        raise ProvenanceRefused(
            f"{entry.where}: expected a champion of real data only, found synthetic data in its lineage; take it for "
            "paper with --mode paper"
        )
    failing = record.failing(entry.alias, demonstration=entry.demonstration)
    if failing:
        told = "; ".join(f"{gate.name}: {gate.reason}" for gate in failing)
        raise GatesRefused(
            f"{entry.where}: expected every gate to {entry.alias} passed, found {told}; see `pregao gate explain`"
        )
    return record


def _place_of(alias: str, *, demonstration: bool) -> str:
    return f"{alias}.demonstration" if demonstration else alias


def _entries(home: Home, root: str, place: str) -> tuple[Entry, ...]:
    """Return the present entry and the one before; raises BundleRefused where the file is not as it was written."""
    path = _path(home, root, place)
    try:
        listed: list[dict[str, Any]] = json.loads(path.read_bytes())
        entries = tuple(Entry(**one) for one in listed)
    except FileNotFoundError:
        return ()
    except (ValueError, TypeError, OSError, RecursionError) as error:
        raise BundleRefused(f"{path}: expected what `pregao pull` wrote, found {error}; pull again") from error
    digests = [one.digest for one in entries]
    if not entries or any(one.place != place or not _is_digest(one.digest) for one in entries):
        raise BundleRefused(f"{path}: expected bundles of {place}, found {digests}; pull again")
    return entries


def _is_digest(text: object) -> bool:
    return isinstance(text, str) and len(text) == 64 and set(text) <= set("0123456789abcdef")


def _path(home: Home, root: str, place: str) -> Path:
    if not (root[:1].isalnum() and all(one.isalnum() or one in "._-" for one in root)):
        raise BundleRefused(f"{home.bundles}: expected an instrument to name a file by, found {root!r}; retrain")
    return home.bundles / f"{root}.{place}.json"
