"""What one queue for all clients is worth: groups and single texts over HTTP, beside the bare `score` command.

Prints requests and tokens a second of (1) one request after another with one response each, (2) groups from many
clients at once, and (3) the same groups scored in this process without HTTP, and the latencies of the clients:
`python benchmarks/serving.py --model MODEL --clients 1000`. Clients are coroutines of this process, on the same cores.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import socket
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import uvicorn

from polypref import Group, PreferenceModel
from polypref.serving.app import guarded
from polypref.serving.guard import Limits
from polypref.serving.hosting import Host, Served, Weights
from polypref.serving.service import Service

WORDS = "tea coffee water bread rice salt honey walk night morning friend answer question better never always".split()


def made_groups(count: int, size: int, prompt_words: int, response_words: int, seed: int) -> list[Group]:
    """Groups of random words, no two responses alike."""
    rng = random.Random(seed)

    def text(length: int) -> str:
        return " ".join(rng.choices(WORDS, k=length)) + f" {rng.random():.9f}"

    return [Group(text(prompt_words), tuple(text(response_words) for _ in range(size))) for _ in range(count)]


class Server:
    """The service on a free port, in a thread."""

    def __init__(self, model: PreferenceModel) -> None:
        self.host = Host([Served("model", Weights(model), cached_rows=0)])
        app = guarded(Service(self.host), limits=Limits(rate=1e9, burst=1e9))
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=2048)
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._server = uvicorn.Server(uvicorn.Config(app, access_log=False, log_level="warning"))
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), daemon=True)
        self._thread.start()
        while not self._server.started:
            time.sleep(0.05)

    def close(self) -> None:
        self._server.should_exit = True
        self._thread.join()
        self.host.close()


async def asked(url: str, groups: Sequence[Group], clients: int) -> tuple[float, np.ndarray, int]:
    """Seconds until all groups are answered, latency of each [N], and how many answers were errors."""
    waiting = iter(groups)
    latencies: list[float] = []
    errors = 0
    limits = httpx.Limits(max_connections=clients)

    async def client(http: httpx.AsyncClient) -> None:
        nonlocal errors
        for group in waiting:
            body = {"groups": [{"prompt": group.prompt, "responses": list(group.responses)}]}
            while True:
                started = time.perf_counter()
                answer = await http.post(f"{url}/v1/score", json=body)
                if answer.status_code != 503:
                    break
                await asyncio.sleep(float(answer.headers["retry-after"]))
            latencies.append(time.perf_counter() - started)
            errors += answer.status_code != 200

    async with httpx.AsyncClient(limits=limits, timeout=600) as http:
        started = time.perf_counter()
        await asyncio.gather(*(client(http) for _ in range(clients)))
        return time.perf_counter() - started, np.array(latencies), errors


def measured(model: PreferenceModel, settings: argparse.Namespace) -> dict[str, Any]:
    groups = made_groups(settings.groups, 8, settings.prompt_words, settings.response_words, seed=0)
    few = made_groups(max(1, settings.groups // 8), 8, settings.prompt_words, settings.response_words, seed=1)
    singles = [Group(group.prompt, (text,)) for group in few for text in group.responses]
    tokens = sum(len(item) for group in groups for item in model.tokenize(group))
    list(model.encode(groups[:2]))  # warm
    started = time.perf_counter()
    list(model.encode(groups))
    bare = time.perf_counter() - started

    server = Server(model)
    try:
        one_by_one, _, errors_alone = asyncio.run(asked(server.url, singles, 1))
        together, latencies, errors = asyncio.run(asked(server.url, groups, settings.clients))
    finally:
        server.close()
    responses = 8 * len(groups)
    return {
        "model": settings.model,
        "clients": settings.clients,
        "groups": len(groups),
        "errors": errors + errors_alone,
        "responses_per_second": {
            "one by one": len(singles) / one_by_one,
            "groups over HTTP": responses / together,
            "bare": responses / bare,
        },
        "times_one_by_one": (responses / together) / (len(singles) / one_by_one),
        "share_of_bare": bare / together,
        "tokens_per_second_over_http": tokens / together,
        "latency_seconds": {str(q): float(np.percentile(latencies, q)) for q in (50, 90, 99)},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="embedded:minilm", help="a preference model, or a backbone for a new one")
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--groups", type=int, default=256)
    parser.add_argument("--prompt-words", type=int, default=120)
    parser.add_argument("--response-words", type=int, default=20)
    parser.add_argument("--out", type=Path)
    settings = parser.parse_args()
    result = measured(PreferenceModel.from_backbone(settings.model, "scalar"), settings)
    for name, value in result["responses_per_second"].items():
        print(f"{name:20} {value:10.1f} responses/s")
    print(f"groups over HTTP against one by one: {result['times_one_by_one']:.1f} times")
    print(f"share of the bare model's pace: {100 * result['share_of_bare']:.0f} %, errors: {result['errors']}")
    print("latency", {q: round(s, 3) for q, s in result["latency_seconds"].items()})
    if settings.out:
        settings.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
