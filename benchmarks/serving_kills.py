"""Whether acknowledged votes survive: the service is killed (SIGKILL) again and again while clients vote.

Prints how many votes were acknowledged, how many of them are in the store, and how many rows are there twice:
`python benchmarks/serving_kills.py --kills 100`. Clients send a vote again, with its key, until it is acknowledged.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import httpx

from polypref import Group
from polypref.serving.store import Store

SERVE = [sys.executable, "-c", "from polypref.cli import main; main()", "serve", "--port", "0", "--store"]


class Service:
    """A service that keeps votes, and can be killed."""

    def __init__(self, store: Path) -> None:
        self._process = subprocess.Popen([*SERVE, str(store)], stderr=subprocess.PIPE, text=True)
        assert self._process.stderr is not None
        place = re.search(r"at (http://\S+)", self._process.stderr.readline())
        assert place is not None
        self.url = place[1]

    def kill(self) -> None:
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.wait()
        assert self._process.stderr is not None
        self._process.stderr.close()


class Clients:
    """Threads that vote, and note what was acknowledged."""

    def __init__(self, item: str, count: int) -> None:
        self.acknowledged: list[tuple[str, str]] = []  # who, key
        self.url = ""
        self._item = item
        self._ending = threading.Event()
        self._threads = [threading.Thread(target=self._vote, args=(f"p{k}",)) for k in range(count)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join()

    def _vote(self, voter: str) -> None:
        number = 0
        while not self._ending.is_set():
            body = {"item": self._item, "kind": "comparison", "body": {"i": 0, "j": 1}, "voter": voter}
            try:
                answer = httpx.post(f"{self.url}/v1/votes", json={**body, "key": str(number)}, timeout=10)
            except httpx.HTTPError:  # killed before it answered: the same vote again
                time.sleep(0.05)
                continue
            assert answer.status_code == 200, answer.text
            self.acknowledged.append((voter, str(number)))
            number += 1


def survived(folder: Path, kills: int, clients: int = 4, seed: int = 0) -> dict[str, int]:
    """Votes that were acknowledged, those of them that are lost, rows that are there twice, and all rows."""
    place, rng = folder / "votes.db", random.Random(seed)
    store = Store(str(place))
    [item] = store.add([Group("Tea or coffee?", ("tea", "coffee"))])
    voting = Clients(item, clients)
    for kill in range(kills):
        service = Service(place)
        voting.url = service.url
        if not kill:
            voting.start()
        before, patience = len(voting.acknowledged), time.monotonic() + 60
        while len(voting.acknowledged) < before + 5 and time.monotonic() < patience:
            time.sleep(0.01)
        time.sleep(rng.random() / 2)
        service.kill()
    voting.end()
    kept = Counter((stored.vote.who.rpartition("/")[2], stored.vote.key) for stored in store.current())
    return {
        "acknowledged": len(voting.acknowledged),
        "lost": sum(kept[vote] == 0 for vote in voting.acknowledged),
        "twice": sum(count > 1 for count in kept.values()),
        "rows": store.count(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--clients", type=int, default=4)
    settings = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(survived(Path(folder), settings.kills, settings.clients))


if __name__ == "__main__":
    main()
