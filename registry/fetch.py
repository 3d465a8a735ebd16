"""What is asked of an MLflow server to pull a bundle: three requests of its REST interface, and plain files.

Only the standard library is used. A server is not trusted: every answer is bounded in bytes and in time, none leads to
another host, and the names of the files are ours, never the server's.
"""

import base64
import http.client
import json
import os
import re
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn
from urllib.parse import quote, urlencode

from market.errors import RegistryError, ServerUnavailable, UsageError, VersionMissing
from registry.bundle_files import FILE_BYTES, MANIFEST, MORE_BYTES, more_files
from registry.gate_record import GATES_FILE
from registry.gate_record import MAX_BYTES as RECORD_BYTES

PATIENCE_S = 60.0  # for a whole bundle
ANSWER_S = 10.0  # for a server to say anything
_JSON_BYTES = 1 << 20
_PIECE = 1 << 16
_LOCATION = re.compile(r"mlflow-artifacts:/((?:[\w-][\w.-]*/)+)bundle", re.ASCII)


@dataclass(frozen=True)
class Offered:
    """What a server says a version is; nothing of it is verified.

    Parameters
    ----------
    model, alias : str
        As asked for.
    version : int
    files : mapping of str to bytes
        The files of a bundle by name.
    gate_record : bytes
    """

    model: str
    alias: str
    version: int
    files: Mapping[str, bytes]
    gate_record: bytes


class Shelf:
    """A server's versions, read over HTTP.

    Parameters
    ----------
    uri : str
        Address of the server. Name and password are read from the environment, as MLflow's own client does.
    patience_s : float
        How long everything together may take.
    """

    def __init__(self, uri: str, patience_s: float = PATIENCE_S) -> None:
        if not uri.startswith(("http://", "https://")):
            remedy = "start a server over that store and name its address"
            raise ServerUnavailable(f"MLFLOW_TRACKING_URI: expected an http address, found '{uri}'; {remedy}")
        self._uri, self._patience_s = uri.rstrip("/"), patience_s
        self._deadline = time.monotonic() + patience_s
        self._opener = urllib.request.build_opener(_NoRedirect)
        user, password = (os.environ.get(f"MLFLOW_TRACKING_{name}") for name in ("USERNAME", "PASSWORD"))
        if user and password:
            token = base64.b64encode(f"{user}:{password}".encode()).decode()
            self._opener.addheaders = [("Authorization", f"Basic {token}")]

    def model_with(self, alias: str) -> str:
        """Return the one registered model with an alias; raises UsageError where it is not one."""
        listed = self._ask("registered-models/search", max_results="1000").get("registered_models", [])
        held = [str(one.get("name")) for one in listed if alias in [a.get("alias") for a in one.get("aliases", [])]]
        if len(held) != 1:
            known = ", ".join(sorted(held)) or "none; `pregao promote` makes one"
            raise UsageError(f"expected one registered model with alias '{alias}', found {known}; name it with --model")
        return held[0]

    def fetch(self, model: str, alias: str) -> Offered:
        """Fetch the bundle that an alias names, and its gate record.

        Raises
        ------
        ServerUnavailable
            If nothing answers, or not in time.
        VersionMissing
            If there is no such model or alias, or its files are gone.
        RegistryError
            If an answer is no answer, too long, or leads elsewhere.
        """
        found = self._ask("registered-models/alias", name=model, alias=alias).get("model_version", {})
        version = int(found["version"]) if str(found.get("version", "")).isdecimal() else self._odd("a version", found)
        return self.fetch_version(model, alias, version)

    def fetch_version(self, model: str, alias: str, version: int) -> Offered:
        """Fetch what `fetch` does of a version that the caller has chosen for an alias; raises as it does."""
        named = self._ask("model-versions/get-download-uri", name=model, version=str(version)).get("artifact_uri")
        place = _LOCATION.fullmatch(str(named))
        folder = place[1] if place else self._odd("a bundle that the server keeps itself", named)
        files = {name: self._file(f"{folder}bundle/{name}", size) for name, size in FILE_BYTES.items()}
        files |= {n: self._file(f"{folder}bundle/{n}", MORE_BYTES[n]) for n in more_files(files[MANIFEST])}
        return Offered(model, alias, version, files, self._file(f"{folder}{GATES_FILE}", RECORD_BYTES))

    def _ask(self, what: str, **named: str) -> dict[str, Any]:
        answer = self._get(f"api/2.0/mlflow/{what}?{urlencode(named)}", _JSON_BYTES)
        try:
            content = json.loads(answer)
        except (ValueError, RecursionError) as error:
            raise RegistryError(f"{self._uri}: expected JSON on {what}, found {error}; {_LOOK}") from error
        return content if isinstance(content, dict) else self._odd(f"an object on {what}", type(content).__name__)

    def _file(self, path: str, size: int) -> bytes:
        return self._get(f"api/2.0/mlflow-artifacts/artifacts/{quote(path)}", size)

    def _get(self, path: str, size: int) -> bytes:
        """Return an answer of at most `size` bytes."""
        try:
            with self._opener.open(f"{self._uri}/{path}", timeout=self._left_s()) as answer:
                return self._read(answer, path, size)
        except urllib.error.HTTPError as error:
            kind = VersionMissing if error.code in (400, 404) else RegistryError
            raise kind(f"{self._uri}: expected {path}, found status {error.code}; {_LOOK}") from error
        except (OSError, http.client.HTTPException) as error:
            remedy = "start the server or correct MLFLOW_TRACKING_URI; the runner goes on with what it has"
            raise ServerUnavailable(f"{self._uri}: expected an answer, found {error!r}; {remedy}") from error

    def _read(self, answer: Any, path: str, size: int) -> bytes:
        pieces, length = [], 0
        while piece := answer.read1(_PIECE):
            pieces.append(piece)
            length += len(piece)
            if length > size:
                self._odd(f"at most {size} bytes of {path}", "more")
            self._left_s()
        return b"".join(pieces)

    def _left_s(self) -> float:
        """Return how long the next answer may take."""
        left_s = self._deadline - time.monotonic()
        if left_s <= 0:
            raise TimeoutError(f"no whole answer within {self._patience_s:g} s")
        return min(left_s, ANSWER_S)

    def _odd(self, expected: str, found: object) -> NoReturn:
        raise RegistryError(f"{self._uri}: expected {expected}, found {str(found)[:200]}; {_LOOK}")


_LOOK = "`pregao ui` shows what the registry holds"


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Takes a redirect for an error: a server that keeps bundles has no reason to send us elsewhere."""

    def redirect_request(self, *answer: Any, **named: Any) -> None:
        return None
