"""Voting over HTTP: what is asked, kept, thought, told to listeners, exported, forgotten, and learned from."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from polypref import Comparison, Group, PreferenceModel, load_groups
from polypref.serving.ballots import Vote
from polypref.serving.choosing import Candidate, most_uncertain
from polypref.serving.opinion import Opinions
from polypref.serving.polling import Polling
from polypref.serving.priors import UNLEARNED, prior_of, strength_of
from polypref.serving.store import Store
from tests.conftest import Run
from tests.models.conftest import make_checkpoint
from tests.serving.conftest import Running

ITEM = {"prompt": "Tea or coffee?", "responses": ["tea", "coffee", "neither"], "scale": [1, 2, 3], "id": "q1"}


@pytest.fixture
def polling(tmp_path: Path) -> Polling:
    return Polling(Store(str(tmp_path / "votes.db")))


@pytest.fixture
def running(serve: Callable[..., Running], model: Callable[..., PreferenceModel], polling: Polling) -> Running:
    return serve({"one": model()}, polling=polling)


@pytest.fixture
def item(running: Running) -> str:
    return str(running.post("/v1/items", {"items": [ITEM]}).json()["ids"][0])


def ballot(item: str, **more: Any) -> dict[str, Any]:
    return {"item": item, "kind": "comparison", "body": {"i": 0, "j": 1, "p": 1}, "voter": "ann", **more}


def test_from_a_question_to_an_opinion(running: Running, item: str) -> None:
    asked = running.get("/v1/next?voter=ann").json()
    assert (asked["item"], asked["prompt"], asked["responses"]) == (item, ITEM["prompt"], ITEM["responses"])
    assert asked["progress"] == {"done": 0, "pairs": 3, "items": 1}
    assert "sources" not in asked

    told = running.post("/v1/votes", ballot(item, key="k")).json()
    assert told["new"]
    assert told["opinion"]["preferences"][0][1] == pytest.approx(2 / 3)
    again = running.post("/v1/votes", ballot(item, key="k")).json()
    assert (again["id"], again["new"], again["opinion"]) == (told["id"], False, told["opinion"])

    now = running.get(f"/v1/opinion/{item}").json()
    assert now["opinion"] == told["opinion"]
    asked = running.get("/v1/next?voter=ann").json()
    assert {asked["i"], asked["j"]} != {0, 1}, "nobody is asked the same twice"
    for i, j in ((0, 2), (1, 2)):
        running.post("/v1/votes", ballot(item, kind="abstention", body={"i": i, "j": j, "reason": "cannot say"}))
    assert running.get("/v1/next?voter=ann").json()["item"] is None
    assert running.get("/v1/next?voter=bob").json()["item"] == item


@pytest.mark.parametrize(("kind", "body"), [("ranking", {"order": [2, 0, 1]}), ("abstention", {"reason": "rated"})])
def test_who_ranked_or_left_a_whole_question_is_not_asked_of_it_again(
    running: Running, item: str, kind: str, body: dict[str, Any]
) -> None:
    running.post("/v1/votes", ballot(item, kind=kind, body=body))
    asked = running.get("/v1/next?voter=ann").json()
    assert (asked["item"], asked["progress"]["done"]) == (None, 3)


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"item": "none"}, 404),
        ({"item": "../../etc/passwd"}, 404),
        ({"kind": "shout"}, 422),
        ({"body": {"i": 0, "j": 9}}, 422),
        ({"body": {"i": 0, "j": 1, "p": {"deep": 1}}}, 422),
        ({"body": {"i": 0, "j": 1, "criterion": "\ud800"}}, 422),
        ({"body": {"i": 10**30, "j": 1}}, 422),
        ({"body": {"i": True, "j": 1}}, 422),
        ({"voter": "<script>"}, 422),
        ({"key": "a\0b"}, 422),
        ({"item": "a\0b"}, 422),
        ({"replaces": 99}, 404),
        ({"key": "x" * 101}, 422),
    ],
)
def test_votes_that_are_refused(running: Running, item: str, more: dict[str, Any], status: int) -> None:
    answer = running.post("/v1/votes", {**ballot(item), **more})
    assert (answer.status_code, list(answer.json())) == (status, ["error"])


def test_a_service_without_a_store_says_so(
    serve: Callable[..., Running], model: Callable[..., PreferenceModel]
) -> None:
    answer = serve({"one": model()}).get("/v1/next")
    assert (answer.status_code, "--store" in answer.json()["error"]) == (404, True)


def test_export_people_and_forgetting(running: Running, item: str) -> None:
    running.post("/v1/votes", ballot(item))
    running.post("/v1/votes", ballot(item, kind="rating", body={"i": 1, "label": 3}, voter="bob"))
    [row] = map(json.loads, running.get("/v1/export").text.splitlines())
    assert row["responses"] == ITEM["responses"]
    assert (len(row["comparisons"]), len(row["ratings"])) == (1, 1)
    who = [person["who"] for person in running.get("/v1/people").json()]
    assert who == ["127.0.0.1/ann", "127.0.0.1/bob"]
    assert running.post("/v1/forget", {"who": who[0]}).json() == {"rows": 1}
    assert running.get(f"/v1/opinion/{item}").json()["opinion"]["preferences"][0][1] == 0.5
    assert running.get(f"/v1/opinion/{item}").json()["opinion"]["votes"] == 1


def test_those_who_listen_hear_of_each_vote(polling: Polling) -> None:
    one, two = polling.put([Group("a?", ("x", "y")), Group("b?", ("x", "y"))])

    async def listen() -> list[dict[str, Any]]:
        everything, of_two = polling.events(), polling.events(two)
        hearing = [asyncio.ensure_future(anext(stream)) for stream in (everything, of_two)]
        await asyncio.sleep(0)
        for item in (one, two):
            await asyncio.to_thread(polling.vote, Vote(item, "comparison", {"i": 0, "j": 1}, "ann", 1.0))
        heard = list(await asyncio.gather(*hearing))
        for stream in (everything, of_two):
            await stream.aclose()  # type: ignore[attr-defined]
        assert not polling._listening
        return heard

    assert [event["item"] for event in asyncio.run(listen())] == [one, two]


def test_the_most_uncertain_pair_is_next() -> None:
    even, few = np.full((2, 2), 0.5), np.full((2, 2), 2.0)
    sure = np.array([[0.5, 0.99], [0.01, 0.5]])
    candidates = [Candidate("sure", sure, few), Candidate("many", even, 50 * few), Candidate("open", even, few)]
    chosen = most_uncertain(candidates, ())
    assert chosen is not None
    assert chosen.item == "open"
    then = most_uncertain(candidates, {("open", 0, 1)})
    assert then is not None
    assert then.item in ("many", "sure")
    assert most_uncertain(candidates, {(one.item, 0, 1) for one in candidates}) is None


def test_a_model_is_the_prior_of_what_nobody_judged(
    running: Running, polling: Polling, model: Callable[..., PreferenceModel]
) -> None:
    served = running.service.host["one"]
    group = Group("Tea or coffee?", ("tea", "coffee"))
    opinions = Opinions(polling.store, prior_of(served, strength=3.0))
    [item] = polling.put([group])
    np.testing.assert_allclose(opinions.matrix(item), model().preferences(group), atol=1e-4)
    assert strength_of(served, [group]) == UNLEARNED

    P = model().preferences(group)
    agreeing = Group(group.prompt, group.responses, [Comparison(0, 1, p=float(P[0, 1]), weight=30)])
    against = Group(group.prompt, group.responses, [Comparison(0, 1, p=float(P[0, 1] < 0.5), weight=30)])
    assert strength_of(served, [agreeing]) > strength_of(served, [against])


def test_a_store_is_read_as_data(running: Running, polling: Polling, item: str) -> None:
    running.post("/v1/votes", ballot(item))
    name = f"store:{polling.store.name}"
    assert load_groups(name) == list(polling.store.groups())
    with pytest.raises(ValueError, match="no such store"):
        load_groups(f"{name}.not")
    Path(f"{polling.store.name}.txt").write_text("no database")
    with pytest.raises(ValueError, match="cannot be read as a store"):
        load_groups(f"{name}.txt")


def test_the_pages_ask_nothing_of_the_network_and_put_in_no_markup(running: Running) -> None:
    voting = ("/vote", "/vote.js", "/vote.css", "/vote.svg", "/vote-common.js", "/vote-opinion.js")
    for path in (*voting, "/moderate", "/moderate.js", "/moderate.css", "/moderate.svg", "/moderate-common.js"):
        page = running.get(path)
        assert page.status_code == 200
        text = page.text.replace("http://www.w3.org/2000/svg", "")  # a name, of which nothing is asked
        for word in ("http://", "https://", "innerHTML", "insertAdjacentHTML", "document.write", "eval(", "onclick="):
            assert word not in text, (path, word)
    assert "script-src 'self'" in running.get("/vote").headers["content-security-policy"]


def test_a_store_can_be_inspected_by_command(
    polypref: Callable[..., Run], running: Running, polling: Polling, item: str
) -> None:
    running.post("/v1/votes", ballot(item))
    done = polypref("inspect", f"store:{polling.store.name}", "--json")
    assert done.status == 0, done.err
    assert polypref("inspect", "store:nowhere.db").status == 2


def test_a_model_is_trained_from_a_store_by_command(
    polypref: Callable[..., Run], running: Running, polling: Polling, tmp_path: Path
) -> None:
    items = [{"prompt": f"Which of these is better, {at}?", "responses": ["good", "bad"]} for at in range(8)]
    for item in running.post("/v1/items", {"items": items}).json()["ids"]:
        for voter in ("ann", "bob"):
            running.post("/v1/votes", ballot(item, voter=voter))
    out = tmp_path / "next"
    backbone = str(make_checkpoint("llama", tmp_path))
    done = polypref(
        *("train", "--data", f"store:{polling.store.name}", "--backbone", backbone, "--out", str(out)),
        *("--epochs", "20", "--learning-rate", "1e-3"),
    )
    assert done.status == 0, done.err
    learned = PreferenceModel.from_pretrained(str(out))
    said = [learned.preferences(group)[0, 1] for group in polling.store.groups()]
    assert np.mean(said) > 0.6, "people prefer the first"
