"""The gate record: what the gates answered about one bundle, signed, so that a runner can believe it.

It names the bundle by its digest and the champion that the comparison was made with, and is stored beside the bundle.
Whoever alters a number, or puts the record beside another bundle, breaks the signature or the digest.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from types import MappingProxyType
from typing import Any

from market.errors import GatesRefused
from registry.gates import CHALLENGER, CHAMPION, NOT_MEASURED, Check, Gate, as_table, provenance_real
from registry.signing import SigningKey, sign, verify

CHALLENGER_ALIAS = "challenger"
CHAMPION_ALIAS = "champion"
GATES_FILE = "gates.json"
MAX_BYTES = 1 << 18

_AGAIN = "register the version again"
_UNREADABLE = (ValueError, LookupError, TypeError, RecursionError)

ASKED: Mapping[str, tuple[Check, ...]] = MappingProxyType(
    {CHALLENGER_ALIAS: CHALLENGER, CHAMPION_ALIAS: (*CHALLENGER, *CHAMPION)}
)


@dataclass(frozen=True)
class GateRecord:
    """What is signed.

    Parameters
    ----------
    model : str
        Registered name.
    bundle_digest : str
    champion : int or None
        Version that was champion when the gates were asked, which is whom the model was compared with.
    gates : tuple of Gate
    """

    model: str
    bundle_digest: str
    champion: int | None
    gates: tuple[Gate, ...]

    def failing(self, alias: str, *, demonstration: bool = False) -> tuple[Gate, ...]:
        """Return the gates that keep a version from an alias; one that was not asked, or asked twice, fails.

        Parameters
        ----------
        alias : str
            "challenger" or "champion".
        demonstration : bool
            Whether the model may come of synthetic data.
        """
        asked = [check.__name__ for check in ASKED[alias] if not (demonstration and check is provenance_real)]
        answers = [self._answer(name) for name in asked]
        return tuple(gate for gate in answers if not gate.passed)

    def _answer(self, name: str) -> Gate:
        found = [gate for gate in self.gates if gate.name == name]
        if len(found) == 1:
            return found[0]
        return Gate(name, False, None, None, f"answered {len(found)} times" if found else NOT_MEASURED)

    def answered(self, gate: Gate) -> "GateRecord":
        """Return the record with one gate answered anew."""
        return replace(self, gates=tuple(gate if one.name == gate.name else one for one in self.gates))


def seal(record: GateRecord, key: SigningKey) -> bytes:
    """Return the signed record as a file's content; the same record and key give the same bytes."""
    fields = asdict(record)
    signed = {"public_key": key.public.hex(), "record": fields, "signature": sign(key, _message(fields)).hex()}
    return json.dumps(signed, sort_keys=True, allow_nan=False).encode()


def unseal(where: str, data: bytes, public: bytes) -> GateRecord:
    """Return a record once its signature holds.

    Parameters
    ----------
    where : str
        What the record is of, for messages.
    data : bytes
    public : bytes
        The only key whose signature is believed.

    Raises
    ------
    GatesRefused
        If the record is not one, or was not signed by that key as it stands.
    """
    try:
        content = json.loads(data)
        fields, signer = dict(content["record"]), bytes.fromhex(content["public_key"])
        signature, message = bytes.fromhex(content["signature"]), _message(fields)
    except _UNREADABLE as error:
        found = type(error).__name__
        raise GatesRefused(f"{where}: expected a signed gate record, found {found} on reading it; {_AGAIN}") from error
    if signer != public or not verify(public, message, signature):
        signed = f"expected a gate record signed by {public.hex()}, found one that is not, or was altered"
        raise GatesRefused(f"{where}: {signed}; {_AGAIN}, where the key is")
    return GateRecord(**fields | {"gates": _gates(fields["gates"])})


def gates_in(data: bytes) -> list[dict[str, Any]]:
    """Return the gate table of a record, whoever signed it; raises GatesRefused where it holds none."""
    try:
        return as_table(_gates(json.loads(data)["record"]["gates"]))
    except _UNREADABLE as error:
        raise GatesRefused(f"gate record: expected a table of gates, found {error}; {_AGAIN}") from error


def _gates(table: list[dict[str, Any]]) -> tuple[Gate, ...]:
    return tuple(Gate(**row) for row in table)


def _message(fields: Any) -> bytes:
    return json.dumps(fields, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
