"""A server of ours that keeps one version, as MLflow's would, or as somebody hostile would."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from market.home import Home
from registry.bundle import digest
from registry.bundle_files import FILE_BYTES
from registry.gate_record import GateRecord, seal
from registry.gates import Evidence, Gate, GateThresholds, challenger_gates, champion_gates
from registry.signing import load_private_key
from tests.registry.conftest import GOOD

LOCATION = "mlflow-artifacts:/1/run/artifacts/bundle"
FOLDER = "/api/2.0/mlflow-artifacts/artifacts/1/run/artifacts"

Answer = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Kept:
    """What the server answers.

    Parameters
    ----------
    model : str
    files : mapping of str to bytes
        By name, the gate record among them.
    location : str
        Where it says the bundle lies.
    odd : dict of str to callable
        By the end of a path, what answers in place of the file.
    """

    model: str
    files: Mapping[str, bytes]
    location: str = LOCATION
    odd: dict[str, Answer] = field(default_factory=dict)


def gates_of_evidence(evidence: Evidence, thresholds: GateThresholds | None = None) -> tuple[Gate, ...]:
    asked = evidence, thresholds or GateThresholds()
    return (*challenger_gates(*asked), *champion_gates(*asked))


def sealed_for(home: Home, record: GateRecord) -> bytes:
    return seal(record, load_private_key(home.keys, use_keyring=False))


def keep(home: Home, model: str, folder: Path, **known: object) -> Kept:
    """Keep a bundle beside a record of gates that all passed, but for what is known otherwise."""
    files = {name: (folder / name).read_bytes() for name in FILE_BYTES}
    evidence = replace(GOOD, **known)  # type: ignore[arg-type]
    record = GateRecord(model, digest(folder), None, gates_of_evidence(evidence))
    return Kept(model, files | {"gates.json": sealed_for(home, record)})


@contextmanager
def shelf(kept: Kept, seen: list[str] | None = None) -> Iterator[str]:
    """Serve what is kept on loopback and yield the address; requests are noted in `seen`, with their authorisation."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if seen is not None:
                seen.append(f"{self.path} {self.headers.get('Authorization', '')}".strip())
            path = self.path.partition("?")[0]
            odd = next((answer for end, answer in kept.odd.items() if path.endswith(end)), None)
            if odd is not None:
                return odd(self)
            if path.endswith("registered-models/search"):
                aliases = [{"alias": "champion", "version": "3"}]
                return send(self, {"registered_models": [{"name": kept.model, "aliases": aliases}, {"name": "other"}]})
            if path.endswith("registered-models/alias"):
                return send(self, {"model_version": {"name": kept.model, "version": "3"}})
            if path.endswith("get-download-uri"):
                return send(self, {"artifact_uri": kept.location})
            name = path.rpartition("/")[2]
            if path in (f"{FOLDER}/bundle/{name}", f"{FOLDER}/{name}") and name in kept.files:
                return send(self, kept.files[name])
            return self.send_error(404)

        def log_message(self, *told: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def send(handler: BaseHTTPRequestHandler, body: object, length: int | None = None) -> None:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(data) if length is None else length))
    handler.end_headers()
    handler.wfile.write(data)


def redirect(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(302)
    handler.send_header("Location", "file:///etc/hostname")
    handler.end_headers()


def drip(handler: BaseHTTPRequestHandler) -> None:
    """Send a byte now and then, for ever."""
    handler.send_response(200)
    handler.end_headers()
    try:
        while True:
            handler.wfile.write(b"x")
            handler.wfile.flush()
            time.sleep(0.05)
    except OSError:
        return


def flood(handler: BaseHTTPRequestHandler) -> None:
    """Send without end."""
    handler.send_response(200)
    handler.end_headers()
    try:
        while True:
            handler.wfile.write(bytes(1 << 20))
    except OSError:
        return


def hang_up(handler: BaseHTTPRequestHandler) -> None:
    """Promise more than is sent."""
    send(handler, b"{", length=1000)
