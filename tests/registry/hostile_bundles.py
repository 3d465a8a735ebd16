"""Bundles that somebody hostile would offer, as folders; nothing in them may run, and none may be loaded."""

import io
import json
import os
import pickle
import shutil
import zipfile
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from registry.arrays import pack_arrays
from registry.signing import SigningKey
from tests.registry.test_bundle import FILES, header, npz, seal, seal_bytes, stored

Spoil = Callable[[Path], None]


class Gadget:
    """Leaves a mark where anything unpickles it."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch '{self.mark}'",)


def corpus(good: Path, folder: Path, key: SigningKey, mark: Path) -> dict[str, str]:
    """Make every hostile bundle of a good one below a folder, numbered; return what each is.

    Those that would be refused for their hashes alone are signed anew, as only the owner of the key could.
    """
    spoils = {
        **_gadgets(key, mark),
        **_archives(key, mark),
        **_types(key),
        **_texts(key, mark),
        **_links(),
        **_damage(),
    }
    for number, spoil in enumerate(spoils.values()):
        made = folder / f"{number:03d}"
        shutil.copytree(good, made)
        spoil(made)
    return {f"{number:03d}": name for number, name in enumerate(spoils)}


def _gadgets(key: SigningKey, mark: Path) -> dict[str, Spoil]:
    """Pickles in every place, and what MLflow would run."""
    pickled, code = pickle.dumps(Gadget(mark)), f"open({str(mark)!r}, 'w')".encode()
    loader = b"flavors: {python_function: {loader_module: canary, code: code}}"
    objects = io.BytesIO()
    np.savez(objects, **{"trend_up.values": np.array([Gadget(mark)], dtype=object)})
    beside = {"model.pkl": pickled, "model.pkl.gz": zlib.compress(pickled), "model.joblib": pickled}
    beside |= {"MLmodel": loader, "conftest.py": code, "sitecustomize.py": code, "code/canary.py": code}
    signed = {"model.npz": pickled, "golden.npz": pickled}
    return {
        **{f"pickle as {name}": partial(_put, name=name, data=pickled) for name in FILES},
        **{f"{name} beside it": partial(_put, name=name, data=data) for name, data in beside.items()},
        **{f"signed pickle as {name}": partial(_sign, key=key, files={name: data}) for name, data in signed.items()},
        "signed archive of objects": partial(_sign, key=key, files={"model.npz": objects.getvalue()}),
    }


def _archives(key: SigningKey, mark: Path) -> dict[str, Spoil]:
    """Names that lead elsewhere, members that grow, headers that are code."""
    names = ["../../x.npy", "/tmp/x.npy", "C:\\x.npy", "..\\x.npy", "band.low.npy/../x.npy", "CON.npy", "a:b.npy"]
    bodies = {f"member {name}": npz(header(), bytes(16), names=(name,)) for name in names}
    bodies |= {
        "bomb": npz(header("(100000000,)"), bytes(1 << 20), zipfile.ZIP_DEFLATED),
        "code in a header": npz(f"__import__('os').system('touch {mark}')", bytes(16)),
        "archive in an archive": npz(header(), npz(header(), bytes(16))),
        "no archive": b"\x00" * 4096,
        "end record alone": b"PK\x05\x06" + b"\xff" * 18,
    }
    shapes = ["(100000000000000000,)", "(2305843009213693953,)", "(4294967296, 4294967296)", "(-1,)", "()", "(1,) * 9"]
    bodies |= {f"shape {shape}": npz(header(shape), bytes(16), names=("band.low.npy",)) for shape in shapes}
    return {
        f"signed {file}, {what}": partial(_sign, key=key, files={file: body})
        for what, body in bodies.items()
        for file in ("model.npz", "golden.npz")
    }


def _types(key: SigningKey) -> dict[str, Spoil]:
    """The right names with numbers of another kind or size."""
    kinds = ["<f4", ">f8", "<f2", "<i8", "<U4", "|S8", "<c16", "|b1", "<M8[ns]", "|V8"]
    arrays = {f"values of {kind}": np.zeros(3, kind) for kind in kinds}
    arrays |= {"no values": np.zeros(0), "millions of values": np.zeros(1_000_000), "a matrix": np.zeros((3, 3))}
    return {what: partial(_retype, key=key, array=array) for what, array in arrays.items()}


def _texts(key: SigningKey, mark: Path) -> dict[str, Spoil]:
    """Manifests that a careless reader would run, believe or choke on; all signed."""
    texts = {
        "deep": b"[" * 200_000,
        "yaml": f"!!python/object/apply:os.system ['touch {mark}']".encode(),
        "code": f"__import__('os').system('touch {mark}')".encode(),
        "endless number": b'{"format": ' + b"9" * 100_000 + b"}",
        "not a number": b'{"format": NaN}',
        "null": b"null",
        "nothing": b"",
        "UTF-16": '{"format": 4}'.encode("utf-16"),
    }
    fields = {"instrument": ["WIN"], "files": {"../x": "0"}, "__class__": "os.system", "format": 1}
    return {
        **{f"manifest, {what}": partial(_write_manifest, key=key, text=text) for what, text in texts.items()},
        **{f"manifest, {what}": partial(_change, key=key, what=what, value=value) for what, value in fields.items()},
    }


def _links() -> dict[str, Spoil]:
    """Files that are none. Where a system has no links there is nothing to make."""
    if os.name == "nt":
        return {}
    targets = ("/etc/hostname", "/dev/zero")
    links = {f"{name} to {at}": partial(_link, name=name, target=at) for name in FILES for at in targets}
    return {**links, "pipe": _pipe}


def _damage() -> dict[str, Spoil]:
    """200 flipped bytes, and every file cut at twelve places."""
    draw, spoils = np.random.default_rng(20), dict[str, Spoil]()
    for number in range(200):
        share, bit = float(draw.random()), int(draw.integers(8))
        spoils[f"flip {number}"] = partial(_flip, name=FILES[number % 4], share=share, bit=bit)
    for name in FILES:
        spoils |= {f"{name} cut at {part}": partial(_cut, name=name, share=part / 12) for part in range(12)}
    return spoils


def _put(folder: Path, name: str, data: bytes) -> None:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(data)


def _sign(folder: Path, key: SigningKey, files: dict[str, bytes]) -> None:
    seal(folder, key, files)


def _retype(folder: Path, key: SigningKey, array: np.ndarray) -> None:
    seal(folder, key, {"model.npz": pack_arrays(stored(folder, "model.npz") | {"trend_up.values": array})})


def _write_manifest(folder: Path, key: SigningKey, text: bytes) -> None:
    seal_bytes(folder, key, text)


def _change(folder: Path, key: SigningKey, what: str, value: object) -> None:
    fields = json.loads((folder / "manifest.json").read_bytes()) | {what: value}
    seal_bytes(folder, key, json.dumps(fields, sort_keys=True, separators=(",", ":")).encode() + b"\n")


def _link(folder: Path, name: str, target: str) -> None:
    (folder / name).unlink()
    (folder / name).symlink_to(target)


def _pipe(folder: Path) -> None:
    (folder / "model.npz").unlink()
    os.mkfifo(folder / "model.npz")


def _flip(folder: Path, name: str, share: float, bit: int) -> None:
    data = bytearray((folder / name).read_bytes())
    data[int(share * len(data))] ^= 1 << bit
    (folder / name).write_bytes(data)


def _cut(folder: Path, name: str, share: float) -> None:
    data = (folder / name).read_bytes()
    (folder / name).write_bytes(data[: int(share * len(data))])
