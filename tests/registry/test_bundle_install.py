"""A bundle enters the cache whole, on disk, and only in place of one that does not verify."""

import os
import sys
from pathlib import Path

import pytest

from market.errors import BundleRefused
from registry.bundle import digest, install, load_bundle, write_bundle
from tests.registry.test_bundle import FILES, golden_rows, small_manifest, small_model


@pytest.fixture
def folder(tmp_path, home_key):
    made = tmp_path / "bundle"
    write_bundle(made, small_manifest(), small_model(), golden_rows(), home_key)
    return made


def test_install_places_the_bundle_under_its_digest(folder, tmp_path, home_key):
    cache = tmp_path / "cache"
    place = install(folder, cache, home_key.public)
    assert place == cache / digest(folder)
    assert load_bundle(place, home_key.public).digest == place.name
    assert install(folder, cache, home_key.public) == place
    assert [entry.name for entry in cache.iterdir()] == [place.name]


def test_install_refuses_a_damaged_bundle_and_leaves_the_cache(folder, tmp_path, home_key):
    place = install(folder, tmp_path / "cache", home_key.public)
    (folder / "model.npz").write_bytes(b"damage")
    with pytest.raises(BundleRefused):
        install(folder, tmp_path / "cache", home_key.public)
    assert load_bundle(place, home_key.public)
    assert [entry.name for entry in place.parent.iterdir()] == [place.name]


def test_install_replaces_a_damaged_cached_bundle(folder, tmp_path, home_key):
    place = install(folder, tmp_path / "cache", home_key.public)
    (place / "model.npz").write_bytes(b"damage")
    assert load_bundle(install(folder, tmp_path / "cache", home_key.public), home_key.public)


def test_disk_that_refuses_leaves_what_is_cached(folder, tmp_path, home_key, monkeypatch):
    """A bundle that does not verify makes room only once all of the new one is on disk."""
    place = install(folder, tmp_path / "cache", home_key.public)
    (place / "model.npz").write_bytes(b"damage")
    kept = {path.name: path.read_bytes() for path in place.iterdir()}

    def refuse(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="No space"):
        install(folder, tmp_path / "cache", home_key.public)
    assert {path.name: path.read_bytes() for path in place.iterdir()} == kept
    assert [entry.name for entry in place.parent.iterdir()] == [place.name]


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc which file is synced")
def test_bundle_is_on_disk_before_its_name_and_its_name_before_anybody_is_told(folder, tmp_path, home_key, monkeypatch):
    synced, sync, cache = [], os.fsync, tmp_path / "cache"
    place = cache / digest(folder)

    def note(handle):
        synced.append((Path(f"/proc/self/fd/{handle}").resolve().name, place.exists()))
        sync(handle)

    monkeypatch.setattr(os, "fsync", note)
    install(folder, cache, home_key.public)
    assert sorted(synced[:-2]) == [(name, False) for name in FILES]
    assert synced[-2:] == [("draft", False), ("cache", True)]
