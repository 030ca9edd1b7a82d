"""Every route that the OpenAPI document describes, with bodies and parameters made from its schemas: no failure."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from polypref import Group, PreferenceModel
from polypref.serving.polling import Polling
from polypref.serving.store import Store
from tests.serving.conftest import Running

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def values(schema: dict[str, Any], parts: dict[str, Any]) -> st.SearchStrategy[Any]:
    """What a schema allows, as far as types, choices and small sizes go: nearly valid, which reaches deepest."""
    if "$ref" in schema:
        return st.deferred(lambda: values(parts[schema["$ref"].rpartition("/")[2]], parts))
    if "const" in schema or "enum" in schema:
        return st.sampled_from(schema.get("enum", [schema.get("const")]))
    if "anyOf" in schema:
        return st.one_of([values(one, parts) for one in schema["anyOf"]])
    kind = schema.get("type")
    if kind == "object" and "properties" in schema:
        told = {name: values(one, parts) for name, one in schema["properties"].items()}
        needed = set(schema.get("required", ()))
        return st.fixed_dictionaries(
            {name: one for name, one in told.items() if name in needed},
            optional={name: one for name, one in told.items() if name not in needed},
        )
    if kind == "array":
        return st.lists(values(schema.get("items", {}), parts), min_size=min(schema.get("minItems", 0), 3), max_size=3)
    simple: dict[str, st.SearchStrategy[Any]] = {
        "string": st.text(min_size=schema.get("minLength", 0), max_size=12) | st.sampled_from(["one", "borda", "q"]),
        "integer": st.integers(schema.get("minimum", -3), 5),
        "number": st.floats(-2, 2),
        "boolean": st.booleans(),
        "null": st.none(),
        "object": st.dictionaries(st.sampled_from(["i", "j", "p", "label", "order"]), ANYTHING, max_size=4),
    }
    return simple.get(str(kind), ANYTHING)


@pytest.mark.slow
def test_no_described_request_makes_the_service_fail(
    serve: Callable[..., Running], model: Callable[..., PreferenceModel], tmp_path: Path
) -> None:
    store = Store(str(tmp_path / "votes.db"))
    [item] = store.add([Group("Tea?", ("yes", "no"), scale=(1, 2))])
    running = serve({"one": model()}, polling=Polling(store))
    told = running.get("/openapi.json").json()
    parts = told["components"]["schemas"]
    asked = [
        (method, path, what)
        for path, methods in told["paths"].items()
        for method, what in methods.items()
        if not path.endswith("events")  # these never end
    ]
    assert len(asked) >= 30

    async def send(client: httpx.AsyncClient, method: str, path: str, body: Any, more: dict[str, Any]) -> None:
        for name in [name for name in more if f"{{{name}}}" in path]:
            path = path.replace(f"{{{name}}}", quote(str(more.pop(name)) or "x", safe=""))
        params = {name: str(value) for name, value in more.items() if value is not None}
        headers = {"content-type": "application/json"}
        answer = await client.request(method, path, content=json.dumps(body), headers=headers, params=params)
        assert answer.status_code < 500, (method, path, body, params, answer.text)

    @settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def walk(data: st.DataObject) -> None:
        made = []
        for method, path, what in asked:
            schema = what.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
            body = None if schema is None else data.draw(values(schema, parts))
            if isinstance(body, dict) and "item" in body and data.draw(st.booleans()):
                body["item"] = item
            more = {one["name"]: data.draw(values(one["schema"], parts)) for one in what.get("parameters", ())}
            made.append((method.upper(), path, body, more))

        async def all_of_them(client: httpx.AsyncClient) -> None:
            for one in made:
                await send(client, *one)

        running.run(all_of_them)

    walk()
