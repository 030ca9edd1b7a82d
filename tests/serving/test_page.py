"""The pages of voters and moderators in a browser: they can be used by all, and run nothing that is not theirs."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from polypref import Group
from polypref.serving.app import guarded
from polypref.serving.ballots import Vote
from polypref.serving.hosting import Host
from polypref.serving.polling import Polling
from polypref.serving.service import Service
from polypref.serving.store import Store
from tests.browser import CONTRAST, MARKS, launched

uvicorn = pytest.importorskip("uvicorn", reason="services are run by uvicorn")
pytestmark = MARKS

HARM = "<script>window.harm = 1</script><img src=x onerror='window.harm = 1'>"
ITEMS = [Group(f"{HARM} Question {at}?", (f"one {HARM}", "two", "three"), scale=("bad", "good")) for at in range(10)]
PHONE, DESK = {"width": 360, "height": 740}, {"width": 1200, "height": 900}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with launched() as opened:
        yield opened


class Site:
    """The service on a free port, and its store."""

    def __init__(self, folder: Path) -> None:
        self.store = Store(str(folder / "votes.db"))
        self.polling = Polling(self.store)
        listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        config = uvicorn.Config(
            guarded(Service(Host([]), polling=self.polling)), log_level="warning", timeout_graceful_shutdown=1
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([listening],), daemon=True)
        self._thread.start()
        while not self._server.started:
            time.sleep(0.02)

    def close(self) -> None:
        self._server.should_exit = True
        self._thread.join()
        self.store.close()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    made.store.add(ITEMS)
    yield made
    made.close()


@pytest.fixture
def opened(browser: Any, site: Site) -> Iterator[Callable[..., Any]]:
    """`opened("/vote")` is a page; at the end nothing has failed, run or left the machine."""
    contexts, wrong = [], []

    def open_page(path: str = "/vote", viewport: dict[str, int] = DESK, **settings: Any) -> Any:
        context = browser.new_context(viewport=viewport, **settings)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda request: None if request.url.startswith(site.url) else wrong.append(request.url))
        page.goto(f"{site.url}{path}")
        return page

    yield open_page
    for context in contexts:
        for page in context.pages:
            assert page.evaluate("window.harm") is None
        context.close()
    assert not wrong


def until(page: Any, expression: str) -> None:
    """Something is so (the page's policy lets nobody evaluate texts in it, which waiting there would)."""
    patience = time.monotonic() + 10
    while not page.evaluate(expression):
        assert time.monotonic() < patience, expression
        page.wait_for_timeout(20)


def voted(page: Any, act: Callable[[], None]) -> None:
    """Something is done that is answered with the next question."""
    with page.expect_response("**/v1/next*"):
        act()
    until(page, "!busy")


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_ten_questions_are_answered_and_opinion_moves(
    opened: Callable[..., Any], site: Site, viewport: dict[str, int], scheme: str
) -> None:
    page = opened(viewport=viewport, color_scheme=scheme)
    page.wait_for_selector("#answers button")
    for _ in range(10):
        voted(page, page.get_by_role("button", name="The first is better").click)
        cells = [int(text) for text in page.locator("#rows td").all_inner_texts() if text != "–"]
        votes = int(page.locator("#summary").inner_text().split()[0])
        assert 1 <= votes <= 3
        assert cells.count(67) == cells.count(33) == votes, "one vote beside one each way"
    assert page.locator("#progress").inner_text() == "10 of 30 comparisons on 10 questions"
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    assert page.evaluate(CONTRAST) >= 4.5
    assert page.locator("main img, main script, #opinion img").count() == 0
    said = [one for group in site.store.groups() for one in group.comparisons]
    assert [(one.p, one.weight) for one in said] == [(1.0, 1.0)] * 10


def test_what_others_say_moves_the_opinion_that_is_shown(opened: Callable[..., Any], site: Site) -> None:
    page = opened()
    voted(page, page.get_by_role("button", name="Both alike").click)
    [item] = {stored.vote.item for stored in site.store.current()}
    until(page, "listening.readyState === 1")
    for i, j in ((0, 1), (1, 2), (2, 0)):
        for who in ("ann", "bob"):
            site.polling.vote(Vote(item, "comparison", {"i": i, "j": j}, who, time.time()))
    until(page, "document.querySelector('#summary').textContent.startsWith('7 votes')")
    figure = page.get_by_role("img", name="A circle: 1 before 2")
    assert figure.is_visible()
    assert figure.locator("g.heavy").count() == 3
    assert "1 before 2 before 3 before 1" in page.locator("#summary").inner_text()


def test_it_can_be_used_with_keys_alone(opened: Callable[..., Any], site: Site) -> None:
    page = opened(viewport=PHONE)
    page.wait_for_selector("#answers button")
    for key in ("1", "2", "0", "c", "s"):
        voted(page, lambda key=key: page.keyboard.press(key))
    kinds = [stored.vote.kind for stored in site.store.current()]
    assert kinds == ["comparison"] * 3 + ["abstention"] * 2
    assert page.evaluate("document.activeElement.id") == "question"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "The first is better"
    voted(page, lambda: page.keyboard.press("Enter"))

    page.locator("input[value=pair]").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("3")
    page.keyboard.press("1")
    voted(page, lambda: page.keyboard.press("2"))
    assert list(site.store.current())[-1].vote.body == {"order": [2, 0, 1]}


def test_a_second_label_corrects_the_first_and_a_vote_is_taken_back(opened: Callable[..., Any], site: Site) -> None:
    page = opened()
    page.get_by_label("Rate each").check()
    first = page.get_by_role("group", name="Rate answer 1")
    for label in ("bad", "good"):
        first.get_by_role("button", name=label).click()
        until(page, "!busy")
        first.get_by_role("button", name=label, pressed=True).wait_for()
    assert [stored.vote.body["label"] for stored in site.store.current()] == ["good"]
    voted(page, page.get_by_role("button", name="Next question").click)

    page.get_by_label("Two at a time").check()
    voted(page, page.get_by_role("button", name="The second is better").click)
    page.get_by_role("button", name="Take my vote back").click()
    until(page, "document.querySelector('#message').textContent.includes('taken back')")
    assert page.locator("#prompt").inner_text() == page.locator("#about").inner_text(), "it is asked again"
    assert "comparison" not in [stored.vote.kind for stored in site.store.current()]


def test_everything_has_a_name_for_those_who_listen(opened: Callable[..., Any]) -> None:
    page = opened()
    voted(page, page.get_by_role("button", name="Both alike").click)
    told = page.locator("body").aria_snapshot()
    for said in (
        'heading "Which is better?" [level=1]',
        "progressbar",
        'group "How to vote"',
        'radio "Two at a time" [checked]',
        'article "First"',
        'button "The first is better"',
        'region "What people think of the last one"',
        'button "Take my vote back"',
        'table "How many of 100 prefer the answer of the row to that of the column"',
    ):
        assert said in told, told
    nameless = "nodes => nodes.filter(node => !(node.getAttribute('aria-label') || node.textContent).trim()).length"
    assert page.locator("button").evaluate_all(nameless) == 0
    sizes = page.locator("button:visible").evaluate_all("nodes => nodes.map(node => node.offsetHeight)")
    assert min(sizes) >= 44, "a finger finds them"


def test_a_moderator_sees_who_clicks_at_random_and_what_changed(opened: Callable[..., Any], site: Site) -> None:
    ids = site.store.item_ids()
    for at, item in enumerate(ids):
        for i, j in ((0, 1), (0, 2), (1, 2)):
            for who in ("ann", "bob", "cid", "eve"):
                p = 1.0 if who != "eve" else float((at + i + j) % 2)
                site.polling.vote(Vote(item, "comparison", {"i": i, "j": j, "p": p}, who, float(at)))
    for at in range(64):
        body = {"i": 0, "j": 1, "p": float(at < 40)}
        site.polling.vote(Vote(ids[0], "comparison", body, f"p{at}", 100.0 + at))
    site.polling.vote(Vote(ids[1], "comparison", {"i": 0, "j": 1}, HARM, 200.0))
    page = opened("/moderate", viewport=PHONE)
    page.wait_for_selector("#people tr")
    suspected = page.locator("#people tr", has_text="seems to click at random").locator("th").all_inner_texts()
    assert suspected == ["eve"]
    changed = page.locator("#changed li")
    assert changed.count() == 1
    assert "Question 0?" in changed.inner_text()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]

    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Forget eve").click()
    until(page, "document.querySelector('#message').textContent === '30 votes taken out.'")
    with page.expect_download() as saved:
        page.get_by_role("link", name="Export").click()
    rows = [json.loads(line) for line in Path(saved.value.path()).read_text().splitlines()]
    assert len(rows) == 10
    assert "eve" not in {one["annotator"] for row in rows for one in row["comparisons"]}
