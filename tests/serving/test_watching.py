"""Who clicks at random: told from people who agree, who disagree in taste, and who said little."""

from __future__ import annotations

import numpy as np
import pytest

from polypref import Comparison, Group
from polypref.serving.watching import habits


def crowd(agreement: dict[str, float], pairs: int = 60, seed: int = 0) -> list[Group]:
    """Everybody judges every pair, and says what is true of it with their probability."""
    rng = np.random.default_rng(seed)
    groups = []
    for at in range(pairs):
        true = bool(rng.random() < 0.5)
        said = [Comparison(0, 1, float(true == (rng.random() < p)), who) for who, p in agreement.items()]
        groups.append(Group(f"q{at}", ("a", "b"), said))
    return groups


USUAL = {f"p{k}": 0.85 for k in range(8)}


def test_who_clicks_at_random_is_told_from_who_disagrees() -> None:
    found = habits(crowd({**USUAL, "coin": 0.5, "contrary": 0.05, "doubtful": 0.75}))
    assert [who for who, one in found.items() if one.at_random] == ["coin"]
    assert found["contrary"].agreed < 12
    assert found["coin"].accuracy == pytest.approx(0.5, abs=0.15)
    assert found["p0"].accuracy == pytest.approx(0.85, abs=0.1)


def test_nobody_is_suspected_in_a_crowd_of_one_kind() -> None:
    wrong = sum(any(one.at_random for one in habits(crowd(USUAL, 30, seed)).values()) for seed in range(100))
    assert wrong <= 5 + 2 * 2.2, "1 in 20 crowds at most, and two standard deviations"


def test_the_counts_by_hand() -> None:
    said = [Comparison(0, 1, 1.0, "ann"), Comparison(1, 0, 0.0, "bob"), Comparison(0, 1, 0.0, "cid")]
    more = [Comparison(0, 1, 0.5, "ann"), Comparison(1, 0, 1.0, "dot"), Comparison(0, 1, 1.0)]
    found = habits([Group("q", ("a", "b"), said), Group("r", ("a", "b"), more)])
    assert {who: (one.compared, one.agreed) for who, one in found.items()} == {
        "ann": (0, 0),  # bob and cid are divided
        "bob": (0, 0),
        "cid": (1, 0),  # ann and bob agree
        "dot": (0, 0),  # nobody else decided
    }
    assert habits([]) == {}
