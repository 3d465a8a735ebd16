"""The Ed25519 key that signs bundles and gate records.

The private half lies in the operating system's keyring where there is a usable one, else in a file that only its
owner can read. The public half is always a file, `signing.pub`, which is what a runner is given.
"""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

import keyring
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from keyring.errors import KeyringError

from market.errors import SafetyRefusal, UsageError

_SERVICE = "pregao-signing"
_PUBLIC, _PRIVATE = "signing.pub", "signing.key"
KEY_BYTES, SIGNATURE_BYTES = 32, 64


@dataclass(frozen=True, repr=False)
class SigningKey:
    """A private key that shows only its public half."""

    _secret: Ed25519PrivateKey

    def __repr__(self) -> str:
        """Name the key without its secret."""
        return f"SigningKey(public={self.public.hex()})"

    def __reduce__(self) -> str:
        """Refuse every copy that could be written somewhere."""
        raise TypeError("a signing key is not serialised; load it from its folder")

    @property
    def public(self) -> bytes:
        """The public half, 32 bytes."""
        return self._secret.public_key().public_bytes_raw()


def create_key(folder: Path, *, use_keyring: bool = True) -> bytes:
    """Make a key pair and return its public half.

    Parameters
    ----------
    folder : Path
        Created if absent; kept closed to other users.
    use_keyring : bool
        Whether to ask the operating system's keyring before falling back to a file.

    Raises
    ------
    UsageError
        If the folder already holds a key: replacing it would orphan every bundle it signed.
    """
    if (folder / _PUBLIC).exists() or (folder / _PRIVATE).exists():
        raise UsageError(f"{folder}: expected no signing key, found one; move it away to make another")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if os.name != "nt":
        folder.chmod(0o700)
    secret = Ed25519PrivateKey.generate()
    public = secret.public_key().public_bytes_raw()
    hidden = secret.private_bytes_raw().hex()
    if not (use_keyring and _keep_in_keyring(public, hidden)):
        _write_once(folder / _PRIVATE, hidden, 0o600)
    _write_once(folder / _PUBLIC, public.hex(), 0o644)
    return public


def ensure_key(folder: Path, *, use_keyring: bool = True) -> bytes:
    """Return the folder's public key, making the pair first where there is none; an existing key stays."""
    if (folder / _PUBLIC).exists():
        return public_key(folder)
    private = folder / _PRIVATE
    if private.exists():  # the making of the pair was interrupted: the public half follows from the private one
        public = Ed25519PrivateKey.from_private_bytes(_unhex(_read_private(private), private)).public_key()
        _write_once(folder / _PUBLIC, public.public_bytes_raw().hex(), 0o644)
        return public_key(folder)
    return create_key(folder, use_keyring=use_keyring)


def load_private_key(folder: Path, *, use_keyring: bool = True) -> SigningKey:
    """Load the private key that belongs to the folder's public one.

    Raises
    ------
    UsageError
        If there is no key.
    SafetyRefusal
        If others can read the key file, or the two halves do not belong together.
    """
    public = public_key(folder)
    path = folder / _PRIVATE
    hidden: str | None = None
    if path.exists() or path.is_symlink():
        hidden = _read_private(path)
    elif use_keyring:
        hidden = _read_keyring(public)
    if hidden is None:
        raise UsageError(
            f"{folder}: expected a private signing key in the keyring or {path.name}, found none; "
            "run 'pregao init', or sign where the key was made"
        )
    secret = Ed25519PrivateKey.from_private_bytes(_unhex(hidden, path))
    if secret.public_key().public_bytes_raw() != public:
        raise SafetyRefusal(f"{folder}: expected the private half of {public.hex()}, found another key's; restore it")
    return SigningKey(secret)


def public_key(folder: Path) -> bytes:
    """Return the public half, 32 bytes.

    Raises
    ------
    UsageError
        If the folder holds no key.
    """
    path = folder / _PUBLIC
    if not path.is_file():
        raise UsageError(f"{path}: expected a public signing key, found none; run 'pregao init'")
    return _unhex(path.read_text(encoding="ascii", errors="replace"), path)


def sign(key: SigningKey, message: bytes) -> bytes:
    """Return the 64-byte signature of `message`."""
    return key._secret.sign(message)


def verify(public: bytes, message: bytes, signature: bytes) -> bool:
    """Tell whether `signature` was made over `message` by the owner of `public`; malformed input is False."""
    if len(public) != KEY_BYTES or len(signature) != SIGNATURE_BYTES:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def _keep_in_keyring(public: bytes, hidden: str) -> bool:
    """Store the key and prove that it comes back; False where the machine has no usable keyring."""
    if keyring.get_keyring().priority < 1:  # keyring's own fail and null backends
        return False
    try:
        keyring.set_password(_SERVICE, public.hex(), hidden)
    except (KeyringError, RuntimeError, OSError):
        return False
    return _read_keyring(public) == hidden


def _read_keyring(public: bytes) -> str | None:
    try:
        found: str | None = keyring.get_password(_SERVICE, public.hex())
    except (KeyringError, RuntimeError, OSError):
        return None
    return found


def _write_once(path: Path, text: str, mode: int) -> None:
    """Create the file with its final mode, so that it is never readable by others, and put it on disk."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())


def _read_private(path: Path) -> str:
    found = path.lstat()
    if not stat.S_ISREG(found.st_mode):
        raise SafetyRefusal(f"{path}: expected a regular file, found a link or device; restore the key file")
    if os.name != "nt" and stat.S_IMODE(found.st_mode) & 0o077:
        mode = oct(stat.S_IMODE(found.st_mode))
        raise SafetyRefusal(f"{path}: expected a file only its owner can read, found mode {mode}; run chmod 600 on it")
    return path.read_text(encoding="ascii", errors="replace")


def _unhex(text: str, path: Path) -> bytes:
    """Read a 32-byte key; the text itself never enters a message."""
    try:
        key = bytes.fromhex(text.strip())
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise SafetyRefusal(f"{path}: expected {KEY_BYTES} bytes in hexadecimal, found something else; restore the key")
    return key
