"""The store: every acknowledged vote is there once, corrected by new rows, told as groups, and forgotten if asked."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from polypref import Comparison, DataError, Group, Rating
from polypref.serving.ballots import Vote
from polypref.serving.errors import Refused
from polypref.serving.store import Store

GROUP = Group("Tea or coffee?", ("tea", "coffee", "neither"), domain="drinks", id="q1", scale=(1, 2, 3))


BODIES = {"comparison": {"i": 0, "j": 1}, "rating": {"i": 0, "label": 3}, "ranking": {"order": [2, 0, 1]}}


@pytest.fixture
def url(tmp_path: Path) -> str:
    return str(tmp_path / "votes.db")


@pytest.fixture
def store(url: str) -> Store:
    return Store(url)


@pytest.fixture
def item(store: Store) -> str:
    return store.add([GROUP])[0]


def vote(item: str, kind: str = "comparison", who: str = "ann", **more: object) -> Vote:
    body = {"comparison": {"i": 0, "j": 1}, "rating": {"i": 0, "label": 3}, "ranking": {"order": [2, 0, 1]}}.get(
        kind, {}
    )
    settings: dict[str, object] = {"body": body, "at": 5.0, **more}
    return Vote(item, kind, who=who, **settings)  # type: ignore[arg-type]


def test_an_item_is_there_once_and_comes_back_as_it_was(store: Store, item: str) -> None:
    assert store.add([GROUP, replace(GROUP, domain=None)]) != [item, item]
    assert store.item_ids()[0] == item
    assert len(store.item_ids()) == 2
    assert store.item(item) == GROUP


def test_votes_of_every_kind_are_told_as_groups(store: Store, item: str) -> None:
    store.vote(vote(item, body={"i": 0, "j": 1, "p": 0.5, "criterion": "taste"}))
    store.vote(vote(item, "ranking", who="bob"))
    store.vote(vote(item, "rating", at=6.0))
    store.vote(vote(item, "abstention", body={"i": 0, "j": 2}))
    [group] = store.groups()
    ranked = [Comparison(i, j, annotator="bob", time=5.0) for i, j in ((2, 0), (2, 1), (0, 1))]
    first = Comparison(0, 1, 0.5, annotator="ann", criterion="taste", time=5.0)
    assert group.comparisons == (first, *ranked)
    assert group.ratings == (Rating(0, 3, annotator="ann", time=6.0),)


def test_a_vote_that_is_sent_again_is_kept_once(store: Store, item: str) -> None:
    first, new = store.vote(vote(item, key="k"))
    assert new
    assert store.vote(vote(item, key="k", at=9.0)) == (first, False)
    assert store.vote(vote(item, key="k", who="bob"))[1], "keys are each person's own"
    with pytest.raises(Refused, match="another vote") as error:
        store.vote(vote(item, key="k", body={"i": 1, "j": 0}))
    assert error.value.status == 409
    assert store.count() == 2


def test_corrections_are_new_rows(store: Store, item: str) -> None:
    first, _ = store.vote(vote(item))
    second, _ = store.vote(vote(item, body={"i": 1, "j": 0}, replaces=first.id))
    assert [stored.id for stored in store.current(item)] == [second.id]
    with pytest.raises(Refused, match="corrected already"):
        store.vote(vote(item, replaces=first.id))
    with pytest.raises(Refused, match="no such vote of the same person"):
        store.vote(vote(item, who="bob", replaces=second.id))
    store.vote(vote(item, "withdrawal", replaces=second.id))
    assert list(store.current()) == []
    assert store.count() == 3


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("comparison", {"i": 0, "j": 0}),
        ("comparison", {"i": 0}),
        ("comparison", {"i": 0, "j": 1, "p": 2}),
        ("comparison", {"i": 0, "j": 1, "annotator": "someone else"}),
        ("ranking", {"order": [0]}),
        ("ranking", {"order": [0, 0]}),
        ("ranking", {"order": [0, 3]}),
        ("ranking", {}),
        ("rating", {"i": 0}),
        ("withdrawal", {}),
        ("shout", {}),
    ],
)
def test_votes_that_say_nothing_are_refused(store: Store, item: str, kind: str, body: dict[str, object]) -> None:
    with pytest.raises(DataError):
        store.vote(vote(item, kind, body=body))
    assert store.count() == 0


@pytest.mark.parametrize(
    ("kind", "body"),
    [("comparison", {"i": 0, "j": 3}), ("rating", {"i": 7, "label": 1}), ("rating", {"i": 0, "label": 9})],
)
def test_votes_on_what_an_item_has_not(store: Store, item: str, kind: str, body: dict[str, object]) -> None:
    with pytest.raises(DataError):
        store.vote(vote(item, kind, body=body))
    with pytest.raises(Refused, match="no such item"):
        store.vote(vote("nowhere"))


def test_a_person_is_forgotten(store: Store, item: str) -> None:
    first, _ = store.vote(vote(item))
    store.vote(vote(item, body={"i": 1, "j": 0}, replaces=first.id))
    store.vote(vote(item, who="bob"))
    assert [person["who"] for person in store.people()] == ["ann", "bob"]
    assert store.forget("ann") == 2
    assert [stored.vote.who for stored in store.current()] == ["bob"]
    assert store.forget("ann") == 0


def test_groups_go_in_and_come_out(store: Store) -> None:
    groups = [
        Group("a?", ("x", "y"), (Comparison(0, 1, 0.75, "p", weight=4, time=1.0),), id="a"),
        Group("b?", ("x", "y"), ratings=(Rating(1, "good", "q", time=2.0),), id="b", sources=("one", None)),
    ]
    assert store.put(groups) == 2
    assert store.put(groups) == 0, "put in again, nothing changes"
    assert list(store.groups()) == groups


def test_what_is_there_is_there_for_the_next_process(url: str, store: Store, item: str) -> None:
    store.vote(vote(item))
    store.close()
    assert len(list(Store(f"sqlite:///{url}").current())) == 1


def test_a_store_of_a_later_version_is_refused(url: str, store: Store) -> None:
    with create_engine(f"sqlite:///{url}").begin() as connection:
        connection.execute(text("UPDATE polypref SET version = 99"))
    with pytest.raises(DataError, match="version 99"):
        Store(url)


@pytest.mark.parametrize("name", ["/no/such/folder/votes.db", "nosuchbase://x", "postgresql+nosuchdriver://x/y"])
def test_a_store_that_cannot_be_opened(name: str) -> None:
    with pytest.raises(DataError, match="cannot be opened"):
        Store(name)


def test_many_threads_and_their_retries(store: Store, item: str) -> None:
    def work(who: int) -> None:
        for k in range(5):
            for _ in range(2):
                store.vote(vote(item, who=f"p{who}", key=str(k)))

    threads = [threading.Thread(target=work, args=(who,)) for who in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.count() == 40


VOTER = """
import itertools, sys
from polypref.serving.ballots import Vote
from polypref.serving.store import Store
url, item, who = sys.argv[1:]
store = Store(url)
for k in itertools.count():
    stored, _ = store.vote(Vote(item, "comparison", {"i": 0, "j": 1}, who, float(k), key=str(k)))
    print(k, flush=True)
"""


@pytest.mark.slow
def test_what_was_acknowledged_survives_a_kill(url: str, store: Store, item: str) -> None:
    """A process is killed five times while it votes: each vote it has told of is there, once."""
    for round in range(5):
        command = [sys.executable, "-c", VOTER, url, item, f"p{round}"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            told = [int(process.stdout.readline()) for _ in range(5 + 3 * round)]
            os.kill(process.pid, signal.SIGKILL)
            told += [int(line) for line in process.stdout.read().splitlines() if line]
        kept = [int(stored.vote.key or -1) for stored in store.current() if stored.vote.who == f"p{round}"]
        assert set(told) <= set(kept)
        assert kept == list(range(len(kept)))
        assert len(kept) - len(told) <= 2, "at most what was on its way"
    assert json.dumps([group.id for group in store.groups()]) == '["q1"]'
