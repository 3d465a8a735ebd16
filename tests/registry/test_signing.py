"""Keys: where they lie, who may read them, and that nothing shows them."""

import copy
import os
import pickle
import stat

import keyring
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from keyring.backend import KeyringBackend
from keyring.backends import fail, null
from keyring.errors import KeyringLocked, PasswordSetError

from market.errors import SafetyRefusal, UsageError
from registry.signing import SigningKey, create_key, ensure_key, load_private_key, public_key, sign, verify

POSIX = pytest.mark.skipif(os.name == "nt", reason="file modes are a POSIX matter")


class MemoryKeyring(KeyringBackend):
    """A keyring of this test, optionally broken."""

    priority = 5

    def __init__(self, error=None, forgetful=False):
        super().__init__()
        self.kept, self.error, self.forgetful = {}, error, forgetful

    def set_password(self, service, username, password):
        if self.error:
            raise self.error
        if not self.forgetful:
            self.kept[service, username] = password

    def get_password(self, service, username):
        return self.kept.get((service, username))


@pytest.fixture
def use_backend():
    before = keyring.get_keyring()
    yield keyring.set_keyring
    keyring.set_keyring(before)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "keys"


def test_signature_verifies_and_nothing_else_does(folder):
    public = create_key(folder, use_keyring=False)
    key = load_private_key(folder, use_keyring=False)
    signature = sign(key, b"a manifest")
    assert public == public_key(folder) == key.public
    assert verify(public, b"a manifest", signature)
    assert not verify(public, b"a manifesT", signature)
    assert not verify(Ed25519PrivateKey.generate().public_key().public_bytes_raw(), b"a manifest", signature)
    for wrong in (b"", signature[:-1], bytes(64), signature + b"x"):
        assert not verify(public, b"a manifest", wrong)
    assert not verify(b"short", b"a manifest", signature)


def test_signature_equals_the_rfc_8032_vector():
    """RFC 8032 §7.1, test 2."""
    secret = bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
    key = SigningKey(Ed25519PrivateKey.from_private_bytes(secret))
    assert key.public.hex() == "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
    assert sign(key, b"\x72").hex() == (
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )


@POSIX
def test_key_file_and_folder_are_closed_to_others(folder):
    create_key(folder, use_keyring=False)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "signing.key").stat().st_mode) == 0o600


def test_usable_keyring_holds_the_key_and_no_file_does(folder, use_backend):
    use_backend(MemoryKeyring())
    public = create_key(folder)
    assert [entry.name for entry in folder.iterdir()] == ["signing.pub"]
    assert load_private_key(folder).public == public
    with pytest.raises(UsageError, match="found none"):
        load_private_key(folder, use_keyring=False)


@pytest.mark.parametrize(
    "backend",
    [
        pytest.param(fail.Keyring, id="fail"),
        pytest.param(null.Keyring, id="null"),
        pytest.param(lambda: MemoryKeyring(error=KeyringLocked("locked")), id="locked"),
        pytest.param(lambda: MemoryKeyring(error=PasswordSetError("no")), id="refusing"),
        pytest.param(lambda: MemoryKeyring(error=RuntimeError("no bus")), id="no session bus"),
        pytest.param(lambda: MemoryKeyring(forgetful=True), id="forgetful"),
    ],
)
def test_unusable_keyring_falls_through_to_the_file_silently(folder, use_backend, backend, capsys):
    use_backend(backend())
    public = create_key(folder)
    assert load_private_key(folder).public == public
    assert (folder / "signing.key").exists()
    assert capsys.readouterr() == ("", "")


def test_existing_key_is_never_replaced(folder):
    public = create_key(folder, use_keyring=False)
    with pytest.raises(UsageError, match="found one"):
        create_key(folder, use_keyring=False)
    assert public_key(folder) == public


def test_private_half_alone_is_not_replaced(folder):
    create_key(folder, use_keyring=False)
    (folder / "signing.pub").unlink()
    before = (folder / "signing.key").read_bytes()
    with pytest.raises(UsageError, match="expected no signing key"):
        create_key(folder, use_keyring=False)
    assert (folder / "signing.key").read_bytes() == before


def test_ensured_key_is_made_once_and_kept(folder):
    public = ensure_key(folder, use_keyring=False)
    assert ensure_key(folder, use_keyring=False) == public
    assert load_private_key(folder, use_keyring=False).public == public


def test_folder_without_a_key_says_what_to_do(folder):
    with pytest.raises(UsageError, match="pregao init"):
        public_key(folder)


@POSIX
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_key_others_can_read_is_refused(folder, mode):
    create_key(folder, use_keyring=False)
    (folder / "signing.key").chmod(mode)
    with pytest.raises(SafetyRefusal, match="chmod 600"):
        load_private_key(folder, use_keyring=False)


@POSIX
def test_linked_key_is_refused(folder, tmp_path):
    create_key(folder, use_keyring=False)
    (folder / "signing.key").rename(tmp_path / "elsewhere")
    (folder / "signing.key").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SafetyRefusal, match="regular file"):
        load_private_key(folder, use_keyring=False)


def test_halves_of_two_keys_are_refused(folder, tmp_path):
    create_key(folder, use_keyring=False)
    create_key(tmp_path / "other", use_keyring=False)
    (folder / "signing.pub").write_bytes((tmp_path / "other" / "signing.pub").read_bytes())
    with pytest.raises(SafetyRefusal, match="another key's"):
        load_private_key(folder, use_keyring=False)


@pytest.mark.parametrize("text", ["", "zz", "ab" * 31, "secret words"])
def test_damaged_key_file_is_refused_without_showing_it(folder, text):
    create_key(folder, use_keyring=False)
    (folder / "signing.key").write_text(text)
    with pytest.raises(SafetyRefusal) as refusal:
        load_private_key(folder, use_keyring=False)
    assert not text or text not in str(refusal.value)


def test_private_key_is_never_shown_or_copied(folder):
    create_key(folder, use_keyring=False)
    key = load_private_key(folder, use_keyring=False)
    secret = (folder / "signing.key").read_text().strip()
    for shown in (repr(key), str(key), f"{key!r}", repr([key])):
        assert secret not in shown
        assert key.public.hex() in shown
    for copier in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError, match="not serialised"):
            copier(key)


def test_pair_whose_making_was_interrupted_is_completed(tmp_path):
    public = create_key(tmp_path, use_keyring=False)
    (tmp_path / "signing.pub").unlink()
    assert ensure_key(tmp_path, use_keyring=False) == public
    assert load_private_key(tmp_path, use_keyring=False).public == public
