"""Requests on their way to a broker, as they are on disk before they are sent.

The file is records of 96 bytes, each with its number and a check over itself and the check before it, so that none is
altered, swapped or dropped unseen. A process killed while writing leaves a torn tail, which was never sent. The writer
is compiled code of `live`; the chain is FNV-1a, which finds damage and proves nothing against intent.
"""

from pathlib import Path

import numpy as np

from market.errors import SafetyRefusal
from market.kernel import kernel
from trading.requests import REQUEST

INTENT = np.dtype(
    [
        ("number", "<i8"),  # from 1
        ("ts_ns", "<i8"),  # when it was written
        ("request", REQUEST),
        ("previous", "<u8"),  # check of the record before; 0 for the first
        ("reserved", "<u8"),
        ("check", "<u8"),  # over everything before it
    ]
)
CHECKED = INTENT.itemsize - 8  # bytes
_BASIS, _PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)


@kernel
def check_bytes(data: np.ndarray) -> int:
    """Return FNV-1a of 64 bits over bytes."""
    value = _BASIS
    for one in data:
        value = (value ^ np.uint64(one)) * _PRIME
    return value  # type: ignore[return-value]


def read_intents(path: Path) -> np.ndarray:
    """Return the whole records of a file; a torn tail is left out.

    Raises
    ------
    SafetyRefusal
        If a record was altered, swapped or dropped.
    """
    data = path.read_bytes()
    whole = np.frombuffer(data[: len(data) // INTENT.itemsize * INTENT.itemsize], dtype=INTENT)
    torn = bool(len(whole)) and not whole[-1].tobytes().strip(b"\0")  # length without data, as a power cut leaves it
    whole = whole[:-1] if torn else whole
    previous = 0
    for place, intent in enumerate(whole):
        raw = np.frombuffer(intent.tobytes(), dtype=np.uint8)[:CHECKED]
        if intent["number"] != place + 1 or intent["previous"] != previous or intent["check"] != check_bytes(raw):
            raise SafetyRefusal(
                f"{path}, record {place + 1}: expected the one after record {place}, found an altered or another one; "
                "keep the file and reconcile with the broker before trading"
            )
        previous = int(intent["check"])
    return whole.copy()
