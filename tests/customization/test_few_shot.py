"""Few-shot customisation: nested subsets, and a curve that is not measured twice."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from polypref.customization import few_shot
from polypref.customization.config import make_customize_config
from polypref.customization.few_shot import first_comparisons
from polypref.customization.recipe import customize
from tests.training.conftest import make_groups

GROUPS = make_groups(12)
TOTAL = sum(len(group.comparisons) for group in GROUPS)


def said(groups):
    return [(group.prompt, comparison) for group in groups for comparison in group.comparisons]


@given(st.integers(0, TOTAL), st.integers(0, TOTAL), st.integers(0, 5))
def test_fewer_comparisons_are_the_first_of_more(fewer, more, seed):
    fewer, more = sorted((fewer, more))
    small, large = (said(first_comparisons(GROUPS, number, seed)) for number in (fewer, more))
    assert len(small) == fewer
    assert small == large[:fewer]


def test_groups_stay_whole_but_the_last():
    found = first_comparisons(GROUPS, TOTAL - 1, seed=3)
    whole = {group.prompt: group for group in GROUPS}
    assert all(group == whole[group.prompt] for group in found[:-1])


def test_the_curve_has_a_point_for_every_number_and_for_all(settings, tmp_path, monkeypatch):
    runs = []
    real = few_shot.train
    monkeypatch.setattr(few_shot, "train", lambda config, *a, **k: runs.append(config.out) or real(config, *a, **k))
    quick = {"domains": {"training": {"max_steps": 1}}, "general": {"training": {"max_steps": 1}}}
    made = settings(few_shot=[8, 16, 1000], **quick)
    curve = customize(make_customize_config(made)).few_shot["academy"]
    total = curve.points[-1].comparisons
    assert [point.comparisons for point in curve.points] == [8, 16, total]
    assert len(runs) == 6
    folder = tmp_path / "out" / "few_shot" / "domains" / "academy"
    assert {path.name for path in folder.iterdir()} == {
        "curve.json", "curve.png", *(f"{n}-{kind}.json" for n in (8, 16, total) for kind in ("customised", "scratch")),
    }  # fmt: skip
    assert customize(make_customize_config(made)).few_shot["academy"] == curve
    assert len(runs) == 6


def test_both_arms_are_trained_equally_long(settings, monkeypatch):
    runs = []
    real = few_shot.train
    monkeypatch.setattr(few_shot, "train", lambda config, *a, **k: runs.append(config) or real(config, *a, **k))
    quick = {"domains": {"training": {"max_steps": 2}}, "general": {"training": {"max_steps": 1, "batch_size": 4}}}
    customize(make_customize_config(settings(few_shot=[8], **quick)))
    assert [(run.max_steps, run.batch_size) for run in runs] == [(2, 8)] * 4
    runs.clear()
    customize(make_customize_config(settings(few_shot=[8], few_shot_steps=3, **quick)))
    assert [run.max_steps for run in runs] == [3] * 4  # and what was measured after two is not taken for it
