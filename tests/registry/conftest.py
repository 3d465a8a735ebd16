"""One tracking server for all tests of the registry, and candidates small enough to store in a second."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import lightgbm
import numpy as np
import pytest
import xgboost
from sklearn.ensemble import RandomForestClassifier

from market.home import Home
from registry.gates import Evidence, GateThresholds, challenger_gates
from registry.server import tracking_server
from registry.signing import SigningKey, ensure_key, load_private_key
from registry.tracking import Candidate

MANIFEST_TEXT = b'{"lineage": {"last_session": "2026-06-01"}}'
COLUMNS = ("ret_1", "adx_14", "delta")

GOOD = Evidence(
    provenance_known=True,
    schema_equal=True,
    leak_checks=12,
    leaks=0,
    parity_events=5000,
    parity_differing=0,
    bundle_verifies=True,
    latency_p99_us=18.5,
    fills=240,
    sharpe=1.4,
    deflated_sharpe=0.97,
    trials=280,
    pbo=0.1,
    configurations=7,
    drawdown=0.06,
    ece=0.02,
    class_shares=(0.3, 0.4, 0.3),
    action_rate=0.05,
    synthetic=False,
    paper_sessions=6,
    champion_exists=True,
    compared_sessions=24,
    lower_bound_over_champion=0.2,
)


@pytest.fixture(scope="session")
def good_evidence() -> Evidence:
    return GOOD


@pytest.fixture(scope="session")
def registry_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("a home")  # with a space, as user folders on Windows have


@pytest.fixture(scope="session")
def home_key(registry_home: Path) -> SigningKey:
    """The key of the home, from a file."""
    ensure_key(Home(registry_home).keys, use_keyring=False)
    return load_private_key(Home(registry_home).keys, use_keyring=False)


@pytest.fixture(scope="session")
def registry_uri(registry_home: Path) -> Iterator[str]:
    with tracking_server(registry_home) as uri:
        yield uri


@pytest.fixture(scope="session")
def training() -> tuple[np.ndarray, np.ndarray]:
    rows = np.random.default_rng(7).normal(size=(200, len(COLUMNS))).astype(np.float32)
    return rows, (rows[:, 0] + rows[:, 2] > 0).astype(np.int64)


@pytest.fixture(scope="session")
def models(training: tuple[np.ndarray, np.ndarray]) -> dict[str, object]:
    rows, labels = training
    names = list(COLUMNS)
    lgb_settings = {"objective": "binary", "num_threads": 1, "verbose": -1, "num_leaves": 4}
    lgb = lightgbm.train(lgb_settings, lightgbm.Dataset(rows, labels, feature_name=names), num_boost_round=3)
    xgb_settings = {"objective": "binary:logistic", "nthread": 1, "max_depth": 2}
    xgb = xgboost.train(xgb_settings, xgboost.DMatrix(rows, labels, feature_names=names), num_boost_round=3)
    forest = RandomForestClassifier(5, max_depth=3, random_state=0, n_jobs=1).fit(rows, labels)
    return {"trend_up": lgb, "trend_down": xgb, "range": forest}


@pytest.fixture
def make_candidate(
    tmp_path: Path, training: tuple[np.ndarray, np.ndarray], home_key: SigningKey
) -> Callable[..., Candidate]:
    """Build a candidate without models, which is quick to store; keywords replace fields."""
    bundle = tmp_path / "bundle"
    (bundle / "arrays").mkdir(parents=True)
    (bundle / "manifest.json").write_bytes(MANIFEST_TEXT)
    (bundle / "arrays" / "forest.bin").write_bytes(bytes(range(256)))
    (tmp_path / "equity.svg").write_text("<svg/>", encoding="utf-8")

    def build(name: str, **changes: object) -> Candidate:
        candidate = Candidate(
            experiment=f"pregao-{name}",
            registered_name=f"pregao-{name.lower()}-1m",
            params={"learning_rate": 0.05, "rounds": 3},
            metrics={"sharpe": 1.4, "calmar": float("nan")},
            tags={
                "data_hash": "d1",
                "git_commit": "c1",
                "schema_hash": "s1",
                "synthetic": "true",
                "bundle_digest": sha256(MANIFEST_TEXT).hexdigest(),
            },
            gates=challenger_gates(GOOD, GateThresholds()),
            bundle_folder=bundle,
            plots=(tmp_path / "equity.svg",),
            models={},
            columns=COLUMNS,
            input_example=training[0][:3],
            record=tmp_path / "state" / "decisions.jsonl",
            who="tester",
            key=home_key,
        )
        return replace(candidate, **changes)  # type: ignore[arg-type]

    return build
