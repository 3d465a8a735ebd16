"""The files of a bundle on disk: which there may be and how large, read without following a link, placed whole."""

import datetime as dt
import json
import os
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from market.durable import sync_folder
from market.errors import BundleRefused

MANIFEST, MODEL, GOLDEN, SIGNATURE = "manifest.json", "model.npz", "golden.npz", "signature.json"
FILE_BYTES = MappingProxyType({MANIFEST: 1 << 20, MODEL: 1 << 29, GOLDEN: 1 << 24, SIGNATURE: 1 << 12})  # at most
REFERENCE = "reference.npz"
MORE_BYTES = MappingProxyType({REFERENCE: 1 << 24})  # of files that a manifest may name besides


def instrument_of(folder: Path) -> str | None:
    """Return the instrument that a bundle says it trades, None where it says nothing: a hint, nothing is verified."""
    try:
        return str(json.loads((folder / MANIFEST).read_bytes())["instrument"])
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None


def more_files(manifest: bytes) -> tuple[str, ...]:
    """Return which files besides the four a manifest names, of those there may be: a hint, nothing is verified."""
    try:
        named = dict(json.loads(manifest)["files"])
    except (ValueError, LookupError, TypeError, RecursionError):
        return ()
    return tuple(name for name in MORE_BYTES if name in named)


def last_session_in(manifest: bytes) -> dt.date:
    """Return the last session that a manifest says the model was trained on; nothing is verified.

    Raises
    ------
    BundleRefused
        If it names none.
    """
    try:
        return dt.date.fromisoformat(json.loads(manifest)["lineage"]["last_session"])
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise refusal(MANIFEST, "the last session of training", repr(error), "register the version again") from error


def read_folder(folder: Path) -> dict[str, bytes]:
    """Read the files of a bundle by name; raises BundleRefused where there are others, or not all."""
    if not folder.is_dir():
        raise refusal(str(folder), "a bundle folder", "none", "pull the bundle again")
    names = sorted(entry.name for entry in folder.iterdir())
    if not set(FILE_BYTES) <= set(names) <= {*FILE_BYTES, *MORE_BYTES}:
        raise refusal(str(folder), f"the files {sorted(FILE_BYTES)}", names, "pull the bundle again")
    return {name: read_file(folder / name) for name in names}


def read_file(path: Path) -> bytes:
    """Read a regular file of bounded size, following no link."""
    most = {**FILE_BYTES, **MORE_BYTES}[path.name]
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            raise refusal(str(path), "a regular file", "a link, folder or device", "pull the bundle again")
        with os.fdopen(
            os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)), "rb"
        ) as file:
            data = file.read(most + 1)
    except OSError as error:
        raise refusal(str(path), "a readable file", str(error), "pull the bundle again") from error
    if len(data) > most:
        raise refusal(str(path), f"at most {most} bytes", "more", "pull the bundle again")
    return data


def place_folder(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Write the files beside a folder and rename them into place, all at once and on disk; what stood there gives way.

    Nothing is touched there before all of the new one is on disk.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    prefix = f".{folder.name[:16]}."
    with tempfile.TemporaryDirectory(prefix=prefix, dir=folder.parent, ignore_cleanup_errors=True) as room:
        draft = Path(room) / "draft"
        draft.mkdir()
        for name, data in contents.items():
            with (draft / name).open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        sync_folder(draft)
        if os.path.lexists(folder):
            folder.rename(Path(room) / "before")
        draft.rename(folder)
        sync_folder(folder.parent)


def refusal(where: str, expected: str, found: object, remedy: str) -> BundleRefused:
    """Return the error of a bundle that is not as it must be."""
    return BundleRefused(f"bundle {where}: expected {expected}, found {found}; {remedy}")
