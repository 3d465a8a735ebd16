"""The reference in a bundle comes back as it went in, and is refused where one number is not as it must be."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from market.errors import BundleRefused
from models.reference import RESULT, Observed, Reference, Sessions, build_reference
from registry.arrays import pack_arrays
from registry.bundle import install, load_bundle, write_bundle
from registry.bundle_files import REFERENCE, more_files
from registry.reference_arrays import pack_reference, unpack_reference
from registry.signing import create_key, load_private_key
from tests.registry.test_bundle import golden_rows, small_manifest, small_model


def small_reference(columns: int = 3) -> Reference:
    rng = np.random.default_rng(2)
    session = np.repeat(np.arange(20_000, 20_006), 90)
    rows = rng.normal(size=(len(session), columns)).astype(np.float32)
    label = rng.integers(-1, 2, len(session)).astype(np.int8)
    results = np.zeros(2, dtype=RESULT)
    results["session"], results["net"], results["contracts"] = [20_002, 20_003], [5.0, -3.0], 4
    return build_reference(Observed(rows, session, label, rng.uniform(size=len(session))), results)


def parts(reference: Reference) -> list[bytes]:
    sessions = reference.sessions
    arrays = [sessions.session, sessions.counts, sessions.labels, sessions.calibration, sessions.results]
    arrays += [reference.edges, reference.centres, reference.sample, reference.sample_session]
    return [array.tobytes() for array in arrays]


def test_comes_back_as_it_went_in() -> None:
    reference = small_reference()
    data = pack_reference(reference)
    assert parts(unpack_reference("here", data, 3)) == parts(reference)
    assert pack_reference(small_reference()) == data


def spoilt(reference: Reference, where: str, value: Any) -> Reference:
    """Return a copy with the first entry of an array replaced."""
    sessions, name = reference.sessions, where
    owner = sessions if hasattr(sessions, where) else reference
    if where in RESULT.names:
        owner, name = sessions, "results"
    array = getattr(owner, name).copy()
    (array[where] if where in RESULT.names and name == "results" else array.reshape(-1))[0] = value
    return (
        replace(reference, sessions=replace(sessions, **{name: array}))
        if owner is sessions
        else replace(reference, **{name: array})
    )


@pytest.mark.parametrize(
    ("where", "value", "said"),
    [
        ("counts", -1, "counts of at least 0"),
        ("labels", -1, "counts of at least 0"),
        ("calibration", np.nan, "sums of at least 0"),
        ("net", np.inf, "finite results"),
        ("edges", np.nan, "edges that rise"),
        ("edges", 1e9, "edges that rise"),
        ("edges", -np.inf, "edges that rise"),
        ("centres", 1e9, "centres that rise"),
        ("sample", np.nan, "a finite sample"),
    ],
)
def test_wrong_numbers_are_refused(where: str, value: Any, said: str) -> None:
    with pytest.raises(BundleRefused, match=said):
        unpack_reference("here", pack_reference(spoilt(small_reference(), where, value)), 3)


def test_sessions_out_of_order_cut_or_too_many_are_refused() -> None:
    reference = small_reference()
    sessions = reference.sessions
    turned = replace(reference, sessions=sessions.select(np.arange(6)[::-1]))
    cut = replace(reference, sessions=replace(sessions, labels=sessions.labels[:-1]))
    with pytest.raises(BundleRefused, match="in order"):
        unpack_reference("here", pack_reference(turned), 3)
    with pytest.raises(BundleRefused, match="one entry for each"):
        unpack_reference("here", pack_reference(cut), 3)
    many = Sessions(*(np.resize(part, (121, *part.shape[1:])) for part in vars(sessions).values()))
    with pytest.raises(BundleRefused, match="up to 120 sessions"):
        unpack_reference("here", pack_reference(replace(reference, sessions=many)), 3)


def test_reference_of_other_columns_is_refused() -> None:
    with pytest.raises(BundleRefused, match="reference"):
        unpack_reference("reference", pack_reference(small_reference(4)), 3)


def test_travels_in_the_bundle_and_into_the_cache(tmp_path: Any) -> None:
    create_key(tmp_path / "own", use_keyring=False)
    key = load_private_key(tmp_path / "own", use_keyring=False)
    plain = write_bundle(tmp_path / "plain", small_manifest(), small_model(), golden_rows(), key)
    folder = tmp_path / "bundle"
    assert write_bundle(folder, small_manifest(), small_model(), golden_rows(), key, small_reference()) != plain
    kept = load_bundle(install(folder, tmp_path / "cache", key.public), key.public).reference
    assert kept is not None
    assert parts(kept) == parts(small_reference())
    assert load_bundle(tmp_path / "plain", key.public).reference is None
    other = pack_arrays({"session": np.zeros(1)})
    for change in (other, None):
        (folder / REFERENCE).unlink()
        if change is not None:
            (folder / REFERENCE).write_bytes(change)
        with pytest.raises(BundleRefused, match="hashes"):
            load_bundle(folder, key.public)


@pytest.mark.parametrize(
    ("manifest", "named"),
    [
        (b'{"files": {"model.npz": "1", "reference.npz": "2"}}', (REFERENCE,)),
        (b'{"files": {"model.npz": "1"}}', ()),
        (b'{"files": ["reference.npz"]}', ()),
        (b'{"files": {"../reference.npz": "1"}}', ()),
        (b'{"files": 3}', ()),
        (b"[]", ()),
        (b"\xff", ()),
        (b"[" * 100_000, ()),
    ],
)
def test_only_a_file_of_ours_that_the_manifest_names_is_asked_for(manifest: bytes, named: tuple[str, ...]) -> None:
    assert more_files(manifest) == named
