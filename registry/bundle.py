"""The signed bundle: everything a runner needs of a trained model, and the proof that nothing was altered.

A bundle is a folder of regular files::

    manifest.json    what the model is, where it comes from, and the SHA-256 of the .npz files below
    model.npz        flat forests and their weights, calibration knots, agent inputs, what inputs were like and what
                     was usual in training
    golden.npz       rows with the probabilities this model, and each of its learners, gave them when it was written
    reference.npz    what the sessions of training were like, for `pregao drift`; a fold's bundle has none
    signature.json   Ed25519 signature over the bytes of the manifest

The digest of a bundle is the SHA-256 of its manifest, which holds no times: the same training gives the same digest.
Nothing in a bundle can run; it is numbers and JSON, read in full and proved before one of them is used.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import ConfigDict, TypeAdapter, ValidationError

from features.monitor import STATISTICS, Band
from features.schema import FeatureSchema
from forest.flat import NODE, ForestKind, from_arrays, to_arrays
from market.costs import CostParams
from market.errors import BundleRefused, ConfigError, UsageError
from market.types import Regime
from models.reference import Reference
from registry.arrays import ArraySpec, pack_arrays, unpack_arrays
from registry.bundle_files import (
    GOLDEN,
    MANIFEST,
    MODEL,
    REFERENCE,
    SIGNATURE,
    place_folder,
    read_file,
    read_folder,
    refusal,
)
from registry.reference_arrays import pack_reference, unpack_reference
from registry.signing import SigningKey, sign, verify
from trading.agent_inputs import resolve_inputs
from trading.blend import MEMBERS, Blend, Blends, member_row, pack_blends, unpack_blends
from trading.model import Model, check_model, score_probability
from trading.policy import StrategyParams
from trading.usual import LEVELS, MINUTES, Usual

FORMAT = 6
GOLDEN_ROWS = 64
REGIMES = (Regime.TREND_UP, Regime.TREND_DOWN, Regime.RANGE)  # row order of the calibration
_STRICT = ConfigDict(extra="forbid", strict=True)
_F4, _F8, _I8, _U1, _U4 = (np.dtype(name) for name in ("<f4", "<f8", "<i8", "u1", "<u4"))


@dataclass(frozen=True)
class FeedNeeds:
    """The feed the model decides on."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    kind: Literal["events", "bars"]
    bar_seconds: int


@dataclass(frozen=True)
class Lineage:
    """Where the model comes from; `synthetic` is true if any of its data was simulated."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    data_hash: str
    git_commit: str
    synthetic: bool
    sources: tuple[str, ...]
    first_session: str  # ISO dates
    last_session: str
    params_hash: str


@dataclass(frozen=True)
class Manifest:
    """What a bundle says about itself.

    Parameters
    ----------
    name : str
        Registered model name.
    instrument : str
        Root, such as ``WDO``.
    feed : FeedNeeds
    schema : mapping
        `FeatureSchema.to_json`, as an object.
    thresholds : mapping of str to float
        Decision threshold per regime.
    policy : mapping
        Fields of `StrategyParams`.
    agents : tuple of str
        Rule agents that vote; none on a feed of bars.
    regime : mapping
        Rules and numbers of the regime detector the model was trained with.
    costs : CostParams
        What the account pays; live, paper and backtest book the same.
    lineage : Lineage
    class_map : mapping of str to int
    files : mapping of str to str
        SHA-256 per file; filled by `write_bundle`.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    name: str
    instrument: str
    feed: FeedNeeds
    schema: Mapping[str, Any]
    thresholds: Mapping[str, float]
    policy: Mapping[str, Any]
    agents: tuple[str, ...]
    regime: Mapping[str, Any]
    costs: CostParams
    lineage: Lineage
    class_map: Mapping[str, int] = field(default_factory=lambda: {"down": 0, "up": 1})
    files: Mapping[str, str] = field(default_factory=dict)
    format: int = FORMAT


@dataclass(frozen=True)
class Golden:
    """Rows and the probabilities the model must give them, to the bit; NaN where the regime has no such learner."""

    rows: np.ndarray  # f4[64, columns]
    regimes: np.ndarray  # u1[64], the three regimes in turn
    members: np.ndarray  # f8[64, 3], by each learner of the regime, for a flat calibration would hide what they say
    outputs: np.ndarray  # f8[64], blended and calibrated


@dataclass(frozen=True)
class Bundle:
    """A verified bundle, ready to trade."""

    digest: str
    manifest: Manifest
    schema: FeatureSchema
    model: Model
    golden: Golden
    reference: Reference | None


def write_bundle(
    folder: Path,
    manifest: Manifest,
    model: Model,
    golden_rows: np.ndarray,
    key: SigningKey,
    reference: Reference | None = None,
) -> str:
    """Write, sign and verify a bundle; the folder appears complete or not at all.

    Parameters
    ----------
    folder : Path
        Must not exist.
    manifest : Manifest
        Without `files`.
    model : Model
    golden_rows : np.ndarray
        Finite float32 `[64, columns]`.
    key : SigningKey
    reference : Reference, optional
        What the sessions of training were like.

    Returns
    -------
    str
        The digest.

    Raises
    ------
    UsageError
        If the folder exists.
    BundleRefused
        If the parts contradict each other, so that `load_bundle` would refuse them.
    """
    if folder.exists():
        raise UsageError(f"{folder}: expected no such folder, found one; remove it or name another")
    golden = _ask_golden(model, np.array(golden_rows, dtype=_F4))
    contents = {MODEL: pack_arrays(_model_arrays(model)), GOLDEN: pack_arrays(asdict(golden))}
    if reference is not None:
        contents[REFERENCE] = pack_reference(reference)
    contents[MANIFEST] = _encode(replace(manifest, files={n: _sha256(data) for n, data in contents.items()}))
    contents[SIGNATURE] = _signature_file(key.public, sign(key, contents[MANIFEST]))
    written = _verify(str(folder), contents, key.public)
    if written.model.policy.tobytes() != model.policy.tobytes():
        raise BundleRefused(f"{folder}: expected the model's policy in the manifest, found another; pass the same one")
    place_folder(folder, contents)
    return written.digest


def digest(folder: Path) -> str:
    """Return the SHA-256 of the manifest. It names a bundle and proves nothing: `load_bundle` does."""
    return _sha256(read_file(folder / MANIFEST))


def load_bundle(folder: Path, trusted_public_key: bytes, expected_schema_hash: str | None = None) -> Bundle:
    """Verify a bundle from its signature to its golden rows, and return it.

    Parameters
    ----------
    folder : Path
    trusted_public_key : bytes
        The only key whose signature is believed.
    expected_schema_hash : str, optional
        Schema the caller computes; the installed catalogue is asked in any case.

    Raises
    ------
    BundleRefused
        With the first thing that is not as it must be. Nothing of the bundle has been used then.
    """
    bundle = _verify(str(folder), read_folder(folder), trusted_public_key)
    if expected_schema_hash not in (None, bundle.schema.hash):
        raise refusal(
            str(folder), f"feature schema {expected_schema_hash}", bundle.schema.hash, "retrain, or pull another"
        )
    return bundle


def install(folder: Path, cache_folder: Path, public_key: bytes) -> Path:
    """Verify a bundle and place it in the cache under its digest.

    The bytes that were verified are the bytes that are written: a file changed meanwhile changes nothing. A cached
    bundle of the same digest is kept if it still verifies, and replaced if not.

    Raises
    ------
    BundleRefused
        If the bundle does not verify; the cache is left as it was.
    """
    contents = read_folder(folder)
    place = cache_folder / _verify(str(folder), contents, public_key).digest
    try:
        load_bundle(place, public_key)
    except BundleRefused:
        place_folder(place, contents)
    else:
        os.utime(place / MANIFEST)  # installed last: the runner takes the newest
    return place


def _verify(where: str, contents: Mapping[str, bytes], trusted: bytes) -> Bundle:
    """Prove the contents in the order of distrust: signature, manifest, hashes, numbers, behaviour."""
    _check_signature(where, contents, trusted)
    manifest = _decode(where, contents[MANIFEST])
    hashes = {name: _sha256(contents[name]) for name in (MODEL, GOLDEN, REFERENCE) if name in contents}
    if manifest.files != hashes:
        raise refusal(where, f"the hashes {dict(manifest.files)}", hashes, "pull the bundle again")
    schema = FeatureSchema.from_json(json.dumps(manifest.schema))
    model = _read_model(where, contents[MODEL], manifest, schema)
    golden = _read_golden(where, contents[GOLDEN], len(schema.columns))
    _check_golden(where, model, golden)
    reference = None
    if REFERENCE in contents:
        reference = unpack_reference(f"{where}, {REFERENCE}", contents[REFERENCE], len(schema.columns))
    return Bundle(_sha256(contents[MANIFEST]), manifest, schema, model, golden, reference)


def _check_signature(where: str, contents: Mapping[str, bytes], trusted: bytes) -> None:
    try:
        fields = json.loads(contents[SIGNATURE])
        public, signature = bytes.fromhex(fields["public_key"]), bytes.fromhex(fields["signature"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise refusal(where, f"a signature in {SIGNATURE}", repr(error), "pull the bundle again") from error
    if public != trusted:
        raise refusal(where, f"the signature of {trusted.hex()}", f"that of {public.hex()}", "check who signed it")
    # One spelling only: a changed byte is a changed file, also where it would mean the same.
    if _signature_file(public, signature) != contents[SIGNATURE] or not verify(trusted, contents[MANIFEST], signature):
        raise refusal(where, "a manifest as it was signed", "an altered one", "pull the bundle again")


def _signature_file(public: bytes, signature: bytes) -> bytes:
    return _canonical({"algorithm": "Ed25519", "public_key": public.hex(), "signature": signature.hex()})


def _canonical(content: Mapping[str, Any]) -> bytes:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return text.encode() + b"\n"


def _encode(manifest: Manifest) -> bytes:
    return _canonical(asdict(manifest))


def _decode(where: str, data: bytes) -> Manifest:
    try:
        found = json.loads(data).get("format")
        if found != FORMAT:
            raise refusal(where, f"bundle format {FORMAT}", found, "use the version that wrote it, or retrain")
        manifest = TypeAdapter(Manifest).validate_json(data)
    except (ValidationError, ValueError, AttributeError, RecursionError) as error:
        raise refusal(where, "a manifest", str(error), "write the bundle again") from error
    if _encode(manifest) != data:
        raise refusal(where, "canonical JSON in the manifest", "another spelling", "write the bundle again")
    if manifest.class_map != {"down": 0, "up": 1}:
        raise refusal(where, "classes down 0 and up 1", dict(manifest.class_map), "retrain with these labels")
    return manifest


def _model_arrays(model: Model) -> dict[str, np.ndarray]:
    arrays: dict[str, np.ndarray] = {}
    for regime, blend in zip(REGIMES, unpack_blends(model.blends), strict=True):
        arrays[f"{regime.name.lower()}.weights"] = blend.weights
        for kind, forest in zip(ForestKind, blend.members, strict=True):
            arrays |= {f"{_seat(regime, kind)}.{name}": array for name, array in to_arrays(forest).items()}
    return arrays | {
        "calibration_x": model.calibration_x,
        "calibration_p": model.calibration_p,
        "agent_inputs": model.agent_inputs,
        **{f"band.{name}": array for name, array in model.band._asdict().items()},
        **{f"usual.{name}": array for name, array in model.usual._asdict().items()},
    }


_FOREST_SPECS = {
    "header": ArraySpec(_I8, (3,)),
    "base": ArraySpec(_F8, (1,)),
    "roots": ArraySpec(_I8, (None,)),
    "nodes": ArraySpec(NODE, (None,)),
    "rules": ArraySpec(_U4, (None,)),
    "values": ArraySpec(_F8, (None,)),
}


def _seat(regime: Regime, kind: ForestKind) -> str:
    """Return the name under which a learner's arrays are stored."""
    return f"{regime.name.lower()}.{kind.name.lower()}"


_MODEL_SPECS = {
    **{f"{regime.name.lower()}.weights": ArraySpec(_F8, (MEMBERS,)) for regime in REGIMES},
    **{
        f"{_seat(regime, kind)}.{name}": spec
        for regime in REGIMES
        for kind in ForestKind
        for name, spec in _FOREST_SPECS.items()
    },
    "calibration_x": ArraySpec(_F8, (len(REGIMES), None)),
    "calibration_p": ArraySpec(_F8, (len(REGIMES), None)),
    "agent_inputs": ArraySpec(_I8, (None,)),
    "band.low": ArraySpec(_F8, (STATISTICS, None)),
    "band.high": ArraySpec(_F8, (STATISTICS, None)),
    "band.dead_after": ArraySpec(_I8, (None,)),
    "usual.levels": ArraySpec(_F8, (len(LEVELS),)),
    "usual.delta": ArraySpec(_F8, (MINUTES,)),
    "usual.sigma": ArraySpec(_F8, (MINUTES,)),
}


def _read_model(where: str, data: bytes, manifest: Manifest, schema: FeatureSchema) -> Model:
    arrays = unpack_arrays(f"{where}, {MODEL}", data, _MODEL_SPECS)
    inputs = arrays["agent_inputs"]
    try:
        strategy = TypeAdapter(StrategyParams).validate_python(manifest.policy, extra="forbid")
        expected = resolve_inputs(schema.columns, manifest.agents, strategy.order_flow_gate)
    except (ValidationError, ConfigError) as error:
        raise refusal(where, "a policy and agents this version knows", error, "retrain with this version") from error
    if not np.array_equal(inputs, expected):
        raise refusal(where, f"agent inputs {expected.tolist()}", inputs.tolist(), "write the bundle again")
    band = Band(*(arrays[f"band.{name}"] for name in Band._fields))
    usual = Usual(*(arrays[f"usual.{name}"] for name in Usual._fields))
    x, p, policy = arrays["calibration_x"], arrays["calibration_p"], strategy.record()
    return check_model(Model(_read_blends(arrays), x, p, inputs, policy, band, usual), len(schema.columns))


def _read_blends(arrays: Mapping[str, np.ndarray]) -> Blends:
    blends = []
    for regime in REGIMES:
        lightgbm, xgboost, forest = (
            from_arrays({name: arrays[f"{_seat(regime, kind)}.{name}"] for name in _FOREST_SPECS})
            for kind in ForestKind
        )
        blends.append(Blend((lightgbm, xgboost, forest), arrays[f"{regime.name.lower()}.weights"]))
    return pack_blends(blends)


def _read_golden(where: str, data: bytes, columns: int) -> Golden:
    specs = {
        "rows": ArraySpec(_F4, (GOLDEN_ROWS, columns)),
        "regimes": ArraySpec(_U1, (GOLDEN_ROWS,)),
        "members": ArraySpec(_F8, (GOLDEN_ROWS, MEMBERS)),
        "outputs": ArraySpec(_F8, (GOLDEN_ROWS,)),
    }
    golden = Golden(**unpack_arrays(f"{where}, {GOLDEN}", data, specs))
    if not np.isfinite(golden.rows).all():
        raise refusal(where, "finite golden rows", "others", "choose rows after the warm-up")
    return golden


def _ask_golden(model: Model, rows: np.ndarray) -> Golden:
    regimes = np.resize(np.array(REGIMES, dtype=_U1), len(rows))
    members, outputs = np.full((len(rows), MEMBERS), np.nan, dtype=_F8), np.full(len(rows), np.nan, dtype=_F8)
    for at, row in enumerate(rows):
        place = at % len(REGIMES)
        members[at] = [member_row(model.blends, MEMBERS * place + member, row) for member in range(MEMBERS)]
        outputs[at] = score_probability(model, int(regimes[at]), row)
    return Golden(rows, regimes, members, outputs)


def _check_golden(where: str, model: Model, golden: Golden) -> None:
    asked = _ask_golden(model, golden.rows)
    if not np.array_equal(asked.regimes, golden.regimes):
        raise refusal(where, "the three regimes in turn in the golden rows", "others", "write the bundle again")
    for name in ("members", "outputs"):
        found, stored = (np.reshape(getattr(one, name), (len(golden.rows), -1)) for one in (asked, golden))
        wrong = ~((found == stored) | (np.isnan(found) & np.isnan(stored))).all(axis=1)
        if wrong.any():
            row = int(np.argmax(wrong))
            expected, told = f"the golden {name} {stored[row].tolist()}", f"{found[row].tolist()} in row {row}"
            raise refusal(where, expected, told, "run the version that wrote it")


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
