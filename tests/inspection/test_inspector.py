"""Inspections: what they say of populations whose truth is known, and of real data."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from functools import cache

import pytest
from tests.conftest import ROOT
from tests.inspection.cases import CASES, PINNED
from tests.inspection.crowds import crowded

from polypref import Group, Inspection, Undefined, inspect_groups, load_groups, simulate

DATA = ROOT.parent / "shared" / "data"


def test_order_of_responses_and_groups_does_not_matter():
    def turned(group: Group) -> Group:
        last = len(group) - 1
        return replace(
            group,
            responses=group.responses[::-1],
            sources=group.sources[::-1],
            comparisons=tuple(replace(c, i=last - c.j, j=last - c.i, p=1 - c.p) for c in group.comparisons),
        )

    groups = simulate("cyclic", 40, seed=3)
    one, other = inspect_groups(groups), inspect_groups([turned(group) for group in groups])
    assert other.cyclic_share.value == pytest.approx(one.cyclic_share.value)
    assert other.agreement.comparisons.alpha == pytest.approx(one.agreement.comparisons.alpha)
    assert other.length_bias.longer_wins == pytest.approx(one.length_bias.longer_wins)
    assert other.contradictions == one.contradictions


def test_nothing_to_inspect_is_undefined():
    with pytest.raises(Undefined, match="no groups"):
        inspect_groups([])


def test_the_same_data_give_the_same_bytes_in_every_process():
    code = (
        "import json, polypref; print(json.dumps(polypref.inspect_groups(polypref.simulate('domains', 40)).as_dict()))"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(printed) == 1
    assert json.loads(printed.pop())["groups"] == 40


def alike(found: object, pinned: object, where: str) -> None:
    """The same keys in the same order, types and values; the last digits of a float are the processor's."""
    assert type(found) is type(pinned), where
    if isinstance(pinned, dict):
        assert list(found) == list(pinned), where
        for key, value in pinned.items():
            alike(found[key], value, f"{where}.{key}")
    elif isinstance(pinned, list):
        assert len(found) == len(pinned), where
        for k, value in enumerate(pinned):
            alike(found[k], value, f"{where}[{k}]")
    else:
        assert found == (pytest.approx(pinned, rel=1e-9) if isinstance(pinned, float) else pinned), where


@pytest.mark.parametrize("case", CASES)
def test_the_json_is_as_it_was(case):
    pinned = json.loads(PINNED.read_text(encoding="utf-8"))[case]
    alike(json.loads(json.dumps(inspect_groups(CASES[case]).as_dict())), pinned, case)


def test_groups_of_one_prompt_are_one_prompt():
    groups = [*crowded("law", 12, "long", 0), *crowded("art", 12, "short", 1)]
    alike = [replace(group, prompt=f"{group.domain} {k % 3}") for k, group in enumerate(groups)]
    assert inspect_groups(alike).prompts == 6
    assert not inspect_groups(alike).conflicts
    apart, together = inspect_groups(groups).length_bias, inspect_groups(alike).length_bias
    assert apart.longer_wins == together.longer_wins
    assert together.high - together.low > apart.high - apart.low


@pytest.mark.skipif(not DATA.exists(), reason="the real data are not here")
class TestRealData:
    @staticmethod
    @cache
    def inspect(name: str) -> Inspection:
        with pytest.warns(UserWarning, match="left out"):
            return inspect_groups(load_groups(DATA / f"{name}.jsonl.gz", skip_bad=True))

    def test_helpful_and_harmless_votes_conflict(self):
        (conflict,) = self.inspect("hidden_context/both.train").conflicts
        assert {conflict.a, conflict.b} == {"helpful", "harmless"}
        assert conflict.method == "predicted"
        assert conflict.serious

    def test_the_longer_answer_wins_alpaca_eval(self):
        found = self.inspect("alpaca_eval/pairs.train")
        assert found.length_bias.longer_wins == pytest.approx(0.89, abs=0.03)
        assert found.cyclic_share is None
        assert "close no loop" in found.why["cyclic share"] or "close a loop" in found.why["cyclic share"]

    def test_every_domain_prefers_its_own(self):
        conflicts = self.inspect("dsp/domains.train").conflicts
        assert len(conflicts) == 6
        assert all(c.method == "observed" and c.disagree > 0.9 for c in conflicts)

    def test_twelve_topics_of_one_crowd_show_no_conflict(self):
        path = DATA / "convarg" / "crowd.train.jsonl.gz"
        if not path.exists():
            pytest.skip("the arguments judged by a crowd are not here")
        found = inspect_groups(load_groups(path))
        assert found.comparisons > 30_000
        assert set(found.sizes.domains.values()) == {2}
        assert not any(c.serious for c in found.conflicts)
        assert found.recommended_head == "scalar"
        assert not any("domain" in reason for reason in found.reasons)
