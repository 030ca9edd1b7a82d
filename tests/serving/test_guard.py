"""Tokens, limits, headers and the log: every route refuses who may not come in."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from polypref import PolyprefError, PreferenceModel
from polypref.serving.guard import OPEN, Limits
from polypref.serving.running import is_loopback
from polypref.serving.tokens import SCOPES, Tokens, make_token, read_tokens, revoke_token
from tests.serving.conftest import Running


def routes(app: Any) -> Iterator[tuple[str, str]]:
    """(method, path) of everything that an application answers to."""
    for route in app.routes:
        inner = getattr(route, "original_router", None)  # how newer versions hold included routers
        if inner is not None:
            prefix = getattr(route.include_context, "prefix", "")
            yield from ((method, prefix + path) for method, path in routes(inner))
        for method in sorted(getattr(route, "methods", None) or ()):
            yield method, route.path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "tokens.jsonl"


@pytest.fixture
def running(serve: Callable[..., Running], model: Callable[..., PreferenceModel], file: Path) -> Running:
    make_token(file, "somebody", ["score"])
    return serve({"one": model()}, tokens=file)


def test_every_route_refuses_who_may_not_come_in(running: Running, file: Path) -> None:
    revoked, known = make_token(file, "late", SCOPES)
    revoke_token(file, known.id)
    expired, _ = make_token(file, "old", SCOPES, days=1, now=time.time() - 2 * 86400)
    good, stored = make_token(file, "good", SCOPES)
    told = {
        "missing": None,
        "wrong": good[:-1] + ("a" if good[-1] != "a" else "b"),
        "of the id alone": f"pp_{stored.id}_",
        "the hash": stored.hash,
        "nonsense": "\u00e9".encode().decode("latin-1"),
        "revoked": revoked,
        "expired": expired,
    }
    found = list(dict.fromkeys(routes(running.app.app)))
    assert {path for _, path in found} >= {"/v1/score", "/slime", "/classify", "/metrics", "/openapi.json"}

    async def check(client: httpx.AsyncClient) -> None:
        for method, path in found:
            if path in OPEN:
                assert (await client.request(method, path)).status_code == 200
                continue
            for why, token in told.items():
                headers = {} if token is None else {b"authorization": f"Bearer {token}".encode("latin-1")}
                answer = await client.request(method, path, json={}, headers=headers)
                assert (answer.status_code, list(answer.json())) == (401, ["error"]), (method, path, why)
            for token in (revoked, expired):
                assert (await client.request(method, f"/t/{token}{path}", json={})).status_code == 401

    running.run(check)


def test_every_route_refuses_tokens_of_other_scopes(running: Running, file: Path) -> None:
    tokens = {scope: make_token(file, scope, [scope])[0] for scope in SCOPES}

    async def check(client: httpx.AsyncClient) -> None:
        for method, path in routes(running.app.app):
            if path in OPEN:
                continue
            headers = [{"authorization": f"Bearer {token}"} for token in tokens.values()]
            answers = [await client.request(method, path, json={}, headers=one) for one in headers]
            let_in = [scope for scope, answer in zip(tokens, answers) if answer.status_code != 403]
            assert len(let_in) == 1, (method, path, let_in)

    running.run(check)


def test_a_token_stands_in_the_header_or_before_the_path(running: Running, file: Path) -> None:
    token, _ = make_token(file, "trainer", ["score"])
    body = {"prompt": "Tea?", "response": "yes"}
    assert running.post("/slime", body, headers={"authorization": f"Bearer {token}"}).status_code == 200
    assert running.post(f"/t/{token}/slime", body).status_code == 200


def test_revoking_works_while_the_service_runs(running: Running, file: Path) -> None:
    token, made = make_token(file, "trainer", ["score"])
    assert running.get(f"/t/{token}/v1/models").status_code == 200
    revoke_token(file, made.id)
    assert running.get(f"/t/{token}/v1/models").json() == {"error": "the token was revoked"}


def test_tokens_are_stored_hashed_and_unreadable_to_others(file: Path) -> None:
    token, made = make_token(file, "who", ["score", "vote"], days=2, now=1000.0)
    text = file.read_text()
    assert token not in text
    assert token.rpartition("_")[2] not in text
    assert file.stat().st_mode & 0o777 == 0o600
    assert made.expires == 1000.0 + 2 * 86400
    assert Tokens(file).find(token, now=2000.0) == made
    with pytest.raises(PolyprefError, match="expired"):
        Tokens(file).find(token, now=made.expires)
    assert read_tokens(file) == [made]


@pytest.mark.parametrize(
    ("name", "scopes", "more"),
    [("a", ["scoer"], {}), ("a", [], {}), ("", ["score"], {}), ("a\n", ["score"], {}), ("a", ["read"], {"days": 0})],
)
def test_tokens_that_are_none(file: Path, name: str, scopes: list[str], more: dict[str, Any]) -> None:
    with pytest.raises(PolyprefError):
        make_token(file, name, scopes, **more)
    assert not file.exists()


def test_a_broken_file_is_told_by_its_row(file: Path) -> None:
    file.write_text('{"id": "x"}\n')
    with pytest.raises(PolyprefError, match="row 1: expected a token"):
        Tokens(file)


def test_the_log_names_who_and_what_and_no_token(
    running: Running, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    token, made = make_token(file, "trainer", ["score"])
    with caplog.at_level(logging.INFO, "polypref.audit"):
        running.get(f"/t/{token}/v1/models")
        running.get(f"/t/{token[:-2]}/v1/models")
    lines = [json.loads(record.getMessage()) for record in caplog.records if record.name == "polypref.audit"]
    assert [(line["who"], line["path"], line["status"]) for line in lines] == [
        (f"trainer ({made.id})", "/v1/models", 200),
        ("127.0.0.1", "/v1/models", 401),
    ]
    assert token not in caplog.text
    assert token[:-2] not in caplog.text


def test_rates_and_sizes_are_limited(
    serve: Callable[..., Running], model: Callable[..., PreferenceModel], file: Path
) -> None:
    slow, _ = make_token(file, "slow", ["score"], rate=1)
    fast, _ = make_token(file, "fast", ["score"])
    running = serve({"one": model()}, tokens=file, limits=Limits(body=200))
    answers = [running.get(f"/t/{slow}/v1/models") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert int(answers[2].headers["retry-after"]) >= 1
    assert running.get(f"/t/{fast}/v1/models").status_code == 200, "limits are each token's own"
    assert running.post(f"/t/{fast}/slime", {"prompt": "x" * 300, "response": "y"}).status_code == 413

    async def unsized(client: httpx.AsyncClient) -> httpx.Response:
        async def parts() -> Any:
            for _ in range(100):
                yield b" " * 100

        headers = {"content-type": "application/json"}
        return await client.post(f"/t/{fast}/slime", content=parts(), headers=headers)

    assert running.run(unsized).status_code == 413


def test_pages_of_other_places_cannot_use_a_service_without_tokens(
    serve: Callable[..., Running], model: Callable[..., PreferenceModel]
) -> None:
    running = serve({"one": model()})
    body = {"prompt": "Tea?", "response": "yes"}
    assert running.post("/slime", body).status_code == 200
    assert running.post("/slime", body, headers={"origin": "http://localhost:8000"}).status_code == 200
    assert running.post("/slime", body, headers={"origin": "http://evil.example"}).status_code == 403
    assert running.post("/slime", body, headers={"host": "evil.example"}).status_code == 421, "a name rebound to us"
    assert running.post("/slime", body, headers={"content-type": "text/plain"}).status_code == 415, "no form is sent"


def test_answers_say_what_browsers_may_do_with_them(
    serve: Callable[..., Running], model: Callable[..., PreferenceModel]
) -> None:
    headers = serve({"one": model()}).get("/healthz").headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("host", "here"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False), ("box", False)],
)
def test_what_is_loopback(host: str, here: bool) -> None:
    assert is_loopback(host) is here
