"""The console reads the newest journal and can change nothing."""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

import httpx
import numpy as np
from fastapi import FastAPI
from fastapi.routing import APIRoute

from console.app import create_app
from live.journal_writer import JournalWriter
from market.home import Home
from market.types import Side
from trading.journal import Kind, json_payload
from trading.records import DECISION, FILL

NOTHING = {"journal": None, "mode": None, "model": None, "position": None, "decisions": None, "fills": None}


def fills_of(*signed: int) -> bytes:
    """Return one record of fills; a negative quantity is sold."""
    made = np.zeros(len(signed), dtype=FILL)
    made["side"] = [Side.BUY if quantity > 0 else Side.SELL for quantity in signed]
    made["quantity"] = np.abs(signed)
    return made.tobytes()


def write_journal(home: Home, name: str, story: Sequence[tuple[Kind, bytes]]) -> Path:
    home.journal.mkdir(parents=True, exist_ok=True)
    with JournalWriter(home.journal / name) as journal:
        for kind, payload in story:
            journal.append(kind, payload)
    return home.journal / name


def started(mode: str, bundle: str) -> tuple[Kind, bytes]:
    return Kind.SESSION, json_payload({"mode": mode, "day": "2026-06-01", "bundle": bundle})


STORY = [
    started("replay", "ab12"),
    (Kind.DECISION, np.zeros(2, dtype=DECISION).tobytes()),
    (Kind.FILL, fills_of(3)),
    (Kind.DECISION, np.zeros(1, dtype=DECISION).tobytes()),
    (Kind.FILL, fills_of(-1, -200)),
]


def ask(home: Home, path: str, method: str = "GET") -> httpx.Response:
    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(create_app(home))
        async with httpx.AsyncClient(transport=transport, base_url="http://console") as client:
            return await client.request(method, path)

    return asyncio.run(send())


def test_health_answers_without_any_data(home: Home) -> None:
    answer = ask(home, "/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_home_without_a_journal_knows_nothing(home: Home) -> None:
    assert ask(home, "/status").json() == NOTHING
    assert not home.journal.exists()


def test_status_sums_up_the_journal(home: Home) -> None:
    write_journal(home, "a.bin", STORY)
    assert ask(home, "/status").json() == {
        "journal": "a.bin", "mode": "replay", "model": "ab12", "position": -198, "decisions": 3, "fills": 3
    }  # fmt: skip


def test_status_is_of_the_journal_written_last(home: Home) -> None:
    older, newer = write_journal(home, "z.bin", STORY), write_journal(home, "a.bin", [started("paper", "cd34")])
    os.utime(older, ns=(1, 1))
    os.utime(newer, ns=(2, 2))
    found = ask(home, "/status").json()
    assert found == NOTHING | {
        "journal": "a.bin", "mode": "paper", "model": "cd34", "position": 0, "decisions": 0, "fills": 0
    }  # fmt: skip
    os.utime(older, ns=(3, 3))
    assert ask(home, "/status").json()["journal"] == "z.bin"


def test_latest_session_names_the_model(home: Home) -> None:
    write_journal(home, "a.bin", [*STORY, started("replay", "ef56")])
    assert ask(home, "/status").json()["model"] == "ef56"


def test_record_still_being_written_is_left_out(home: Home) -> None:
    path = write_journal(home, "a.bin", STORY)
    os.truncate(path, path.stat().st_size - 1)
    found = ask(home, "/status").json()
    assert (found["position"], found["fills"]) == (3, 1)


def test_damaged_journal_is_reported_and_never_summed_up(home: Home) -> None:
    path = write_journal(home, "a.bin", STORY)
    data = bytearray(path.read_bytes())
    data[40] ^= 1
    path.write_bytes(data)
    answer = ask(home, "/status")
    assert answer.status_code == 503
    assert answer.json()["ok"] is False
    assert f"{path}, byte 8" in answer.json()["reason"]


def routes_of(app: FastAPI) -> list[APIRoute]:
    return [route for route in app.routes if isinstance(route, APIRoute)]


def test_every_route_is_read_only_and_answers(home: Home) -> None:
    write_journal(home, "a.bin", STORY)
    routes = routes_of(create_app(home))
    before = {path: path.read_bytes() for path in home.root.rglob("*") if path.is_file()}
    assert {route.path for route in routes} == {"/health", "/status"}
    for route in routes:
        assert route.methods == {"GET"}
        assert ask(home, route.path).status_code == 200
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            assert ask(home, route.path, method).status_code == 405
    assert {path: path.read_bytes() for path in home.root.rglob("*") if path.is_file()} == before
