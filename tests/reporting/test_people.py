"""The chapter on people: clusters that are known, accuracy by votes, compromises by hand, and texts that stay texts."""

from __future__ import annotations

import html
import json
import re
from itertools import pairwise

import numpy as np
import pytest
from tests.people.conftest import World, camps
from tests.reporting.conftest import HOSTILE
from tests.reporting.test_page import NEVER, read

from polypref import Comparison, Group
from polypref.markup import printable
from polypref.people import votes_of
from polypref.reporting import words
from polypref.reporting.contents import Chapter, ReportData
from polypref.reporting.page import render
from polypref.reporting.people import accuracy_by_votes, compromises, crowd_of, has_people


def grouped(world: World) -> list[Group]:
    """The 400 states as the responses of 100 prompts."""
    return [Group(f"{at} {HOSTILE}", tuple(f"{at}{letter} {HOSTILE}" for letter in "abcd")) for at in range(100)]


@pytest.fixture(scope="module")
def world() -> World:
    return camps(60, 24, camps=2, f=4)


@pytest.fixture(scope="module")
def chapter(world: World) -> Chapter:
    return Chapter("People", ("votes.jsonl",), (), crowd=crowd_of("scalar", grouped(world), world.votes))


def test_the_map_shows_the_camps_apart(world, chapter) -> None:
    crowd = chapter.crowd
    assert (crowd.people, crowd.votes, len(crowd.clusters)) == (60, 60 * 24, 2)
    found = np.array([one.cluster for one in crowd.persons])
    assert max((found == world.camp).mean(), (found != world.camp).mean()) > 0.95
    across = np.array([one.place[0] for one in crowd.persons])
    apart = np.abs(across[world.camp == 0].mean() - across[world.camp == 1].mean())
    assert apart > 3 * max(across[world.camp == k].std() for k in (0, 1))
    assert sum(one.people for one in crowd.clusters) == 60
    assert [one.votes for one in crowd.persons] == [24] * 60


def test_favourites_are_what_the_camps_truly_like(world, chapter) -> None:
    crowd = chapter.crowd
    label = np.array([one.cluster for one in crowd.persons])
    for k, cluster in enumerate(crowd.clusters):
        camp = int(np.bincount(world.camp[label == k]).argmax())
        truth = world.votes.states @ world.tastes[world.camp == camp][0]
        truth = (truth.reshape(100, 4) - truth.reshape(100, 4).mean(axis=1, keepdims=True)).ravel()
        rows = {f"{at}{letter}": 4 * at + k for at in range(100) for k, letter in enumerate("abcd")}
        likes, least = (
            [truth[rows[one.text.split()[0]]] for one in part] for part in (cluster.favourites, cluster.least)
        )
        assert len(likes) == len(least) == 3
        assert min(likes) > np.quantile(truth, 0.9)
        assert max(least) < np.quantile(truth, 0.1)
        assert [one.within for one in cluster.favourites] == sorted(
            (o.within for o in cluster.favourites), reverse=True
        )
        assert all(one.within > 0 > other.within for one, other in zip(cluster.favourites, cluster.least))


def test_more_votes_foretell_more(world) -> None:
    found = accuracy_by_votes(world.votes, 2)
    assert list(found) == ["no votes", "1 vote", "2 votes", "4 votes", "8 votes", "16 votes"]
    assert found["16 votes"].value > found["2 votes"].value > found["no votes"].value
    assert found["16 votes"].low > found["no votes"].high
    assert all(0 <= one.low < one.value < one.high <= 1 for one in found.values())


def test_compromises_by_hand() -> None:
    states = np.eye(3)  # one prompt of three responses
    votes = votes_of(states, [0, 1], [1, 2], [0, 1])
    tastes = np.array(
        [[3.0, 2.0, 0.0], [3.0, 2.0, 0.0], [-2.0, 1.0, 1.0]]
    )  # the first response splits, the second does not
    found = compromises(votes, tastes, [(0, 3)])
    leads = tastes - tastes.mean(axis=1, keepdims=True)
    assert (found[0].mean, found[0].worst) == (pytest.approx(leads[:, 1].mean()), pytest.approx(1 / 3))
    split = compromises(votes, np.array([[6.0, 2.0, 0.0], [6.0, 2.0, 0.0], [-2.0, 1.0, 1.0]]), [(0, 3)])
    assert (split[0].mean, split[0].worst) == (pytest.approx((10 / 3 + 10 / 3 - 2) / 3), pytest.approx(-2))
    assert (split[-1].alpha, split[-1].worst) == (-np.inf, pytest.approx(-2 / 3))


def test_the_way_to_the_worst_off_is_a_frontier(chapter) -> None:
    way = chapter.crowd.compromises
    assert all(one.mean >= then.mean - 1e-12 for one, then in pairwise(way))
    assert way[-1].worst > way[0].worst
    assert max(one.worst for one in way) == way[-1].worst


def test_the_page_shows_it_and_texts_stay_texts(chapter) -> None:
    page = render(ReportData("People", "2026-01-31", "0.1", (chapter,)))
    for title in ("Who differs from whom", "What each cluster likes", "One answer for all", "In short"):
        assert f"<h3>{title}</h3>" in page
    tags = read(page).tags
    names = [name for name, _ in tags]
    assert not NEVER & set(names)
    assert names.count("script") == 2
    assert not [key for _, attributes in tags for key in attributes if key.startswith("on") or key == "style"]
    assert HOSTILE not in page
    assert html.escape(printable(chapter.crowd.clusters[0].favourites[0].text)) in page
    assert page.count('data-tip="') >= 60
    assert "How the models were trained" not in page
    assert words.summary(chapter)[0] == "60 persons with 1,440 votes form 2 clusters."
    inside = json.loads(re.search(r'id="report-data">(.*?)</script>', page, re.DOTALL).group(1))
    assert inside["chapters"][0]["crowd"]["compromises"][-1]["alpha"] is None


def test_people_are_looked_for_where_several_are_named() -> None:
    def named(count: int, prompts: int) -> list[Group]:
        votes = [Comparison(0, 1, annotator=f"n{u}") for u in range(count)]
        return [Group(f"{at}?", ("a", "b"), votes) for at in range(prompts)]

    assert has_people(named(4, 2))
    assert not has_people(named(3, 2))
    assert not has_people(named(9, 1))
    assert not has_people([Group("?", ("a", "b"), [Comparison(0, 1)] * 9)] * 2)
