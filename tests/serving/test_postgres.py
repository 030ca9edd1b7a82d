"""The store on PostgreSQL: the same as on SQLite, under clients at once, and after the database was killed."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.exc import SQLAlchemyError

from polypref import DataError, Group, load_groups
from polypref.serving.ballots import Vote
from polypref.serving.errors import Refused
from polypref.serving.store import Store

pytest.importorskip("psycopg", reason="needs psycopg: pip install 'psycopg[binary]'")
BINARIES = next((str(path) for path in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), None)
INITDB = shutil.which("initdb", path=BINARIES) or shutil.which("initdb")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(INITDB is None, reason="needs PostgreSQL: apt install postgresql"),
]
GROUP = Group("Tea or coffee?", ("tea", "coffee", "neither"), id="q1", scale=(1, 2, 3))


class Database:
    """A PostgreSQL of our own, in a folder, on a free port."""

    def __init__(self, folder: Path) -> None:
        assert INITDB is not None
        self._bin, self._data = Path(INITDB).parent, folder / "data"
        self._user = "postgres" if os.geteuid() == 0 else None  # it does not run as root
        if self._user is not None:
            shutil.chown(folder, self._user)
        words = [INITDB, "-D", str(self._data), "-U", "people", "-A", "trust", "-E", "UTF8", "--no-sync"]
        subprocess.run(words, check=True, capture_output=True, user=self._user, cwd=folder)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.url = f"postgresql+psycopg://people@127.0.0.1:{self.port}/postgres"
        self.start()

    def start(self) -> None:
        words = [str(self._bin / "postgres"), "-D", str(self._data), "-p", str(self.port), "-k", ""]
        self._process = subprocess.Popen(
            words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, user=self._user, cwd=self._data
        )
        ready = [str(self._bin / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        for _ in range(300):
            if subprocess.run(ready, check=False).returncode == 0:
                return
            time.sleep(0.1)
        raise TimeoutError("PostgreSQL did not start")

    def kill(self) -> None:
        self._process.send_signal(signal.SIGQUIT)  # at once, without writing anything: it recovers from its log
        self._process.wait()

    def close(self) -> None:
        self._process.send_signal(signal.SIGINT)
        self._process.wait()


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    with tempfile.TemporaryDirectory() as folder:  # where another user may look, too
        made = Database(Path(folder))
        yield made
        made.close()


@pytest.fixture
def store(database: Database) -> Iterator[Store]:
    made = Store(database.url)
    yield made
    for person in made.people():
        made.forget(person["who"])
    made.close()


@pytest.fixture
def item(store: Store) -> str:
    return store.add([GROUP])[0]


def said(item: str) -> list[Vote]:
    return [
        Vote(item, "comparison", {"i": 0, "j": 1, "p": 0.5, "criterion": "taste"}, "ann", 1.5, key="a"),
        Vote(item, "ranking", {"order": [2, 0, 1]}, "bob", 2.0),
        Vote(item, "rating", {"i": 0, "label": 3}, "bob", 3.0),
        Vote(item, "abstention", {"reason": "cannot say \u2603"}, "cid", 4.0),
    ]


def test_it_keeps_what_sqlite_keeps(store: Store, item: str, database: Database, tmp_path: Path) -> None:
    small = Store(str(tmp_path / "votes.db"))
    assert small.add([GROUP]) == store.add([GROUP]) == [item]
    for kept in (small, store):
        for vote in said(item):
            first, new = kept.vote(vote)
            assert new
            assert kept.vote(vote)[1] is (vote.key is None)
        correction = Vote(item, "rating", {"i": 0, "label": 1}, "bob", 5.0, replaces=first.id)
        with pytest.raises(Refused):
            kept.vote(correction)  # of somebody else
    assert list(store.groups()) == list(small.groups())
    assert load_groups(f"store:{database.url}") == list(small.groups())
    assert store.people() == small.people()
    assert store.forget("bob") == small.forget("bob") == 4
    assert list(store.groups()) == list(small.groups())
    with pytest.raises(DataError, match="cannot be opened"):
        Store(database.url.replace("people@", "nobody@"))


def test_a_vote_is_corrected_once_by_clients_at_once(store: Store, item: str) -> None:
    first = store.vote(Vote(item, "rating", {"i": 0, "label": 3}, "ann", 1.0))[0]
    told: list[str] = []

    def correct(label: int) -> None:
        try:
            store.vote(Vote(item, "rating", {"i": 0, "label": label}, "ann", 2.0, replaces=first.id))
            told.append("kept")
        except Refused as error:
            told.append(str(error))

    threads = [threading.Thread(target=correct, args=(1 + k % 3,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(told) == {"kept": 1, "the vote that this one corrects was corrected already": 7}
    assert len(list(store.current(item))) == 1


def test_acknowledged_votes_survive_a_killed_database(store: Store, item: str, database: Database) -> None:
    acknowledged: list[tuple[str, str]] = []
    ending = threading.Event()

    def client(who: str) -> None:
        number = 0
        while not ending.is_set():
            vote = Vote(item, "comparison", {"i": 0, "j": 1}, who, float(number), key=str(number))
            try:
                store.vote(vote)
            except SQLAlchemyError:  # killed before it answered: the same vote again
                time.sleep(0.05)
                continue
            acknowledged.append((who, str(number)))
            number += 1

    threads = [threading.Thread(target=client, args=(f"p{k}",)) for k in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(3):
        before, patience = len(acknowledged), time.monotonic() + 30
        while len(acknowledged) < before + 20 and time.monotonic() < patience:
            time.sleep(0.01)
        database.kill()
        database.start()
    ending.set()
    for thread in threads:
        thread.join()
    kept = Counter((one.vote.who, one.vote.key) for one in store.current())
    assert len(acknowledged) >= 60
    assert [vote for vote in acknowledged if not kept[vote]] == []
    assert set(kept.values()) == {1}
