"""Splits by prompt: the same prompt on the same side, in any file, in any order, in any spelling of spaces and case."""

import itertools
import random
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polypref.errors import DataError
from polypref.groups.model import Group, Message
from polypref.groups.splitting import check_parts, check_shares, prompt_key, split_groups, split_part

SHARES = {"train": 0.8, "dev": 0.1, "test": 0.1}


def some_groups(n=2000):
    return [Group(f"What is {k} and {k}?", ["a", "b"]) for k in range(n)]


def test_the_parts_are_the_whole_each_group_once_and_in_its_order():
    groups = some_groups()
    parts = split_groups(groups, SHARES)
    assert list(parts) == ["train", "dev", "test"]
    assert sorted(itertools.chain.from_iterable(parts.values()), key=groups.index) == groups
    for part in parts.values():
        assert part == sorted(part, key=groups.index)


def test_the_shares_are_about_right():
    parts = split_groups(some_groups(), SHARES)
    # 2,000 draws: five standard deviations are 89 groups of train, 67 of the others
    assert abs(len(parts["train"]) - 1600) < 89
    assert abs(len(parts["dev"]) - 200) < 67
    assert abs(len(parts["test"]) - 200) < 67


def test_the_order_of_the_groups_does_not_matter():
    groups = some_groups(300)
    shuffled = random.Random(0).sample(groups, len(groups))
    once, again = split_groups(groups, SHARES), split_groups(shuffled, SHARES)
    assert {name: {g.prompt for g in part} for name, part in once.items()} == {
        name: {g.prompt for g in part} for name, part in again.items()
    }


def test_what_else_is_in_the_file_does_not_matter():
    groups = some_groups(300)
    whole = split_groups(groups, SHARES)
    assert split_groups(groups[:50], SHARES) == {
        name: [g for g in part if g in groups[:50]] for name, part in whole.items()
    }


def test_the_split_is_the_same_in_every_process():
    code = (
        "from polypref.groups.model import Group; from polypref.groups.splitting import split_part;"
        f"print(*(split_part(Group(f'prompt {{k}}', ['a']), {SHARES}, 3) for k in range(40)))"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert printed == [split_part(Group(f"prompt {k}", ["a"]), SHARES, 3) for k in range(40)]
    # pinned: a split that someone has published must not move
    assert printed[:8] == ["train", "train", "dev", "train", "dev", "train", "test", "train"]


def test_another_seed_is_another_split():
    groups = some_groups(300)
    assert split_groups(groups, SHARES, seed=0) != split_groups(groups, SHARES, seed=1)


@pytest.mark.parametrize(
    "prompt",
    ["What  is\nTIME?", " what is time? ", [Message("user", "What is time?")], [Message("user", "what is\ttime?")]],
)
def test_a_prompt_spelt_otherwise_is_the_same_prompt(prompt):
    assert prompt_key(Group(prompt, ["a"])) == prompt_key(Group("What is time?", ["a"]))


def test_other_conversations_are_other_prompts():
    one = Group([("user", "What is time?"), ("assistant", "A river."), ("user", "Why?")], ["a"])
    two = Group([("user", "What is time?"), ("assistant", "A clock."), ("user", "Why?")], ["a"])
    assert prompt_key(one) != prompt_key(two)


@settings(max_examples=50)
@given(
    st.lists(st.text(min_size=1).filter(lambda text: not text.isspace()), min_size=1, max_size=20), st.integers(0, 5)
)
def test_no_prompt_is_on_two_sides(prompts, seed):
    groups = [Group(prompt, [str(k)], domain=str(k)) for k, prompt in enumerate([*prompts, *map(str.upper, prompts)])]
    parts = split_groups(groups, {"a": 0.5, "b": 0.5}, seed)
    assert not {prompt_key(g) for g in parts["a"]} & {prompt_key(g) for g in parts["b"]}


def test_a_prompt_with_half_a_surrogate_pair_has_a_side():
    assert split_part(Group("\ud800", ["a"]), {"all": 1.0}) == "all"


def test_a_larger_first_share_only_adds_to_it():
    groups = some_groups(300)
    small = {g.prompt for g in split_groups(groups, {"train": 0.5, "dev": 0.5})["train"]}
    large = {g.prompt for g in split_groups(groups, {"train": 0.8, "dev": 0.2})["train"]}
    assert small < large


def test_splits_of_another_purpose_are_independent():
    train = split_groups(some_groups(), SHARES)["train"]
    again = split_groups(train, SHARES, purpose="held out")
    # five standard deviations of 1,600 draws at 0.1 are 60
    assert abs(len(again["test"]) - len(train) / 10) < 60
    assert split_groups(train, SHARES)["test"] == []  # the same draw finds nothing more


def test_a_part_can_be_split_again_with_another_seed():
    train = split_groups(some_groups(), SHARES)["train"]
    again = split_groups(train, SHARES, seed=1)
    assert abs(len(again["test"]) - len(train) / 10) < 60


def test_parts_without_a_group_are_refused():
    check_parts({}, 0)
    check_parts({"train": 9, "dev": 1}, 0)
    with pytest.raises(DataError, match="of 9 groups none falls into dev or test with the seed 3: give another seed"):
        check_parts({"train": 9, "dev": 0, "test": 0}, 3)


@pytest.mark.parametrize(
    ("shares", "given_as"),
    [
        ({}, "none"),
        ({"train": 0.9}, "train=0.9"),
        ({"train": 0.9, "dev": 0.2}, "train=0.9, dev=0.2"),
        ({"train": 1.2, "dev": -0.2}, "train=1.2, dev=-0.2"),
        ({"train": 1.0, "dev": 0.0}, "train=1, dev=0"),
        ({"train": float("nan")}, "train=nan"),
    ],
)
def test_shares_that_are_none_are_refused(shares, given_as):
    with pytest.raises(DataError) as refusal:
        check_shares(shares)
    assert str(refusal.value) == (
        f"expected positive shares that add up to 1, such as train=0.9,dev=0.1, got {given_as}"
    )


def test_shares_may_add_up_to_one_but_for_rounding():
    check_shares(dict.fromkeys("abcdefghij", 0.1))
