"""Named arrays in an ``.npz`` whose bytes depend on nothing but the arrays, and a reader that trusts none of it."""

import io
import math
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.lib import format as npy

from market.errors import BundleRefused

_WRITTEN = (1980, 1, 1, 0, 0, 0)  # the earliest time a zip can hold; ours hold no other
_UNIX = 3
_MAGIC = b"\x93NUMPY\x01\x00"
_SHAPE = r"\((\d{1,18}(?:, ?\d{1,18})*,?)\)"


@dataclass(frozen=True)
class ArraySpec:
    """What an array must be; None in the shape is any length."""

    dtype: np.dtype
    shape: tuple[int | None, ...]

    def fits(self, shape: tuple[int, ...]) -> bool:
        """Tell whether an array of this shape is meant."""
        if len(shape) != len(self.shape):
            return False
        return all(wanted in (None, found) for wanted, found in zip(self.shape, shape, strict=True))


def pack_arrays(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Return an uncompressed ``.npz``; the same arrays give the same bytes on every machine and day."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(arrays):
            member = zipfile.ZipInfo(f"{name}.npy", date_time=_WRITTEN)
            member.create_system, member.external_attr = _UNIX, 0o600 << 16
            body = io.BytesIO()
            npy.write_array(body, np.ascontiguousarray(arrays[name]), version=(1, 0), allow_pickle=False)
            archive.writestr(member, body.getvalue())
    return buffer.getvalue()


def unpack_arrays(where: str, data: bytes, specs: Mapping[str, ArraySpec]) -> dict[str, np.ndarray]:
    """Read exactly the arrays of `specs`.

    Nothing is unpickled or decompressed, and memory is taken only after an array's header agrees with the specified
    dtype and shape and with the bytes that are really there.

    Parameters
    ----------
    where : str
        Name of the file, for messages.
    data : bytes
    specs : mapping of str to ArraySpec

    Raises
    ------
    BundleRefused
        If the archive or one array is anything else than specified.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return _read_members(where, archive, len(data), specs)
    except (zipfile.BadZipFile, ValueError, EOFError, OSError, NotImplementedError, RuntimeError) as error:
        raise BundleRefused(f"{where}: expected a plain .npz, found {error}; write the bundle again") from error


def _read_members(
    where: str, archive: zipfile.ZipFile, size: int, specs: Mapping[str, ArraySpec]
) -> dict[str, np.ndarray]:
    members = archive.infolist()
    names = sorted(member.filename for member in members)
    expected = sorted(f"{name}.npy" for name in specs)
    _expect(names == expected, where, f"the members {expected}", names)
    plain = all(member.compress_type == zipfile.ZIP_STORED for member in members)
    _expect(plain and sum(m.file_size for m in members) <= size, where, "stored members", "compressed ones")
    return {name: _read_array(f"{where}, {name}", archive.read(f"{name}.npy"), spec) for name, spec in specs.items()}


def _read_array(where: str, data: bytes, spec: ArraySpec) -> np.ndarray:
    _expect(data.startswith(_MAGIC), where, "npy version 1.0", data[: len(_MAGIC)])
    start = len(_MAGIC) + 2
    end = start + int.from_bytes(data[len(_MAGIC) : start], "little")
    header, body = data[start:end].decode("latin-1"), data[end:]
    # Matched, not evaluated: only the one header that NumPy writes for the specified dtype is read.
    dtype = re.escape(repr(npy.dtype_to_descr(spec.dtype)))
    pattern = rf"\{{'descr': {dtype}, 'fortran_order': False, 'shape': {_SHAPE}, \}} *\n"
    found = re.fullmatch(pattern, header, re.ASCII)
    shape = tuple(int(length) for length in found[1].split(",") if length) if found else ()
    fits = found is not None and spec.fits(shape)
    _expect(fits, where, f"{spec.dtype} {spec.shape}", header.strip()[:200])
    wanted = math.prod(shape) * spec.dtype.itemsize
    _expect(len(body) == wanted, where, f"{wanted} bytes of numbers", len(body))
    return np.frombuffer(body, dtype=spec.dtype).reshape(shape).copy()


def _expect(holds: bool, where: str, expected: str, found: object) -> None:
    if not holds:
        raise BundleRefused(f"{where}: expected {expected}, found {found}; write the bundle again")
