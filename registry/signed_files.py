"""Whether a bundle's files are those that were signed, in whatever format: one of another version says so too."""

import hashlib
import json
from pathlib import Path

from market.errors import BundleRefused
from registry.bundle_files import MANIFEST, SIGNATURE
from registry.signing import verify


def refuse_altered(folder: Path, trusted_public_key: bytes) -> None:
    """Prove that a bundle is byte for byte as a key signed it; whether this version of the code takes it is not asked.

    Raises
    ------
    BundleRefused
        If it is not.
    """
    if not _is_whole(folder, trusted_public_key):
        raise BundleRefused(
            f"{folder}: expected a bundle as {trusted_public_key.hex()} signed it, found other bytes; fetch it again"
        )


def _is_whole(folder: Path, trusted: bytes) -> bool:
    try:
        manifest = (folder / MANIFEST).read_bytes()
        signature = bytes.fromhex(json.loads((folder / SIGNATURE).read_bytes())["signature"])
        named = dict(json.loads(manifest)["files"])
        hashes = {name: hashlib.sha256((folder / Path(name).name).read_bytes()).hexdigest() for name in named}
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return False
    return verify(trusted, manifest, signature) and hashes == named
