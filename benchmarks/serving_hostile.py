"""Whether bodies that mean harm leave anything behind: no answer of 500 or more, no traceback, no growth of memory.

Sends spoiled bodies (values of another kind, of absurd size, no text, no JSON, cut off) to the routes of a service with
a tiny model and a store, in this process, and prints how many were answered how and how much memory grew between the
first tenth and the end: `python benchmarks/serving_hostile.py --seconds 120`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.models.conftest import make_checkpoint
from tests.serving.test_hostile import GOOD, spoiled

from polypref import Group, PreferenceModel
from polypref.serving.app import guarded
from polypref.serving.guard import Limits
from polypref.serving.hosting import Host, Served, Weights
from polypref.serving.polling import Polling
from polypref.serving.service import Service
from polypref.serving.store import Store


class Complaints(logging.Handler):
    """Counts what the service logs as failed."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.count = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.count += 1


def resident() -> float:
    """MiB of this process that are in memory."""
    text = Path("/proc/self/status").read_text()
    return int(text.split("VmRSS:")[1].split()[0]) / 1024


def body_of(path: str, rng: random.Random) -> bytes:
    """A spoiled body: of other values, cut off, or no text at all."""
    text = json.dumps(spoiled(GOOD[path], rng)).encode()
    chance = rng.random()
    if chance < 0.1:
        return text[: rng.randrange(len(text) + 1)]
    return rng.randbytes(rng.randrange(200)) if chance < 0.15 else text


async def attacked(app: Any, seconds: float, seed: int) -> dict[str, Any]:
    rng, statuses = random.Random(seed), Counter[int]()
    early, started = 0.0, time.monotonic()
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8000") as client:
        while (spent := time.monotonic() - started) < seconds:
            if not early and spent > seconds / 10:
                early = resident()
            path = rng.choice(list(GOOD))
            headers = {"content-type": "application/json"}
            answer = await client.post(path, content=body_of(path, rng), headers=headers)
            statuses[answer.status_code] += 1
            if answer.status_code != 200 and list(answer.json()) != ["error"]:
                raise AssertionError(answer.text[:500])
    return {"bodies": statuses.total(), "statuses": dict(sorted(statuses.items())), "grew_mib": resident() - early}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--seed", type=int, default=0)
    settings = parser.parse_args()
    complaints = Complaints()
    logging.getLogger().addHandler(complaints)
    with tempfile.TemporaryDirectory() as folder:
        place = make_checkpoint("llama", Path(folder))
        model = PreferenceModel.from_backbone(str(place), "scalar")
        store = Store(str(Path(folder) / "votes.db"))
        store.add([Group("Tea?", ("yes", "no"))])
        host = Host([Served("one", Weights(model))])
        app = guarded(Service(host, polling=Polling(store)), limits=Limits(rate=1e9, burst=1e9))
        try:
            told = asyncio.run(attacked(app, settings.seconds, settings.seed))
        finally:
            host.close()
    print({**told, "failures": sum(n for status, n in told["statuses"].items() if status >= 500)})
    print("logged failures:", complaints.count)


if __name__ == "__main__":
    main()
