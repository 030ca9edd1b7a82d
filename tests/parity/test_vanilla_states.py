"""States are the logits of vanilla transformers, one sequence at a time, whatever is computed together."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.models.test_encoder import ALONE, GROUPS, SHARING, states_under
from tests.tolerance import ANOTHER_WAY, near

from polypref import Group

texts = st.text(alphabet="ab the\n?", min_size=1, max_size=30).filter(str.strip)
some_groups = st.lists(
    st.builds(Group, texts, st.lists(texts, min_size=1, max_size=5).map(tuple)), min_size=1, max_size=4
)


@pytest.mark.parametrize("name", SHARING + ALONE)
@pytest.mark.parametrize("budget", [1, 60, 150, 100_000])
def test_states_are_the_logits_of_vanilla_transformers(built, vanilla, name, budget):
    model = built(name)
    for ours, expected in zip(states_under(model, GROUPS, budget), vanilla(model, GROUPS), strict=True):
        near(ours, expected, roundings=ANOTHER_WAY)


@pytest.mark.parametrize("name", ["llama", "qwen2", "mistral", "gpt2"])
@given(groups=some_groups, budget=st.integers(1, 400))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_shape_of_the_groups_and_no_budget_changes_the_states(built, vanilla, name, groups, budget):
    model = built(name)
    for ours, expected in zip(states_under(model, groups, budget), vanilla(model, groups), strict=True):
        near(ours, expected, roundings=ANOTHER_WAY)


def test_cut_inputs_have_the_states_of_vanilla_transformers(built, vanilla):
    for name in ("llama", "mistral", "bert"):
        model = built(name, max_length=24)
        groups = [Group("the question " * 9, ("a", "the answer " * 2, "abcdefgh" * 9)), Group("?", ("abcdefgh" * 9,))]
        for ours, expected in zip(model.states(groups), vanilla(model, groups), strict=True):
            near(ours, expected, roundings=ANOTHER_WAY)
