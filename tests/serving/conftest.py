"""Tiny models behind the service, and a client that needs no socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from polypref import PreferenceModel
from polypref.serving.app import guarded
from polypref.serving.cohorts import CohortSettings
from polypref.serving.guard import Limits
from polypref.serving.hosting import Host, Served, Weights
from polypref.serving.service import Service
from polypref.serving.tokens import Tokens
from tests.models.conftest import make_checkpoint


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., PreferenceModel]:
    """A model on a tiny backbone: `model("llama", "scalar")`."""
    made: dict[tuple[Any, ...], PreferenceModel] = {}

    def built(backbone: str = "llama", head: str = "scalar", **settings: Any) -> PreferenceModel:
        key = (backbone, head, *settings.items())
        if key not in made:
            folder = make_checkpoint(backbone, tmp_path_factory.mktemp(backbone))
            made[key] = PreferenceModel.from_backbone(str(folder), head, **settings)
        return made[key]

    return built


class Running:
    """A service in this process."""

    def __init__(self, service: Service, app: Any) -> None:
        self.service, self.app = service, app

    @asynccontextmanager
    async def client(self, **settings: Any) -> AsyncIterator[httpx.AsyncClient]:
        transport = httpx.ASGITransport(app=self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8000", **settings) as client:
            yield client

    def post(self, path: str, body: Any, **settings: Any) -> httpx.Response:
        async def send() -> httpx.Response:
            async with self.client() as client:
                text = json.dumps(body)  # ASCII: what no UTF-8 can say arrives, too
                headers = {"content-type": "application/json", **settings.pop("headers", {})}
                return await client.post(path, content=text, headers=headers, **settings)

        return asyncio.run(send())

    def get(self, path: str, **settings: Any) -> httpx.Response:
        async def send() -> httpx.Response:
            async with self.client() as client:
                return await client.get(path, **settings)

        return asyncio.run(send())

    def run(self, work: Callable[[httpx.AsyncClient], Coroutine[Any, Any, Any]]) -> Any:
        async def all_of_it() -> Any:
            async with self.client() as client:
                return await work(client)

        return asyncio.run(all_of_it())


@pytest.fixture
def serve() -> Iterator[Callable[..., Running]]:
    """A service of some models: `serve({"one": model()})`."""
    hosts: list[Host] = []

    def started(
        models: dict[str, PreferenceModel],
        *,
        cohort: CohortSettings | None = None,
        tokens: Path | None = None,
        limits: Limits | None = None,
        **more: Any,
    ) -> Running:
        host = Host([Served(name, Weights(one), place=f"/models/{name}") for name, one in models.items()])
        hosts.append(host)
        service = Service(host, cohort=cohort, **more)
        return Running(service, guarded(service, tokens=None if tokens is None else Tokens(tokens), limits=limits))

    yield started
    for host in hosts:
        host.close()
