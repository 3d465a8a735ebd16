"""A bundle is refused before use unless every byte, number and behaviour is as it was signed."""

import io
import json
import os
import zipfile
from dataclasses import asdict, replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from features.monitor import NEVER, Band
from features.schema import FeatureSchema
from forest.flat import CATEGORICAL, NODE, FlatForest, ForestKind, empty
from market.costs import CostParams
from market.errors import BundleRefused, UsageError
from registry.arrays import ArraySpec, pack_arrays, unpack_arrays
from registry.bundle import FeedNeeds, Lineage, Manifest, digest, load_bundle, write_bundle
from registry.signing import create_key, load_private_key, sign
from trading.agent_inputs import AGENT_INPUTS
from trading.blend import Blend, pack_blends
from trading.model import Model
from trading.policy import StrategyParams
from trading.usual import open_usual

FILES = ["golden.npz", "manifest.json", "model.npz", "signature.json"]
SCHEMA = FeatureSchema("core", ("returns_1", "returns_5", "rsi_14"), 60_000_000_000, 2)
LINEAGE = Lineage("d" * 64, "c" * 40, True, ("synthetic",), "2026-01-05", "2026-03-02", "p" * 64)


def stump(threshold, kind=ForestKind.LIGHTGBM, low=-1.0, high=1.0):
    nodes, rules = np.array([(threshold, 0, 1), (np.inf, 0, 0), (np.inf, 0, 0)], dtype=NODE), np.zeros(3, np.uint32)
    return FlatForest(np.array([kind, 3, 0]), np.zeros(1), np.array([0, 3]), nodes, rules, np.array([0, low, high]))


UP = Blend(
    (stump(0.5), stump(1.0, ForestKind.XGBOOST, -2.0, 2.0), stump(0.0, ForestKind.SKLEARN, 0.25, 0.75)),
    np.array([0.25, 0.5, 0.25]),
)
DOWN = Blend((stump(-0.5), empty(), empty()), np.array([1.0, 0.0, 0.0]))
NONE = Blend((empty(), empty(), empty()), np.zeros(3))


def small_model(blends=(UP, DOWN, NONE), **changes):
    calibration_x = np.tile([0.0, 1.0], (3, 1))
    calibration_p = np.tile([0.25, 0.75], (3, 1))
    inputs = np.full(len(AGENT_INPUTS), -1)
    policy, band = StrategyParams().record(), Band(np.zeros((3, 3)), np.ones((3, 3)), np.array([200, 200, NEVER]))
    model = Model(pack_blends(blends), calibration_x, calibration_p, inputs, policy, band, open_usual())
    return model._replace(**changes)


def small_manifest(**changes):
    manifest = Manifest(
        name="pregao-wdo",
        instrument="WDO",
        feed=FeedNeeds("bars", 60),
        schema=json.loads(SCHEMA.to_json()),
        thresholds={"trend_up": 0.2},
        policy=asdict(StrategyParams()),
        agents=(),
        regime={"enter_adx": 25.0},
        costs=CostParams(brokerage_reais=0.5),
        lineage=LINEAGE,
    )
    return replace(manifest, **changes)


def golden_rows():
    return np.random.default_rng(1).normal(size=(64, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys") / "own"
    create_key(folder, use_keyring=False)
    return load_private_key(folder, use_keyring=False)


@pytest.fixture
def folder(tmp_path, key):
    write_bundle(tmp_path / "bundle", small_manifest(), small_model(), golden_rows(), key)
    return tmp_path / "bundle"


def seal(folder, key, files=None, **manifest_changes):
    """Alter a bundle as only the owner of the key could: hashes and signature are right."""
    for name, data in (files or {}).items():
        (folder / name).write_bytes(data)
    content = json.loads((folder / "manifest.json").read_bytes()) | manifest_changes
    content["files"] = {n: sha256((folder / n).read_bytes()).hexdigest() for n in ("golden.npz", "model.npz")}
    seal_bytes(folder, key, json.dumps(content, sort_keys=True, separators=(",", ":")).encode() + b"\n")


def seal_bytes(folder, key, manifest):
    (folder / "manifest.json").write_bytes(manifest)
    fields = {"algorithm": "Ed25519", "public_key": key.public.hex(), "signature": sign(key, manifest).hex()}
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"))
    (folder / "signature.json").write_bytes(text.encode() + b"\n")


def stored(folder, name):
    with np.load(folder / name, allow_pickle=False) as archive:
        return dict(archive)


def test_loads_what_was_written(folder, key):
    bundle = load_bundle(folder, key.public, SCHEMA.hash)
    for loaded, written in zip(bundle.model.blends, small_model().blends, strict=True):
        assert loaded.tobytes() == written.tobytes()
    for loaded, written in zip(bundle.model.band, small_model().band, strict=True):
        assert loaded.tobytes() == written.tobytes()
    assert bundle.schema == SCHEMA
    assert bundle.manifest.lineage == LINEAGE
    assert bundle.model.policy.tobytes() == StrategyParams().record().tobytes()
    assert bundle.digest == digest(folder) == sha256((folder / "manifest.json").read_bytes()).hexdigest()
    assert bundle.golden.rows.shape == (64, 3)


@pytest.mark.parametrize(
    "changes",
    [
        {"low": np.zeros((3, 2))},
        {"high": np.full((3, 3), np.nan)},
        {"dead_after": np.array([200, 0, 200])},
        {"dead_after": np.array([200, 200])},
    ],
)
def test_refuses_a_band_of_other_columns_or_without_patience(tmp_path, key, changes):
    model = small_model(band=small_model().band._replace(**changes))
    with pytest.raises(BundleRefused, match="monitor band"):
        write_bundle(tmp_path / "bundle", small_manifest(), model, golden_rows(), key)


def sigmoid(score):
    return 1 / (1 + np.exp(-score))


def test_golden_rows_tell_every_learner_and_their_calibrated_blend(folder, key):
    """Worked by hand: links, weights, and the line from (0, 0.25) to (1, 0.75); without a learner NaN."""
    golden = load_bundle(folder, key.public).golden
    assert golden.regimes[:4].tolist() == [1, 2, 3, 1]
    first, up, down = golden.rows[:, 0], golden.regimes == 1, golden.regimes == 2
    members = np.full((64, 3), np.nan)
    members[up, 0] = sigmoid(np.where(first[up] <= 0.5, -1, 1))
    members[up, 1] = sigmoid(np.where(first[up] <= 1.0, -2, 2))
    members[up, 2] = np.where(first[up] <= 0.0, 0.25, 0.75)
    members[down, 0] = sigmoid(np.where(first[down] <= -0.5, -1, 1))
    assert golden.members == pytest.approx(members, rel=1e-15, nan_ok=True)
    blended = np.where(up, members @ [0.25, 0.5, 0.25], members[:, 0])
    assert golden.outputs == pytest.approx(0.25 + 0.5 * blended, rel=1e-15, nan_ok=True)
    assert np.isfinite(golden.members).sum(axis=0).tolist() == [up.sum() + down.sum(), up.sum(), up.sum()]


def test_a_learner_behind_a_flat_calibration_is_still_proved(tmp_path, key):
    """The base rate everywhere hides what learners say from the outputs; the golden members do not."""
    flat = small_model(calibration_p=np.full((3, 2), 0.5))
    write_bundle(tmp_path / "flat", small_manifest(), flat, golden_rows(), key)
    arrays = stored(tmp_path / "flat", "model.npz")
    arrays["trend_up.xgboost.values"][1] = -3.0
    seal(tmp_path / "flat", key, {"model.npz": pack_arrays(arrays)})
    with pytest.raises(BundleRefused, match="the golden members"):
        load_bundle(tmp_path / "flat", key.public)


def test_same_training_gives_the_same_bytes(folder, tmp_path, key):
    again = write_bundle(tmp_path / "again", small_manifest(), small_model(), golden_rows(), key)
    assert again == digest(folder)
    assert all((folder / name).read_bytes() == (tmp_path / "again" / name).read_bytes() for name in FILES)


def test_manifest_holds_no_time_of_writing(folder):
    with zipfile.ZipFile(folder / "model.npz") as archive:
        assert {member.date_time for member in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    fields = set(json.loads((folder / "manifest.json").read_bytes()))
    assert not {name for name in fields if "time" in name or "created" in name}


def test_200_flipped_bytes_are_all_refused(folder, key):
    rng = np.random.default_rng(20)
    contents = {name: (folder / name).read_bytes() for name in FILES}
    for i in range(200):
        name = FILES[i % 4]
        damaged = bytearray(contents[name])
        at = int(rng.integers(len(damaged)))
        damaged[at] ^= 1 << int(rng.integers(8))
        (folder / name).write_bytes(damaged)
        with pytest.raises(BundleRefused):
            load_bundle(folder, key.public)
        (folder / name).write_bytes(contents[name])
    load_bundle(folder, key.public)


@pytest.mark.parametrize("name", FILES)
def test_every_truncation_is_refused(folder, key, name):
    data = (folder / name).read_bytes()
    for length in {0, 1, len(data) // 2, len(data) - 1, *range(0, len(data), max(1, len(data) // 25))} - {len(data)}:
        (folder / name).write_bytes(data[:length])
        with pytest.raises(BundleRefused):
            load_bundle(folder, key.public)


@pytest.mark.parametrize("name", FILES)
def test_appended_byte_is_refused(folder, key, name):
    with (folder / name).open("ab") as file:
        file.write(b"\n")
    with pytest.raises(BundleRefused):
        load_bundle(folder, key.public)


@pytest.mark.parametrize("name", FILES)
def test_missing_file_is_refused(folder, key, name):
    (folder / name).unlink()
    with pytest.raises(BundleRefused, match="the files"):
        load_bundle(folder, key.public)


@pytest.mark.parametrize("name", ["extra.py", ".hidden", "model.pkl"])
def test_extra_file_is_refused(folder, key, name):
    (folder / name).write_bytes(b"")
    with pytest.raises(BundleRefused, match="the files"):
        load_bundle(folder, key.public)


@pytest.mark.skipif(os.name == "nt", reason="links and pipes need rights there that a test may not have")
@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("make", ["link", "pipe", "folder"])
def test_file_that_is_not_regular_is_refused(folder, key, name, make, tmp_path):
    (folder / name).rename(tmp_path / name)
    if make == "link":
        (folder / name).symlink_to(tmp_path / name)
    elif make == "pipe":
        os.mkfifo(folder / name)
    else:
        (folder / name).mkdir()
    with pytest.raises(BundleRefused, match="regular file"):
        load_bundle(folder, key.public)


def test_absent_folder_is_refused(tmp_path, key):
    with pytest.raises(BundleRefused, match="a bundle folder"):
        load_bundle(tmp_path / "none", key.public)


def test_oversized_file_is_refused_unread(folder, key):
    with (folder / "signature.json").open("ab") as file:
        file.truncate(1 << 20)
    with pytest.raises(BundleRefused, match="at most 4096 bytes"):
        load_bundle(folder, key.public)


def test_signature_of_another_key_is_refused(folder, tmp_path):
    create_key(tmp_path / "other", use_keyring=False)
    other = load_private_key(tmp_path / "other", use_keyring=False)
    with pytest.raises(BundleRefused, match="check who signed it"):
        load_bundle(folder, other.public)


def test_other_key_behind_the_trusted_name_is_refused(folder, key, tmp_path):
    create_key(tmp_path / "other", use_keyring=False)
    seal(folder, load_private_key(tmp_path / "other", use_keyring=False), name="mine now")
    fields = json.loads((folder / "signature.json").read_bytes()) | {"public_key": key.public.hex()}
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"))
    (folder / "signature.json").write_bytes(text.encode() + b"\n")
    with pytest.raises(BundleRefused, match="an altered one"):
        load_bundle(folder, key.public)


@pytest.mark.parametrize("text", ["{}", "[]", "null", '{"public_key":1,"signature":2}', "[" * 4000])
def test_malformed_signature_file_is_refused(folder, key, text):
    (folder / "signature.json").write_text(text)
    with pytest.raises(BundleRefused, match="a signature in"):
        load_bundle(folder, key.public)


OTHER_CATALOGUE = json.loads(SCHEMA.to_json()) | {"hash": "0" * 64}
UNKNOWN_COLUMN = json.loads(SCHEMA.to_json()) | {"columns": ["returns_1", "returns_5", "tomorrow"]}
SWAPPED_COLUMNS = json.loads(SCHEMA.to_json()) | {"columns": ["returns_5", "returns_1", "rsi_14"]}
FEWER = FeatureSchema("core", SCHEMA.columns[:2], SCHEMA.bar_ns, 2)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"schema": OTHER_CATALOGUE}, "expected hash"),
        ({"schema": UNKNOWN_COLUMN}, "feature schema"),
        ({"schema": SWAPPED_COLUMNS}, "expected hash"),
        ({"schema": json.loads(FEWER.to_json())}, "of 2 features"),
        ({"class_map": {"down": 1, "up": 0}}, "classes down 0"),
        ({"format": 1}, "bundle format 6"),
        ({"surprise": 1}, "a manifest"),
        ({"agents": "all"}, "a manifest"),
        ({"agents": ["order_flow"]}, "a policy and agents"),
        ({"agents": ["astrology"]}, "a policy and agents"),
        ({"policy": {"no_such_rule": 1}}, "a policy and agents"),
        ({"policy": asdict(StrategyParams()) | {"cooldown_bars": -5}}, "a policy and agents"),
        ({"lineage": asdict(LINEAGE) | {"synthetic": "no"}}, "a manifest"),
    ],
)
def test_rightly_signed_but_unfit_manifest_is_refused(folder, key, changes, words):
    seal(folder, key, **changes)
    with pytest.raises(BundleRefused, match=words):
        load_bundle(folder, key.public)


def test_manifest_in_another_spelling_is_refused(folder, key):
    content = json.loads((folder / "manifest.json").read_bytes())
    seal_bytes(folder, key, json.dumps(content, indent=1).encode())
    with pytest.raises(BundleRefused, match="canonical"):
        load_bundle(folder, key.public)


def test_schema_the_runner_does_not_compute_is_refused(folder, key):
    with pytest.raises(BundleRefused, match="feature schema ffff"):
        load_bundle(folder, key.public, "ffff")


def changed_nodes(field, at, value):
    forest = stump(0.5)
    forest.nodes[field][at] = value
    return {"trend_up.lightgbm.nodes": forest.nodes}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (changed_nodes("step", 0, 9), "children inside"),
        (changed_nodes("feature", 0, 7), "a feature below 3"),
        ({"trend_up.lightgbm.rules": np.array([CATEGORICAL, 0, 0], np.uint32)}, "zeros and categories"),
        ({"trend_up.lightgbm.rules": np.zeros(2, np.uint32)}, "rules or more"),
        ({"trend_up.lightgbm.values": np.array([0.0, np.nan, 1.0])}, "finite"),
        ({"trend_up.lightgbm.values": np.zeros(3, np.float32)}, "float64"),
        ({"trend_up.lightgbm.roots": np.array([0, 3], np.int32)}, "int64"),
        ({"trend_up.lightgbm.nodes": np.zeros((3, 1), NODE)}, "trend_up.lightgbm.nodes"),
        ({"trend_up.weights": np.array([0.5, 0.5, 0.0])}, "trees where there is weight"),
        ({"trend_down.weights": np.array([0.5, 0.5, 0.0])}, "trees where there is weight"),
        ({"trend_up.weights": np.array([0.25, 0.5, 0.5])}, "weights that add to 1"),
        ({"trend_up.weights": np.array([-0.25, 1.0, 0.25])}, "weights that add to 1"),
        ({"trend_up.weights": np.array([np.nan, 0.5, 0.25])}, "weights that add to 1"),
        ({"trend_up.xgboost.header": np.array([1, 3, 0])}, "XGBOOST of 3 features"),
        ({"trend_up.xgboost.header": np.array([2, 4, 0])}, "XGBOOST of 3 features"),
        ({"calibration_x": np.zeros((2, 2))}, "calibration_x"),
        ({"calibration_x": np.tile([1.0, 0.0], (3, 1))}, "rise"),
        ({"calibration_p": np.tile([0.1, 1.1], (3, 1))}, "probabilities"),
        ({"calibration_p": np.full((3, 2), np.nan)}, "probabilities"),
        ({"agent_inputs": np.zeros(len(AGENT_INPUTS), np.int64)}, "agent inputs"),
        ({"agent_inputs": np.full(3, -1)}, "agent inputs"),
        ({"surprise": np.zeros(1)}, "the members"),
    ],
)
def test_rightly_signed_but_unfit_model_is_refused(folder, key, changes, words):
    seal(folder, key, {"model.npz": pack_arrays(stored(folder, "model.npz") | changes)})
    with pytest.raises(BundleRefused, match=words):
        load_bundle(folder, key.public)


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("outputs", lambda a: np.nextafter(a, 1.0), "the golden outputs"),
        ("outputs", lambda a: np.full(64, np.nan), "the golden outputs"),
        ("members", lambda a: np.nextafter(a, 1.0), "the golden members"),
        ("members", lambda a: np.full((64, 3), np.nan), "the golden members"),
        ("regimes", lambda a: a[::-1].copy(), "the three regimes in turn"),
        ("rows", lambda a: a[:, :2].copy(), "rows"),
        ("rows", lambda a: a[:63].copy(), "rows"),
        ("rows", lambda a: a.astype(np.float64), "float32"),
        ("rows", lambda a: np.where(a == a[5, 1], np.float32(np.inf), a), "finite"),
    ],
)
def test_golden_rows_that_are_not_reproduced_to_the_bit_are_refused(folder, key, name, change, words):
    arrays = stored(folder, "golden.npz")
    seal(folder, key, {"golden.npz": pack_arrays(arrays | {name: change(arrays[name])})})
    with pytest.raises(BundleRefused, match=words):
        load_bundle(folder, key.public)


class Payload:
    """Would leave a file behind if anything unpickled it."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return (Path.touch, (self.mark,))


def test_pickled_objects_are_refused_and_never_run(folder, key, tmp_path):
    arrays = stored(folder, "model.npz") | {"agent_inputs": np.array([Payload(tmp_path / "ran")], dtype=object)}
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    seal(folder, key, {"model.npz": buffer.getvalue()})
    with pytest.raises(BundleRefused, match="object"):
        load_bundle(folder, key.public)
    assert not (tmp_path / "ran").exists()


SPEC = {"x": ArraySpec(np.dtype("<f8"), (None,))}


def npz(header, body, method=zipfile.ZIP_STORED, names=("x.npy",)):
    raw = header.encode().ljust(117) + b"\n"
    data = b"\x93NUMPY\x01\x00" + len(raw).to_bytes(2, "little") + raw + body
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name in names:
            archive.writestr(name, data)
    return buffer.getvalue()


def header(shape="(2,)", descr="'<f8'", fortran=False):
    return f"{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}, }}"


def test_plain_archive_is_read():
    assert unpack_arrays("here", npz(header(), bytes(16)), SPEC)["x"].tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(npz(header("(1000000000000000,)"), bytes(16)), id="huge declared shape"),
        pytest.param(npz(header("(2305843009213693953,)"), bytes(8)), id="shape that wraps around"),
        pytest.param(npz(header("(-2,)"), b""), id="negative shape"),
        pytest.param(npz(header("(-1, -2)"), bytes(16)), id="two negative lengths"),
        pytest.param(npz(header("(1,)"), bytes(16)), id="more bytes than declared"),
        pytest.param(npz(header("(2, 1)"), bytes(16)), id="another dimension"),
        pytest.param(npz(header(descr="'>f8'"), bytes(16)), id="other byte order"),
        pytest.param(npz(header(descr="'|O'"), bytes(16)), id="objects"),
        pytest.param(npz(header(fortran=True), bytes(16)), id="Fortran order"),
        pytest.param(npz("{'descr': ", bytes(16)), id="broken header"),
        pytest.param(npz("__import__('os')", bytes(16)), id="code in the header"),
        pytest.param(npz(header("(100000,)"), bytes(800000), zipfile.ZIP_DEFLATED), id="compressed"),
        pytest.param(npz(header(), bytes(16), names=("../x.npy",)), id="path outside"),
        pytest.param(npz(header(), bytes(16), names=("x.npy", "y.npy")), id="more members"),
        pytest.param(b"PK\x05\x06" + bytes(18), id="empty archive"),
        pytest.param(b"not a zip", id="no archive"),
    ],
)
def test_hostile_archive_is_refused(data):
    with pytest.raises(BundleRefused, match="here"):
        unpack_arrays("here", data, SPEC)


def test_existing_folder_is_never_overwritten(folder, key):
    before = digest(folder)
    with pytest.raises(UsageError, match="no such folder"):
        write_bundle(folder, small_manifest(name="other"), small_model(), golden_rows(), key)
    assert digest(folder) == before


@pytest.mark.parametrize(
    ("manifest", "model", "rows"),
    [
        (small_manifest(policy=asdict(StrategyParams(cooldown_bars=7))), small_model(), golden_rows()),
        (
            small_manifest(),
            small_model((Blend((stump(np.nan), empty(), empty()), DOWN.weights), DOWN, NONE)),
            golden_rows(),
        ),
        (small_manifest(), small_model(), golden_rows()[:10]),
        (small_manifest(schema=OTHER_CATALOGUE), small_model(), golden_rows()),
    ],
)
def test_parts_that_contradict_each_other_are_not_written(tmp_path, key, manifest, model, rows):
    with pytest.raises(BundleRefused):
        write_bundle(tmp_path / "bundle", manifest, model, rows, key)
    assert list(tmp_path.iterdir()) == []
