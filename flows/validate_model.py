"""Ask once more whether a registered version is what it was: its bundle, its behaviour, its evidence.

Nothing moves by it. It answers before a person promotes, after the platform or its libraries changed.
"""

import os
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows.leaks.check import check_leaks
from flows.lock import exclusive
from flows.orphans import claim_server
from flows.parameters import Parameters, load_parameters
from flows.retries import as_task
from flows.stages.dataset import Dataset, open_dataset
from flows.stages.features import compute_rows
from flows.stages.measure import count_differing_rows
from flows.stages.trainer import model_name
from market.errors import BundleRefused, GatesRefused
from market.home import Home
from registry.aliases import alias_holder
from registry.bundle import Bundle, load_bundle
from registry.gate_record import CHALLENGER_ALIAS
from registry.judgement import verified_record
from registry.server import tracking_server
from registry.signing import public_key
from registry.tracking import Version, download_bundle, find_version

LEAK_SESSIONS = 1


@dataclass(frozen=True)
class Check:
    """One question and its answer."""

    name: str
    passed: bool
    reason: str


@dataclass(frozen=True)
class Validated:
    """What was asked of a version, in order; what comes after a bundle that does not verify is not asked.

    There is no version where the challenger was meant and there is none: then nothing is wrong.
    """

    model: str
    version: int | None
    checks: tuple[Check, ...]

    @property
    def failing(self) -> tuple[Check, ...]:
        """What does not hold."""
        return tuple(check for check in self.checks if not check.passed)

    def as_dict(self) -> dict[str, Any]:
        """Return the fields of `pregao validate-model --json`."""
        return {"model": self.model, "version": self.version, "checks": [asdict(check) for check in self.checks]}


def validation_job(home: Home, params: Path, version: int | None = None) -> Validated:
    """Run the flow, one job at a time per home; by default on the challenger of the series in the parameters.

    Raises
    ------
    VersionMissing
        If there is no such version.
    RegistryError, PregaoError
        If the server cannot be reached, or another job holds the home.
    """
    parameters = load_parameters(params)
    with exclusive(home):
        claim_server()
        return validate_model(home, parameters, version or CHALLENGER_ALIAS)


@flow(name="validate_model", log_prints=False, validate_parameters=False)
def validate_model(home: Home, parameters: Parameters, version: int | str) -> Validated:
    """Verify record and bundle, then compare what it computes with the installed code, then look for leaks."""
    dataset = open_dataset(home, parameters.data)
    registry = as_task("registry", check_registry)
    name = model_name(parameters, dataset)
    asked = registry(home, name, version)
    if asked is None:
        return Validated(name, None, ())
    found, bundle, checks = asked
    if bundle is not None:
        for question, ask in (("schema", check_schema), ("parity", check_parity), ("leaks", check_leak_suite)):
            check = task(name=question, persist_result=False, cache_policy=NO_CACHE)(ask)
            checks.append(check(home, parameters, dataset, bundle))
    return Validated(found.name, found.version, tuple(checks))


def check_registry(home: Home, name: str, version: int | str) -> tuple[Version, Bundle | None, list[Check]] | None:
    """Verify what the registry holds of a version: every byte and golden row of the bundle, and the signed gates."""
    with tracking_server(home.root, os.environ.get("MLFLOW_TRACKING_URI")) as uri:
        if version == CHALLENGER_ALIAS and alias_holder(uri, name, CHALLENGER_ALIAS) is None:
            return None
        found = find_version(uri, name, version)
        with tempfile.TemporaryDirectory() as folder:
            download_bundle(uri, name, found.version, Path(folder) / "bundle")
            bundle, proof = check_bundle(home, Path(folder) / "bundle")
        return found, bundle, [proof, _check_gates(home, uri, found, bundle)]


def check_bundle(home: Home, folder: Path) -> tuple[Bundle | None, Check]:
    """Verify a bundle from its signature to its golden rows."""
    try:
        bundle = load_bundle(folder, public_key(home.keys))
    except BundleRefused as refused:
        return None, Check("bundle", False, str(refused))
    return bundle, Check("bundle", True, f"{bundle.digest} verifies, golden rows included")


def _check_gates(home: Home, uri: str, version: Version, bundle: Bundle | None) -> Check:
    try:
        record = verified_record(home, uri, version)
    except GatesRefused as refused:
        return Check("gates", False, str(refused))
    if bundle is not None and record.bundle_digest != bundle.digest:
        return Check("gates", False, f"they are those of bundle {record.bundle_digest}, stored is {bundle.digest}")
    lacking = record.failing(CHALLENGER_ALIAS)
    reason = "; ".join(f"{gate.name}: {gate.reason}" for gate in lacking)
    return Check("gates", not lacking, reason or "signed, and every gate to challenger passed")


def check_schema(_home: Home, parameters: Parameters, dataset: Dataset, bundle: Bundle) -> Check:
    """Compare the features that the installed catalogue gives the series with those of the bundle."""
    own = dataset.schema(parameters).hash
    return Check("schema", own == bundle.schema.hash, f"{own} from the catalogue, {bundle.schema.hash} in the bundle")


def check_parity(_home: Home, _parameters: Parameters, dataset: Dataset, bundle: Bundle) -> Check:
    """Compare the rows of the newest session, computed as live does and in one batch."""
    day = (dataset.training + dataset.held_back)[-1]
    table = compute_rows(bundle.schema, dataset.feed, [day])
    rows, differing = count_differing_rows(dataset, table, day)
    return Check("parity", differing == 0 and rows > 0, f"{differing} of {rows} rows of {day} differ, live and batch")


def check_leak_suite(home: Home, parameters: Parameters, _dataset: Dataset, _bundle: Bundle) -> Check:
    """Spoil the data after sampled moments of the newest session, and of one fold."""
    found = check_leaks(home, parameters, LEAK_SESSIONS)
    passed = found.checked > 0 and not found.leaks
    return Check("leaks", passed, f"{len(found.leaks)} leaks in {found.checked} comparisons")
