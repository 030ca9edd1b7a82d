"""Bodies that mean harm get a sentence, never a traceback, and leave nothing behind."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from polypref import PreferenceModel
from polypref.serving.polling import Polling
from polypref.serving.store import Store
from tests.serving.conftest import Running

GOOD: dict[str, dict[str, Any]] = {
    "/v1/score": {"groups": [{"prompt": "Tea?", "responses": ["yes", "no"]}]},
    "/v1/rank": {"groups": [{"prompt": "Tea?", "responses": ["yes", "no"]}], "rule": "borda"},
    "/get_reward": {"query": ["Tea? yes"], "prompts": ["Tea?"], "labels": [None]},
    "/slime": {"prompt": "Tea?", "response": "yes", "label": None},
    "/classify": {"model": "one", "input": "User: a\n\nAssistant: b"},
    "/score": {"text_1": "Tea?", "text_2": ["yes", "no"]},
    "/rerank": {"query": "Tea?", "documents": ["yes", "no"], "top_n": 1},
    "/compare": {"conversation_history": [{"role": "user", "content": "Tea?"}], "response_objs": [{"output": []}] * 2},
    "/verify": {"responses_create_params": {"input": "Tea?"}, "response": {"output": []}},
    "/v1/votes": {"item": "x", "kind": "comparison", "body": {"i": 0, "j": 1}, "voter": "ann", "replaces": 1},
    "/v1/items": {"items": [{"prompt": "Tea?", "responses": ["yes", "no"], "scale": [1, 2]}]},
    "/v1/forget": {"who": "ann"},
}
HARM: tuple[Any, ...] = (
    None,
    True,
    -1,
    10**400,
    1e308,
    "",
    "\ud800",
    "\x00",
    "<script>alert(1)</script>",
    "../../etc/passwd",
    "'; DROP TABLE votes; --",
    "x" * 5000,
    [],
    {},
    [[]] * 100,
    {"a": {"b": {"c": None}}},
    [None],
    {"role": "user"},
)


def spoiled(value: Any, rng: random.Random) -> Any:
    """A body with one of its values in place of another."""
    if rng.random() < 0.3 or not isinstance(value, (dict, list)) or not value:
        return rng.choice(HARM)
    if isinstance(value, list):
        at = rng.randrange(len(value))
        return [spoiled(one, rng) if k == at else one for k, one in enumerate(value)]
    name = rng.choice(list(value))
    if rng.random() < 0.1:
        return {key: one for key, one in value.items() if key != name}
    return {key: spoiled(one, rng) if key == name else one for key, one in value.items()}


@pytest.mark.parametrize("path", GOOD)
def test_spoiled_bodies_are_never_a_failure_of_the_service(
    serve: Callable[..., Running], model: Callable[..., PreferenceModel], tmp_path: Path, path: str
) -> None:
    running = serve({"one": model()}, polling=Polling(Store(str(tmp_path / "votes.db"))))
    rng = random.Random(path)

    async def send(client: httpx.AsyncClient) -> None:
        for _ in range(60):
            body = json.dumps(spoiled(GOOD[path], rng))
            answer = await client.post(path, content=body, headers={"content-type": "application/json"})
            assert answer.status_code < 500, (body[:200], answer.text)
            if answer.status_code != 200:
                assert list(answer.json()) == ["error"]
                assert len(answer.json()["error"]) < 1000

    running.run(send)
    assert running.service.host["one"].batcher.waiting == 0
