"""What the service answers: our own questions, and those of trainers as their published clients send them."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from polypref import Group, PreferenceModel
from polypref.models.loading import Loading
from polypref.serving.app import guarded
from polypref.serving.hosting import Host
from polypref.serving.service import Service
from tests.serving.conftest import Running

Serve = Callable[..., Running]
Model = Callable[..., PreferenceModel]

GROUP = {"prompt": "Tea or coffee?", "responses": ["tea, of course", "coffee", "neither of them"]}
ASKED = Group(GROUP["prompt"], tuple(GROUP["responses"]))


def test_our_own_questions(serve: Serve, model: Model) -> None:
    one = model("llama", "general")
    running = serve({"one": one})
    scores = running.post("/v1/score", {"groups": [GROUP]})
    assert scores.status_code == 200, scores.text
    assert scores.json()["model"] == "one"
    [result] = scores.json()["results"]
    np.testing.assert_allclose(result["utilities"], one.utilities(ASKED), atol=1e-5)
    assert result["cut"] == 0

    [result] = running.post("/v1/preferences", {"groups": [GROUP]}).json()["results"]
    np.testing.assert_allclose(result["preferences"], one.preferences(ASKED), atol=1e-5)
    np.testing.assert_allclose(result["log_odds"], one.log_odds(ASKED), atol=1e-5)

    for rule in ("borda", "kemeny", "lottery"):
        [result] = running.post("/v1/rank", {"groups": [GROUP], "rule": rule}).json()["results"]
        assert result["order"] == one.rank(ASKED, rule)

    none = running.post("/v1/distributions", {"groups": [GROUP]})
    assert (none.status_code, set(none.json())) == (422, {"error"})
    assert "general head predicts no distributions" in none.json()["error"]


def test_distributions(serve: Serve, model: Model) -> None:
    crowd = model("llama", "distributional", labels=(1.0, 2.0, 3.0))
    [result] = serve({"crowd": crowd}).post("/v1/distributions", {"groups": [GROUP]}).json()["results"]
    assert result["labels"] == [1, 2, 3]
    np.testing.assert_allclose(result["distributions"], crowd.distributions(ASKED), atol=1e-5)


def test_several_models_by_name(serve: Serve, model: Model) -> None:
    one, two = model(), model(seed=1)
    running = serve({"one": one, "two": two})
    for name, asked in (("one", one), ("two", two), ("/models/two", two)):
        [result] = running.post("/v1/score", {"groups": [GROUP], "model": name}).json()["results"]
        np.testing.assert_allclose(result["utilities"], asked.utilities(ASKED), atol=1e-5)
    unnamed = running.post("/v1/score", {"groups": [GROUP]})
    assert (unnamed.status_code, unnamed.json()) == (
        422,
        {"error": "several models are served: name one of one, two"},
    )
    wrong = running.post("/v1/score", {"groups": [GROUP], "model": "tow"})
    assert wrong.status_code == 404
    assert "did you mean 'two'" in wrong.json()["error"]
    domain = running.post("/v1/score", {"groups": [GROUP], "model": "one", "domain": "../../etc"})
    assert (domain.status_code, domain.json()) == (
        422,
        {"error": "the model one has no domains: leave the domain out"},
    )
    assert [each["name"] for each in running.get("/v1/models").json()] == ["one", "two"]


@pytest.mark.parametrize(
    ("body", "status", "sentence"),
    [
        ({}, 422, "groups: field required"),
        ({"groups": []}, 422, "groups: list should have at least 1 item"),
        ({"groups": [{"prompt": "", "responses": ["a"]}]}, 422, "prompt: is empty"),
        ({"groups": [{"prompt": "a", "responses": ["b", " "]}]}, 422, "responses[1]: is empty"),
        ({"groups": [{"prompt": [], "responses": ["b"]}]}, 422, "at least one chat message"),
        ({"groups": [{"prompt": "\ud800", "responses": ["b"]}]}, 422, "prompt"),
        ({"groups": [{"prompt": 7, "responses": ["b"]}]}, 422, "groups.0.prompt"),
        ({"groups": [GROUP], "surprise": 1}, 422, "surprise: extra inputs are not permitted"),
        ({"groups": [{"prompt": "a", "responses": ["b"] * 5000}]}, 422, "at most 4096 items"),
    ],
)
def test_bad_questions_get_one_sentence(serve: Serve, model: Model, body: Any, status: int, sentence: str) -> None:
    answer = serve({"one": model()}).post("/v1/score", body)
    assert (answer.status_code, list(answer.json())) == (status, ["error"])
    assert sentence in answer.json()["error"]
    assert "\n" not in answer.json()["error"]


@pytest.mark.parametrize("body", [b"{", b"[" * 100_000, b"\xff\xfe", b"null", b'{"groups": NaN}', b""])
def test_what_is_no_json_gets_one_sentence(serve: Serve, model: Model, body: bytes) -> None:
    async def send(client: httpx.AsyncClient) -> httpx.Response:
        return await client.post("/v1/score", content=body, headers={"content-type": "application/json"})

    answer = serve({"one": model()}).run(send)
    assert answer.status_code in (400, 422)
    assert list(answer.json()) == ["error"]


def test_other_addresses_and_methods(serve: Serve, model: Model) -> None:
    running = serve({"one": model()})
    assert running.get("/nowhere").json() == {"error": "there is nothing at this address"}
    assert running.get("/v1/score").status_code == 405
    assert running.get("/healthz").json() == {"status": "ok"}
    assert running.get("/readyz").json() == {"status": "ok"}


def test_what_prometheus_reads(serve: Serve, model: Model) -> None:
    running = serve({"one": model()})
    running.post("/v1/score", {"groups": [GROUP]})
    running.get("/no/such/place/at/all")
    lines = running.get("/metrics").text.splitlines()
    assert 'polypref_requests_total{route="/v1/score",status="200"} 1' in lines
    assert 'polypref_requests_total{route="other",status="404"} 1' in lines, "nobody invents rows"
    assert 'polypref_encoded_total{model="one"} 3' in lines
    assert 'polypref_request_seconds_bucket{route="/v1/score",le="+Inf"} 1' in lines


def test_the_description_names_every_route(serve: Serve, model: Model) -> None:
    told = serve({"one": model()}).get("/openapi.json").json()
    assert {"/v1/score", "/get_reward", "/slime", "/classify", "/rerank", "/compare", "/verify"} <= set(told["paths"])


# — trainers —


def rendered(one: PreferenceModel, prompt: str, response: str) -> str:
    turns = [{"role": "user", "content": prompt}, {"role": "assistant", "content": response}]
    text = one.inputs.tokenizer.apply_chat_template(turns, tokenize=False)
    assert isinstance(text, str)
    return text


def opened(one: PreferenceModel, prompt: str) -> str:
    turns = [{"role": "user", "content": prompt}]
    text = one.inputs.tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    assert isinstance(text, str)
    return text


@pytest.mark.parametrize("backbone", ["llama", "bert"])
def test_verl_reads_the_last_probability_of_classify(serve: Serve, model: Model, backbone: str) -> None:
    """verl renders the conversation by the reward model's template and takes its first token away."""
    one = model(backbone)
    running = serve({"one": one})
    text = rendered(one, "Tea or coffee?", "coffee")
    bos = one.inputs.tokenizer.bos_token
    assert text.startswith(bos)
    payload = {"model": "/models/one", "input": text[len(bos) :], "use_activation": False}
    output = running.post("/classify", payload).json()
    expected = one.utilities(Group("Tea or coffee?", ("coffee",)))[0]
    assert output["data"][-1]["probs"][-1] == pytest.approx(expected, abs=1e-5)
    assert output["object"] == "list"
    assert output["data"][0].keys() == {"index", "label", "probs", "num_classes"}

    of_sglang = running.post("/v1/embeddings", {"model": "/models/one", "input": text[len(bos) :]}).json()
    assert of_sglang["data"][-1]["embedding"][-1] == pytest.approx(expected, abs=1e-5)
    pooled = running.post("/pooling", {"model": "one", "input": [text, text]}).json()
    assert [row["data"] for row in pooled["data"]] == [[pytest.approx(expected, abs=1e-5)]] * 2

    share = running.post("/classify", {"input": text}).json()["data"][0]["probs"][0]
    assert share == pytest.approx(1 / (1 + math.exp(-expected)), abs=1e-6)
    chat = [{"role": "user", "content": "Tea or coffee?"}, {"role": "assistant", "content": "coffee"}]
    told = running.post("/classify", {"messages": chat, "use_activation": False}).json()
    assert told["data"][0]["probs"][0] == pytest.approx(expected, abs=1e-5)


def test_a_text_without_a_turn_is_refused(serve: Serve, model: Model) -> None:
    answer = serve({"one": model()}).post("/classify", {"input": "just some words"})
    assert answer.status_code == 422
    assert "no turn of an assistant" in answer.json()["error"]


def test_openrlhf(serve: Serve, model: Model) -> None:
    """The client sends one text a request, decoded with its special tokens, and reads rewards, scores, extra_logs."""
    one = model()
    prompt = opened(one, "Tea or coffee?")
    payload = {"query": [prompt + "coffee</s>"], "prompts": [prompt], "labels": [None]}
    told = serve({"one": one}).post("/get_reward", payload).json()
    expected = one.utilities(Group("Tea or coffee?", ("coffee",)))
    np.testing.assert_allclose(told["rewards"], expected, atol=1e-5)
    assert told["scores"] == told["rewards"]
    assert told["extra_logs"] == {"group_size": [1.0], "complete": [1.0]}

    other = {"query": ["something else"], "prompts": ["a prompt"], "labels": [None]}
    assert serve({"one": one}).post("/get_reward", other).status_code == 422
    empty = serve({"one": one}).post("/get_reward", {"query": ["tea"], "prompts": [""]})
    assert (empty.status_code, "prompt 0 is empty" in empty.json()["error"]) == (422, True)


def test_openrlhf_with_a_prompt_in_plain_text(serve: Serve, model: Model) -> None:
    one = model()
    told = serve({"one": one}).post(
        "/openrlhf", {"query": ["Tea or coffee? tea", "Walk? yes"], "prompts": ["Tea or coffee?", "Walk?"]}
    )
    expected = [one.utilities(Group(p, (r,)))[0] for p, r in (("Tea or coffee?", " tea"), ("Walk?", " yes"))]
    np.testing.assert_allclose(told.json()["rewards"], expected, atol=1e-5)


def test_slime(serve: Serve, model: Model) -> None:
    one = model()
    running = serve({"one": one})
    expected = one.utilities(Group("Tea or coffee?", ("coffee",)))[0]
    for prompt in (opened(one, "Tea or coffee?"), "Tea or coffee?", [{"role": "user", "content": "Tea or coffee?"}]):
        payload = {"prompt": prompt, "response": "coffee", "label": "unread"}
        number = running.post("/slime", payload).json()
        assert isinstance(number, float)
        assert number == pytest.approx(expected, abs=1e-5)
        assert running.post("/slime/object", payload).json()["score"] == pytest.approx(expected, abs=1e-5)


def test_score_and_rerank(serve: Serve, model: Model) -> None:
    one = model()
    running = serve({"one": one})
    expected = one.utilities(ASKED)
    scores = running.post("/score", {"model": "one", "text_1": GROUP["prompt"], "text_2": GROUP["responses"]}).json()
    np.testing.assert_allclose([row["score"] for row in scores["data"]], expected, atol=1e-5)
    ranked = running.post("/rerank", {"query": GROUP["prompt"], "documents": GROUP["responses"], "top_n": 2}).json()
    order = np.argsort(-expected)[:2]
    assert [row["index"] for row in ranked["results"]] == order.tolist()
    assert [row["document"]["text"] for row in ranked["results"]] == [GROUP["responses"][at] for at in order]
    np.testing.assert_allclose([row["relevance_score"] for row in ranked["results"]], expected[order], atol=1e-5)


def said(text: str) -> dict[str, Any]:
    part = {"type": "output_text", "text": text, "annotations": []}
    return {
        "id": "resp",
        "output": [
            {"type": "reasoning", "id": "r", "summary": []},
            {"type": "message", "id": "m", "role": "assistant", "content": [part]},
        ],
    }


def test_nemo_gym(serve: Serve, model: Model) -> None:
    one = model("llama", "general")
    running = serve({"one": one})
    history = [{"role": "user", "content": GROUP["prompt"]}]
    compared = running.post(
        "/compare", {"conversation_history": history, "response_objs": [said(text) for text in GROUP["responses"]]}
    ).json()
    np.testing.assert_allclose(compared["rewards"], one.log_odds(ASKED).mean(axis=1), atol=1e-5)

    scalar = serve({"one": model()})
    body = {"responses_create_params": {"input": history, "temperature": 1.0}, "response": said("coffee")}
    told = scalar.post("/verify", body).json()
    assert told["reward"] == pytest.approx(model().utilities(Group(GROUP["prompt"], ("coffee",)))[0], abs=1e-5)
    assert told["response"] == body["response"]
    assert told["responses_create_params"] == body["responses_create_params"]


def test_a_head_that_compares_says_nothing_of_one_response(serve: Serve, model: Model) -> None:
    one = model("llama", "general")
    running = serve({"one": one})
    alone = running.post("/slime", {"prompt": "Tea?", "response": "yes"})
    assert alone.status_code == 422
    assert "--cohort" in alone.json()["error"]
    together = running.post("/score", {"text_1": GROUP["prompt"], "text_2": GROUP["responses"]}).json()
    np.testing.assert_allclose([row["score"] for row in together["data"]], one.log_odds(ASKED).mean(axis=1), atol=1e-5)


def test_a_diverged_model_is_told_and_no_zeros(serve: Serve, model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    one = model(seed=7)
    states = one.encoder.states
    monkeypatch.setattr(one.encoder, "states", lambda *asked: [block * math.nan for block in states(*asked)])
    running = serve({"one": one})
    for path, body in (
        ("/v1/score", {"groups": [GROUP]}),
        ("/v1/rank", {"groups": [GROUP]}),
        ("/slime", {"prompt": "Tea?", "response": "yes"}),
    ):
        answer = running.post(path, body)
        assert answer.status_code == 422
        assert "NaN" in answer.json()["error"]


def test_a_client_that_leaves_takes_its_question_along(serve: Serve, model: Model) -> None:
    """As a server tells it: the connection is gone while the question waits."""
    running = serve({"one": model()})
    batcher = running.service.host["one"].batcher
    body = json.dumps({"groups": [GROUP]}).encode()
    headers = [(b"host", b"localhost"), (b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": "/v1/score", "query_string": b"", "headers": headers}
    messages = iter([{"type": "http.request", "body": body}, {"type": "http.disconnect"}])
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(0.05)
        return next(messages)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    with batcher._changed:  # the thread of the queue waits
        asyncio.run(running.app(scope, receive, send))
        assert batcher.waiting == 3
    assert sent[0]["status"] == 499
    assert running.post("/v1/score", {"groups": [GROUP]}).status_code == 200
    assert (batcher.counts.cancelled, batcher.counts.asked, batcher.waiting) == (1, 3, 0)


def test_domains_of_a_customised_folder(model: Model, tmp_path: Path) -> None:
    general, academy = model(), model(seed=3)
    general.save_pretrained(tmp_path / "made" / "general")
    academy.save_pretrained(tmp_path / "made" / "domains" / "academy")
    host = Host.load([f"made={tmp_path / 'made'}"], Loading(device="cpu"))
    try:
        service = Service(host)
        running = Running(service, guarded(service))
        for asked, one in (({}, general), ({"domain": "academy"}, academy), ({"domain": "general"}, general)):
            [result] = running.post("/v1/score", {"groups": [GROUP], **asked}).json()["results"]
            np.testing.assert_allclose(result["utilities"], one.utilities(ASKED), atol=1e-5)
        number = running.post("/slime?domain=academy", {"prompt": "Tea?", "response": "yes"}).json()
        assert number == pytest.approx(academy.utilities(Group("Tea?", ("yes",)))[0], abs=1e-5)
        wrong = running.post("/v1/score", {"groups": [GROUP], "domain": "../general"})
        assert (wrong.status_code, "unknown domain" in wrong.json()["error"]) == (404, True)
        assert running.get("/v1/models").json()[0]["domains"] == ["general", "academy"]
    finally:
        host.close()
